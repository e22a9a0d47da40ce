use std::collections::BTreeSet;

use super::rule::{Group, Rule};
use super::{Emitted, Groups, four_digits};
use crate::cost::Cost;
use crate::emit::Estimates;
use crate::emit::promql::RECORDED;
use crate::stack::{Duration, Indicator, Stack, Target};

pub(super) fn example() -> Stack {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/stacks/customer-support/stack.kdl");
    crate::compile::compile(std::path::Path::new(path), "stack.kdl", &crate::policy::Policies::shipped())
        .stack
        .expect("the example resolves")
}

/// What `of` makes of what is estimated about the stack.
fn estimated<T>(stack: &Stack, of: impl Fn(Estimates<'_>) -> T) -> T {
    let fits = crate::fit::of_stack(stack);
    let capacities = crate::capacity::of_stack(stack, &fits);
    let cost = Cost::of(stack, &capacities).expect("a sum");
    of(Estimates { fits: &fits, capacities: &capacities, cost: Some(&cost) })
}

pub(super) fn emit(stack: &Stack) -> Emitted {
    estimated(stack, |estimates| super::emit(stack, estimates))
}

fn groups(stack: &Stack) -> Vec<Group> {
    let groups = estimated(stack, |estimates| Groups::of(stack, estimates));
    groups.service.into_iter().chain(groups.cost).chain(groups.experiments).collect()
}

fn faults(stack: &Stack) -> Vec<String> {
    emit(stack).faults.iter().map(|f| f.message.clone()).collect()
}

fn names(stack: &Stack, wanted: fn(&Rule) -> bool) -> BTreeSet<String> {
    groups(stack).iter().flat_map(|g| &g.rules).filter(|r| wanted(r)).map(|r| r.name().to_owned()).collect()
}

#[test]
fn what_is_recorded_is_what_may_be_read() {
    let mut stack = example();
    let price = stack.pools["a100"].prices.on_demand.clone().expect("a price");
    let pool = stack.pools.get_mut("a100").expect("the pool");
    pool.prices.reserved = Some((8, price.clone()));
    pool.prices.spot = Some((rust_decimal::Decimal::new(5, 1), price.clone()));
    (stack.prices.cpu_hour, stack.prices.memory_gib_hour) = (Some(price.clone()), Some(price));
    let recorded = names(&stack, |rule| matches!(rule, Rule::Record(_)));
    assert_eq!(faults(&stack), Vec::<String>::new());
    assert_eq!(recorded, RECORDED.iter().map(|r| r.name.to_owned()).collect());
}

#[test]
fn no_query_of_any_known_version_is_unsound() {
    for version in ["0.8.5", "0.9.1", "0.9.2", "0.10.2", "0.11.0", "0.15.1", "0.20.0", "0.32.0"] {
        let mut stack = example();
        for model in stack.models.values_mut() {
            model.engine_version = version.parse().expect("a version");
        }
        assert_eq!(faults(&stack), Vec::<String>::new(), "{version}");
    }
}

#[test]
fn an_objective_off_the_buckets_has_no_rules() {
    let mut stack = example();
    let model = stack.models.get_mut("llama-8b").expect("the small model");
    model.objectives.get_mut(&Indicator::Ttft).expect("its objective").below = Duration::parse("600ms");
    let text = emit(&stack).files.into_iter().map(|(_, text)| text).collect::<String>();
    assert!(text.contains("llmc_model=\"llama-8b\"") && !text.contains("600ms") && !text.contains("0\\\\.6"));
}

#[test]
fn alerts_that_cannot_fire_are_left_out() {
    let burns = |target: f64, window: &str| {
        let mut stack = example();
        stack.models.remove("llama-8b");
        let objectives = &mut stack.models.get_mut("llama-70b").expect("the large model").objectives;
        objectives.remove(&Indicator::Availability);
        let objective = objectives.get_mut(&Indicator::Ttft).expect("its objective");
        (objective.target, objective.window) = (target, Duration::parse(window).expect("a window"));
        let alerts = names(&stack, |rule| matches!(rule, Rule::Alert(_)));
        alerts.into_iter().filter_map(|name| Some(name.strip_prefix("ErrorBudgetBurn")?.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(burns(0.99, "30d"), ["Fast", "Medium", "Slow"]);
    // 14.4 times 10 % is more than every request.
    assert_eq!(burns(0.9, "30d"), ["Medium", "Slow"]);
    // No window is so short that nothing watches it.
    assert_eq!(burns(0.99, "1d"), ["Fast", "Medium", "Slow"]);
}

#[test]
fn thresholds_are_scaled_to_the_window_and_exact() {
    let mut stack = example();
    let objectives = &mut stack.models.get_mut("llama-70b").expect("the large model").objectives;
    objectives.get_mut(&Indicator::Ttft).expect("its objective").window = Duration::parse("28d").expect("a window");
    let exprs: String = groups(&stack).iter().flat_map(|g| &g.rules).map(|r| format!("{}\n", r.expr())).collect();
    assert!(!exprs.contains("00000000"), "a float was printed");
    for threshold in ["> 0.1344 and", "> 0.056 and", "> 0.028 and", "> 0.0144 and", "> 0.006 and", "> 0.003 and"] {
        assert!(exprs.contains(threshold), "{threshold}");
    }
}

#[test]
fn without_models_there_is_nothing_to_measure() {
    let mut stack = example();
    stack.models.clear();
    stack.experiments.clear();
    stack.routes.retain(|_, route| matches!(route.target, Target::External(_)));
    // The server in front of somebody else's model is still in the cluster.
    let alerts = names(&stack, |rule| matches!(rule, Rule::Alert(_)));
    assert_eq!(alerts, BTreeSet::from(["GuardrailsDown".to_owned()]));
    stack.routes.clear();
    let emitted = emit(&stack);
    assert!(emitted.files.is_empty() && emitted.objects.is_empty() && emitted.faults.is_empty());
}

/// A tenth of a week's budget in a day is less than the allowed rate, which is no reason to alert.
#[test]
fn the_allowed_rate_of_bad_requests_is_no_alert() {
    let mut stack = example();
    let objectives = &mut stack.models.get_mut("llama-70b").expect("the large model").objectives;
    objectives.get_mut(&Indicator::Ttft).expect("its objective").window = Duration::parse("7d").expect("a window");
    let groups = groups(&stack);
    let slow = groups.iter().flat_map(|g| &g.rules).find(|r| r.name() == "ErrorBudgetBurnSlow").expect("the alert");
    assert!(slow.expr().ends_with("> 0.01"), "{}", slow.expr());
}

/// Whatever a check lets through: templates and YAML take it as text.
#[test]
fn text_of_a_user_stays_text() {
    let mut stack = example();
    let owner = "{{ $value }}\"': #\n- x";
    stack.owner = Some(owner.into());
    let emitted = emit(&stack);
    assert!(emitted.faults.is_empty());
    for (path, text) in emitted.files {
        let file: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        let lists = [("groups", "/rules"), ("tests", "/alert_rule_test/0/exp_alerts")];
        let lists =
            lists.iter().flat_map(|(list, items)| Some(file[list].as_array()?.iter().filter_map(move |l| l.pointer(items)?.as_array())));
        let items: Vec<&serde_json::Value> = lists.flatten().flatten().collect();
        let label = |item: &serde_json::Value| item["labels"]["team"].as_str().or(item["exp_labels"]["team"].as_str()).map(str::to_owned);
        let team = items.into_iter().find_map(label).expect("an alert with a team");
        assert_eq!(team.replace("{{\"{\"}}", "{"), owner, "{path}");
        assert_eq!(team == owner, path.ends_with("tests.yaml"), "templates are escaped in rules, and only there");
    }
}

#[test]
fn numbers_read_as_go_prints_them() {
    for (value, text) in [(0.0, "0"), (95.0, "95"), (17.284, "17.28"), (9.99996, "10"), (100.0, "100"), (0.01, "0.01"), (1.5, "1.5")] {
        assert_eq!(four_digits(value), text);
    }
}
