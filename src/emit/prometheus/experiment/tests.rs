use super::super::tests::{emit, example};
use super::end::end_of;
use super::*;
use crate::spec::{Day, ExperimentState};
use crate::stack::{Arm, PARTS};

fn edited(edit: impl Fn(&mut Experiment)) -> Stack {
    let mut stack = example();
    edit(stack.experiments.get_mut("support-v2").expect("the experiment"));
    stack
}

/// Names of the alerts about experiments, with what tells them apart.
fn alerts(stack: &Stack) -> Vec<String> {
    assert_eq!(emit(stack).faults.iter().map(|f| f.message.clone()).collect::<Vec<_>>(), Vec::<String>::new());
    let groups = groups(stack);
    let rules = groups.iter().flat_map(|group| &group.rules);
    let about = |alert: &Alert| ["llmc_metric", "llmc_variant"].iter().filter_map(|l| alert.labels.get(*l).cloned()).collect::<Vec<_>>();
    let named = rules.filter_map(|rule| match rule {
        Rule::Alert(alert) => Some(std::iter::once(alert.name.clone()).chain(about(alert)).collect::<Vec<_>>().join(" ")),
        Rule::Record(_) => None,
    });
    named.collect()
}

#[test]
fn a_running_experiment_is_watched() {
    assert_eq!(
        alerts(&example()),
        [
            "ExperimentExposuresAbsent",
            "ExperimentArmWithoutExposures control",
            "ExperimentArmWithoutExposures treatment",
            "ExperimentSampleRatioMismatch",
            "ExperimentUsersWithoutKey",
            "ExperimentGuardWorse ttft treatment",
            "ExperimentPastItsEnd",
            "ExperimentEvaluationErrors",
        ]
    );
}

#[test]
fn a_stopped_one_is_only_asked_for() {
    let stack = edited(|experiment| experiment.state = ExperimentState::Stopped);
    assert_eq!(alerts(&stack), ["ExperimentStillAsked"]);
}

#[test]
fn without_a_last_day_nobody_is_reminded() {
    assert!(!alerts(&edited(|experiment| experiment.ends = None)).contains(&"ExperimentPastItsEnd".into()));
}

#[test]
fn arms_that_are_not_filled_are_not_waited_for() {
    let stack = edited(|experiment| {
        let arm = |active_parts| Arm { version: "v2".into(), slot_parts: PARTS / 4, active_parts };
        experiment.arms.insert("third".into(), arm(0));
        experiment.arms.insert("fourth".into(), arm(7));
    });
    let alerts = alerts(&stack);
    assert!(alerts.contains(&"ExperimentArmWithoutExposures fourth".into()));
    assert!(!alerts.contains(&"ExperimentArmWithoutExposures third".into()));
    assert!(alerts.contains(&"ExperimentGuardWorse ttft third".into()), "a guard is told of whatever is reported");
}

/// Whoever has the last day in a late timezone has a few hours of it more.
#[test]
fn the_last_day_ends_at_midnight_in_utc() {
    let day = |text| end_of(Day::parse(text).expect("a day"));
    assert_eq!(day("1970-01-01"), Some(86_400));
    // `date --utc --date 2026-12-21 +%s`
    assert_eq!(day("2026-12-20"), Some(1_797_811_200));
    assert_eq!(day("2028-02-29"), Some(1_835_481_600));
    assert_eq!(day("1969-12-30"), None);
    assert_eq!(day("9999-12-31"), None);
    let groups = groups(&example());
    let past = groups.iter().flat_map(|group| &group.rules).find(|rule| rule.name() == "ExperimentPastItsEnd").expect("the alert");
    assert_eq!(past.expr(), "vector(time()) > 1797811200");
}

#[test]
fn names_of_users_stay_names() {
    let hostile = "x\"} or up{a=\"{{ $value }}|.*\\\n";
    let mut stack = edited(|experiment| {
        experiment.name = hostile.into();
        experiment.control = hostile.into();
        let arm = experiment.arms.remove("control").expect("the control");
        experiment.arms.insert(hostile.into(), arm);
        let guard = experiment.guards.remove("ttft").expect("the guard");
        experiment.guards.insert(hostile.into(), guard);
    });
    let experiment = stack.experiments.remove("support-v2").expect("the experiment");
    stack.experiments.insert(hostile.into(), experiment);
    assert_eq!(alerts(&stack).len(), 8);
    for rule in groups(&stack).iter().flat_map(|group| &group.rules) {
        let tree = promql_parser::parser::parse(rule.expr()).unwrap_or_else(|e| panic!("{e}: {}", rule.expr()));
        assert!(!format!("{tree:?}").contains(r#"name: Some("up")"#), "{}", rule.expr());
        assert!(!rule.to_value()["annotations"].to_string().contains("{{ $value }}|"), "{}", rule.name());
    }
}
