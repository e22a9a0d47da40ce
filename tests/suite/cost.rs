//! `llmc cost`: hand calculations of the example stacks, each kind of item, and numbers made to break it.

mod by_hand;
mod output;

use std::fs;
use std::path::Path;

use llmc::capacity::Capacity;
use llmc::cost::{Cost, Kind, Monthly};
use llmc::estimate::throughput::{Limit, Range, Throughput};
use llmc::spec::Money;
use llmc::stack::{Price, Stack};
use llmc::{capacity, fit};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::harness::{copy, edit, example_stacks, llmc, resolved, root};

/// Prices that a stack's own blocks do not state, so that no list decides what these tests compute.
const UNIT_PRICES_KDL: &str = "    prices cpu-hour=0.04 memory-gib-hour=0.005 storage-gib-month=0.1\n";
const UNIT_PRICES_YAML: &str = "prices: {cpu-hour: 0.04, memory-gib-hour: 0.005, storage-gib-month: 0.1}\n";

/// A copy of an example stack with unit prices of its own, after `edits`.
fn example(name: &str, edits: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("stacks").join(name), folder.path());
    let kdl = folder.path().join("stack.kdl");
    if kdl.is_file() {
        let text = fs::read_to_string(&kdl).unwrap();
        assert!(!text.contains("prices "), "the example states its own");
        let end = text.rfind('}').unwrap();
        fs::write(&kdl, format!("{}{UNIT_PRICES_KDL}}}\n", &text[..end])).unwrap();
    } else {
        let yaml = folder.path().join("stack.yaml");
        let text = fs::read_to_string(&yaml).unwrap();
        assert!(!text.contains("prices:"), "the example states its own");
        fs::write(&yaml, text + UNIT_PRICES_YAML).unwrap();
    }
    for (from, to) in edits {
        edit(&folder.path().join("stack.kdl"), from, to);
    }
    folder
}

/// The one stack of `llmc cost --json` in `folder`, and the exit code.
fn priced(folder: &Path) -> (Value, i32) {
    let run = llmc(folder, &["cost", "--json", "."]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
    (document["stacks"][0].clone(), run.code)
}

/// Minimum, expected and maximum of an item.
fn item(stack: &Value, kind: &str, name: &str) -> [String; 3] {
    let items = stack["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["kind"] == kind && item["name"] == name).unwrap_or_else(|| panic!("{kind} {name}: {stack:#}"));
    assert_eq!(item["unknown"], Value::Null, "{item:#}");
    amounts(&item["monthly"])
}

fn amounts(monthly: &Value) -> [String; 3] {
    ["minimum", "expected", "maximum"].map(|part| monthly[part].as_str().unwrap().to_owned())
}

fn model<'v>(stack: &'v Value, name: &str) -> &'v Value {
    stack["models"].as_array().unwrap().iter().find(|model| model["name"] == name).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// `amount` to the cent.
fn cents(amount: Decimal) -> String {
    let mut rounded = amount.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded.to_string()
}

/// The case of one route on an external model, after `edits`: 1 request/s of 900 tokens of prompt and 250 of
/// answer at 2.50, 1.25 from the cache and 10.00 a million.
fn on_tokens(edits: &[(&str, &str)]) -> (Value, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/checks/LLMC-B012/good"), folder.path());
    for (from, to) in edits {
        edit(&folder.path().join("stack.kdl"), from, to);
    }
    let (stack, code) = priced(folder.path());
    assert_eq!(code, 0, "{}", llmc(folder.path(), &["cost", "."]).stderr);
    (stack, folder)
}

const LOAD: &str = "output-tokens=250";
const UNIT_PRICES: (&str, &str) =
    ("namespace \"llm\"\n", "namespace \"llm\"\n prices cpu-hour=0.04 memory-gib-hour=0.005 storage-gib-month=0.1\n");

fn saving(stack: &Value, kind: &str) -> [String; 2] {
    let effect = stack["effects"].as_array().unwrap().iter().find(|effect| effect["kind"] == kind).unwrap();
    ["saving_at_least", "saving_at_most"].map(|bound| effect[bound].as_str().unwrap_or_else(|| panic!("{effect:#}")).to_owned())
}

#[test]
fn tokens_are_priced_by_the_million() {
    let (stack, _folder) = on_tokens(&[]);
    // 2,628,000 requests: 2,365.2 million tokens x 2.50 = 5,913.00, and 657 million x 10.00 = 6,570.00.
    assert_eq!(item(&stack, "tokens", "gpt-4o"), ["0.00", "12483.00", "12483.00"]);
    // 900 x 2.50 and 250 x 10.00 by a million.
    assert_eq!(stack["routes"][0]["per_request"], "0.004750");
    assert_eq!(model(&stack, "gpt-4o")["per_million_tokens"], "4.130435", "0.004750 / 1,150 x 1,000,000");
}

#[test]
fn cached_input_has_its_own_price() {
    let stated = "output-tokens=250 load-factor=0.5 { prefix-hits at-least=0.4 at-most=0.8; }";
    let (stack, _folder) = on_tokens(&[(LOAD, stated)]);
    // 540 x 2.50 + 360 x 1.25 + 250 x 10.00 by a million = 0.0043 a request; 1,314,000 requests in a month of
    // half the busy hour, 2,628,000 in one that is busy throughout.
    assert_eq!(item(&stack, "tokens", "gpt-4o"), ["0.00", "5650.20", "11300.40"]);
    // Without hits 0.00475 x 1,314,000 = 6,241.50; at 80 % 180 x 2.50 + 720 x 1.25 + 250 x 10.00 = 0.00385,
    // 5,058.90.
    assert_eq!(saving(&stack, "prefix-caching"), ["591.30", "1182.60"]);
}

#[test]
fn a_semantic_cache_saves_a_range_and_costs_its_server() {
    let cache = "output-tokens=250\n cache \"semantic\" similarity=0.9 ttl=\"1h\" {\n hits at-least=0.2 at-most=0.4\n resources cpu=\"1\" memory=\"2Gi\"\n }\n";
    let (stack, folder) = on_tokens(&[(LOAD, cache), UNIT_PRICES]);
    // (1 x 0.04 + 2 x 0.005) x 730 = 36.50, and 80 % of 12,483.00.
    assert_eq!(item(&stack, "semantic-cache", "chat"), ["36.50"; 3]);
    assert_eq!(item(&stack, "tokens", "gpt-4o"), ["0.00", "9986.40", "9986.40"]);
    assert_eq!((&stack["routes"][0]["requests"], &stack["routes"][0]["monthly"]), (&"2628000".into(), &"10022.90".into()));
    // 12,483.00 without it; 10,022.90 at 20 %, 60 % of 12,483.00 + 36.50 = 7,526.30 at 40 %.
    assert_eq!(saving(&stack, "semantic-cache"), ["2460.10", "4956.70"]);
    let text = llmc(folder.path(), &["cost", "."]).stdout;
    assert!(text.contains("semantic cache of route `chat`: saves 2,460.10 to 4,956.70 at 20 % to 40 %, as stated"), "{text}");
    // Without a stated share nothing is saved and it still costs.
    edit(&folder.path().join("stack.kdl"), "hits at-least=0.2 at-most=0.4", "");
    let (stack, _) = priced(folder.path());
    assert_eq!(item(&stack, "tokens", "gpt-4o")[1], "12483.00");
    let effect = &stack["effects"][0];
    assert!(effect["saving_at_least"].is_null() && effect["note"].as_str().unwrap().contains("cache … { hits"), "{effect:#}");
}

/// A cheaper external model beside the other.
const MINI: (&str, &str) = (
    "    prompt \"chat\" {",
    "    external \"mini\" {\n provider \"openai\"\n input-price-per-million 0.50\n cached-input-price-per-million 0.25\n output-price-per-million 2.00\n token-secret \"openai\" key=\"key\"\n }\n    prompt \"chat\" {",
);

#[test]
fn tiers_and_fallbacks_are_priced_by_their_share() {
    let tier = "output-tokens=250\n tier \"easy\" model=\"mini\" { share at-least=0.3 at-most=0.5; }\n";
    let (stack, _folder) = on_tokens(&[(LOAD, tier), MINI]);
    // A request on mini: 900 x 0.50 + 250 x 2.00 by a million = 0.00095. 30 % there: 788,400 x 0.00095 = 748.98,
    // at most 50 %: 1,248.30. 70 % of 12,483.00 = 8,738.10 here.
    assert_eq!(item(&stack, "tokens", "mini"), ["0.00", "748.98", "1248.30"]);
    assert_eq!(item(&stack, "tokens", "gpt-4o"), ["0.00", "8738.10", "8738.10"]);
    // 12,483.00 - 9,487.08; at 50 % 6,241.50 + 1,248.30 = 7,489.80.
    assert_eq!(saving(&stack, "tier"), ["2995.92", "4993.20"]);
    let fallback = "output-tokens=250\n fallback \"mini\" { share at-least=0.1; }\n";
    let (stack, _folder) = on_tokens(&[(LOAD, fallback), MINI]);
    assert_eq!(item(&stack, "tokens", "mini"), ["0.00", "249.66", "249.66"], "a tenth of 2,496.60, beside all of the others");
    assert_eq!(stack["routes"][0]["monthly"], "12732.66");
}

/// 10^9 requests of 10^9 tokens at 10^12 are more than a decimal holds.
#[test]
fn tokens_of_any_number_are_added_up_or_refused() {
    let folder = on_tokens(&[]).1;
    edit(
        &folder.path().join("stack.kdl"),
        "requests-per-second=1 input-tokens=900",
        "requests-per-second=1000000000 input-tokens=1000000000",
    );
    let (stack, _) = priced(folder.path());
    // 2.628 x 10^15 requests x (10^9 x 2.50 + 250 x 10.00) / 10^6.
    assert_eq!(item(&stack, "tokens", "gpt-4o")[1], "6570006570000000000.00");
    edit(&folder.path().join("stack.kdl"), "input-price-per-million 2.50", "input-price-per-million 1000000000000");
    let run = llmc(folder.path(), &["cost", "."]);
    assert!(run.code == 1 && run.stdout.is_empty(), "{}", run.stdout);
    for words in ["LLMC-B014", "the tokens of `gpt-4o`", "input-price-per-million 1000000000000", "requests-per-second=1000000000"] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    edit(&folder.path().join("stack.kdl"), "requests-per-second=1000000000", "requests-per-second=1000000000000");
    assert_eq!(llmc(folder.path(), &["cost", "."]).code, 1, "a load of 10^12 is refused where it stands");
}

#[test]
fn no_load_is_no_tokens_and_no_statement_is_not_known() {
    let (none, folder) = on_tokens(&[("requests-per-second=1 ", "requests-per-second=0 ")]);
    assert_eq!((item(&none, "tokens", "gpt-4o"), &none["is_partial"]), (["0.00"; 3].map(str::to_owned), &Value::Bool(false)));
    assert!(none["routes"][0]["per_request"].is_null() && none["models"][0]["per_million_tokens"].is_null(), "{none:#}");
    edit(&folder.path().join("stack.kdl"), "load requests-per-second=0 input-tokens=900 output-tokens=250", "");
    let (unknown, code) = priced(folder.path());
    assert_eq!((code, &unknown["is_partial"], &unknown["items"][0]["monthly"]["expected"]), (0, &Value::Bool(true), &"0.00".into()));
    let text = llmc(folder.path(), &["cost", "."]).stdout;
    assert!(text.contains("at least 0.00 USD") && text.contains("the tokens of `gpt-4o`: state `load` of route `chat`"), "{text}");
}

/// The GPU time of a request of a model of the stack: 4 GPUs x 2.21 an hour.
#[test]
fn a_request_on_gpus_costs_its_time() {
    let mut stack = stack("customer-support");
    stack.routes.clear();
    let target = llmc::stack::Target::Model("llama-70b".to_owned());
    // 2.5 requests/s of 900 and 250 tokens, a quarter of the time for prompts: 0.1 s for 900 tokens of prompt
    // and 0.3 s for 250 of answer. Twice of each is 0.8 s at 8.84 / 3,600.
    let length = llmc::cost::Length { prompt_low: 1800, prompt_high: 1800, answer: 500, checks: llmc::cost::Checks::default() };
    let cost = llmc::cost::cost_of_request(&stack, &serving(&stack, 2.5), &target, length).unwrap();
    assert_eq!((cost.low.round_dp(9), cost.high.round_dp(9)), (decimal("0.001964444"), decimal("0.001964444")));
    assert_eq!(llmc::cost::cost_of_request(&stack, &[], &target, length), None, "without a throughput nothing is said");
}

/// 5,000 tokens of question and 500 of answer, at 1.25 (cached) to 2.50 and 10.00 a million: 0.01125 to 0.0175.
#[test]
fn self_checks_are_part_of_the_longest_request() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/checks/LLMC-B012/good"), folder.path());
    let spec = folder.path().join("stack.kdl");
    edit(&spec, "per-request 0.02", "per-request 0.018");
    let check = || {
        let run = llmc(folder.path(), &["check", "."]);
        run.stdout + &run.stderr
    };
    assert!(!check().contains("LLMC-B01"), "{}", check());
    let guardrails = "    guardrails \"default\" {\n image \"registry.example.com/nemo-guardrails:0.24.1\"\n input {\n self-check max-tokens=3\n }\n \
                      output {\n self-check max-tokens=3\n }\n }\n    prompt \"chat\" {";
    edit(&spec, "    prompt \"chat\" {", guardrails);
    edit(&spec, "model \"gpt-4o\"", "model \"gpt-4o\"\n guardrails \"default\"");
    // The question is read twice and the answer once: 10,500 x 1.25 + 500 x 10.00 by a million.
    let text = check();
    assert!(
        text.contains("LLMC-B012") && text.contains("at least 0.018125 USD") && text.contains("that self checks read of them"),
        "{text}"
    );
    // (0.018 - 0.0125) by 10.00 + 1.25 a million is 488.8 tokens.
    assert!(text.contains("`max-tokens=488`"), "{text}");
    // At 0.05 the worst case passes: 5,005 x 2.50 + 500 x 10.00, the question with 5 tokens of template and 216 around it,
    // 4 parts of the answer with 650 tokens, 222 around each, and 5 verdicts of 3: 0.03456.
    edit(&spec, "per-request 0.018", "per-request 0.034");
    assert!(check().contains("LLMC-B013"), "{}", check());
    edit(&spec, "per-request 0.034", "per-request 0.035");
    assert!(!check().contains("LLMC-B01"), "{}", check());
}

fn price(amount: &str) -> Price {
    Price { amount: Money(decimal(amount)), date: None, source: "a test".to_owned() }
}

/// An example stack with a price for every unit.
fn stack(name: &str) -> Stack {
    let mut stack = resolved(name);
    stack.prices.cpu_hour = Some(price("0.04"));
    stack.prices.memory_gib_hour = Some(price("0.005"));
    stack.prices.storage_gib_month = Some(price("0.1"));
    stack
}

fn capacities(stack: &Stack) -> Vec<Capacity> {
    capacity::of_stack(stack, &fit::of_stack(stack))
}

/// The capacities of `stack` where one copy of each model serves `each` requests in a second.
fn serving(stack: &Stack, each: f64) -> Vec<Capacity> {
    let exactly = |figure: f64| Range { low: figure, expected: figure, high: figure };
    let mut capacities = capacities(stack);
    for capacity in &mut capacities {
        capacity.throughput = Some(Throughput {
            requests_per_second: exactly(each),
            batch: exactly(8.0),
            ttft_seconds: exactly(0.1),
            tpot_seconds: exactly(0.02),
            prefill_share: 0.25,
            limit: Limit::Bandwidth,
        });
    }
    capacities
}

fn of(cost: &Cost, kind: Kind, name: &str) -> Option<[String; 3]> {
    let item = cost.items.iter().find(|item| item.kind == kind && item.name == name)?;
    let Monthly { minimum, expected, maximum } = item.monthly;
    Some([minimum, expected, maximum].map(cents))
}

fn three(amounts: [&str; 3]) -> Option<[String; 3]> {
    Some(amounts.map(str::to_owned))
}

#[test]
fn reserved_gpus_are_always_paid_and_the_rest_is_split_by_spot() {
    let mut stack = stack("customer-support");
    let pool = stack.pools.get_mut("a100").unwrap();
    pool.prices.reserved = Some((10, price("1.50")));
    pool.prices.spot = Some((decimal("0.25"), price("1.00")));
    stack.models.get_mut("llama-70b").unwrap().replicas.max = 3;
    let cost = Cost::of(&stack, &[]).unwrap();
    // 8 GPUs at 1.50 x 730 = 8,760.00. 12 GPUs: 10 at 1.50, and 2 at a quarter of 1.00 and three of 2.21,
    // which is 1.9075: (15 + 3.815) x 730 = 13,734.95. Without a load all copies are expected.
    assert_eq!(of(&cost, Kind::Gpus, "llama-70b"), three(["8760.00", "13734.95", "13734.95"]));
    // 2 idle at the least: 2 x 1.50 x 730.
    assert_eq!(of(&cost, Kind::IdleReservation, "a100"), three(["2190.00", "0.00", "0.00"]));
    // A pool that no model uses still costs its reservation: 10 x 1.50 x 730.
    let mut alone = stack.clone();
    alone.models.clear();
    let cost = Cost::of(&alone, &[]).unwrap();
    assert_eq!(of(&cost, Kind::IdleReservation, "a100"), three(["10950.00"; 3]));
}

#[test]
fn a_reservation_is_spread_over_the_models_of_its_pool() {
    let mut stack = stack("customer-support");
    stack.models.get_mut("llama-8b").unwrap().pool = "a100".to_owned();
    stack.models.get_mut("llama-70b").unwrap().replicas.max = 2;
    stack.pools.get_mut("a100").unwrap().prices.reserved = Some((5, price("1.00")));
    let cost = Cost::of(&stack, &[]).unwrap();
    // 10 GPUs: 5 at 1.00 and 5 at 2.21 are 16.05 an hour, 11,716.50 a month, of which 8 of 10 and 2 of 10.
    assert_eq!(of(&cost, Kind::Gpus, "llama-70b"), three(["9373.20"; 3]));
    assert_eq!(of(&cost, Kind::Gpus, "llama-8b"), three(["2343.30"; 3]));
}

#[test]
fn the_load_decides_the_expected_copies() {
    let mut stack = stack("customer-support");
    let load = stack.models.get_mut("llama-70b").unwrap().load.as_mut().unwrap();
    (load.requests_per_second, load.load_factor) = (6.0, 0.25);
    stack.routes.clear();
    // 6 / 2.5 is 3 copies in a quarter of the month, 2 in the rest: 2.25 x 6,453.20.
    let cost = Cost::of(&stack, &serving(&stack, 2.5)).unwrap();
    assert_eq!(of(&cost, Kind::Gpus, "llama-70b"), three(["12906.40", "14519.70", "19359.60"]));
    // No more than there are, no fewer than the least, and without traffic the least.
    for (each, load, expected) in [(0.1, 6.0, "14519.70"), (100.0, 6.0, "12906.40"), (0.1, 0.0, "12906.40")] {
        stack.models.get_mut("llama-70b").unwrap().load.as_mut().unwrap().requests_per_second = load;
        let cost = Cost::of(&stack, &serving(&stack, each)).unwrap();
        assert_eq!(of(&cost, Kind::Gpus, "llama-70b").unwrap()[1], expected, "{each} {load}");
    }
    // What is not known is expected at the most.
    let mut unknown = serving(&stack, 2.5);
    unknown.iter_mut().for_each(|capacity| capacity.throughput = None);
    stack.models.get_mut("llama-70b").unwrap().load.as_mut().unwrap().requests_per_second = 6.0;
    unknown = unknown
        .into_iter()
        .map(|c| Capacity { traffic: capacities(&stack).into_iter().find(|o| o.model == c.model).unwrap().traffic, ..c })
        .collect();
    assert_eq!(of(&Cost::of(&stack, &unknown).unwrap(), Kind::Gpus, "llama-70b").unwrap()[1], "19359.60");
}

/// A reservation in which the busy hours of two models exceed it only together.
#[test]
fn busy_hours_fall_together() {
    let mut stack = stack("customer-support");
    stack.routes.clear();
    stack.pools.get_mut("a100").unwrap().prices.reserved = Some((8, price("1.00")));
    for (name, factor) in [("llama-70b", 0.5), ("llama-8b", 0.25)] {
        let model = stack.models.get_mut(name).unwrap();
        model.pool = "a100".to_owned();
        (model.tensor_parallel, model.replicas.min, model.replicas.max) = (1, 2, 6);
        let load = model.load.as_mut().unwrap();
        (load.requests_per_second, load.load_factor) = (6.0, factor);
    }
    let cost = Cost::of(&stack, &serving(&stack, 1.0)).unwrap();
    // A quarter of the month both hold 6, of 12 GPUs 4 on demand: (8 + 8.84) x 182.5 = 3,073.30, a half each.
    // A quarter 6 and 2 and half a month 2 and 2 stay within the 8: 8 x 182.5 = 1,460.00 as 3 to 1, and
    // 4 x 365 = 1,460.00 in halves, with 4 x 365 = 1,460.00 idle.
    assert_eq!(of(&cost, Kind::Gpus, "llama-70b").unwrap()[1], "3361.65");
    assert_eq!(of(&cost, Kind::Gpus, "llama-8b").unwrap()[1], "2631.65");
    assert_eq!(of(&cost, Kind::IdleReservation, "a100").unwrap()[1], "1460.00");
}

#[test]
fn rollouts_cost_what_surges_hold() {
    let rollouts = |edit: &dyn Fn(&mut Stack)| {
        let mut stack = stack("customer-support");
        edit(&mut stack);
        let cost = Cost::of(&stack, &[]).unwrap();
        of(&cost, Kind::Rollouts, "llama-8b")
    };
    let set = |seconds: u32, per_month: u32| {
        move |stack: &mut Stack| {
            let model = stack.models.get_mut("llama-8b").unwrap();
            (model.startup_seconds, model.drain_seconds, model.replicas.rollouts_per_month) = (seconds, 0, per_month);
        }
    };
    // 2 copies x 1 h x 1.10 x 10.
    assert_eq!(rollouts(&set(3600, 10)), three(["0.00", "22.00", "22.00"]));
    assert_eq!(rollouts(&set(3600, 0)), None);
    // One pod more at a time: at most a month of it, 730 x 1.10.
    assert_eq!(rollouts(&set(3600, 10_000)), three(["0.00", "803.00", "803.00"]));
    let waits = |stack: &mut Stack| stack.models.get_mut("llama-8b").unwrap().can_surge = false;
    assert_eq!(rollouts(&waits), None);
    // Room in the reservation is paid already.
    let room = |stack: &mut Stack| stack.pools.get_mut("l40s").unwrap().prices.reserved = Some((3, price("1.00")));
    assert_eq!(rollouts(&room), three(["0.00"; 3]));
    let full = |stack: &mut Stack| stack.pools.get_mut("l40s").unwrap().prices.reserved = Some((2, price("1.00")));
    assert_ne!(rollouts(&full), three(["0.00"; 3]));
}

#[test]
fn quantities_are_read_as_kubernetes_reads_them() {
    let mut stack = stack("customer-support");
    let guardrails = stack.guardrails.get_mut("default").unwrap();
    guardrails.replicas = 3;
    guardrails.resources.cpu = "250m".to_owned();
    guardrails.resources.memory = "512Mi".to_owned();
    let cost = Cost::of(&stack, &[]).unwrap();
    // 3 x (0.25 x 0.04 + 0.5 x 0.005) x 730 = 27.375.
    assert_eq!(of(&cost, Kind::Guardrails, "default"), three(["27.38"; 3]));
    stack.guardrails.get_mut("default").unwrap().resources.memory = "1e9x".to_owned();
    let cost = Cost::of(&stack, &[]).unwrap();
    let item = cost.items.iter().find(|item| item.kind == Kind::Guardrails).unwrap();
    assert!(cost.is_partial() && item.unknown.as_ref().unwrap().contains("`1e9x`"), "{item:?}");
}

/// What has no price is said, and never counts as nothing.
#[test]
fn unknown_prices_are_said() {
    let mut stack = stack("customer-support");
    stack.pools.get_mut("l40s").unwrap().prices.on_demand = None;
    let cost = Cost::of(&stack, &[]).unwrap();
    assert!(cost.is_partial());
    assert!(cost.unknown().contains(&"the price of a GPU hour on demand of pool `l40s`".to_owned()), "{:?}", cost.unknown());
    // All spot needs no price on demand.
    stack.pools.get_mut("l40s").unwrap().prices.spot = Some((Decimal::ONE, price("0.50")));
    let cost = Cost::of(&stack, &[]).unwrap();
    assert_eq!(of(&cost, Kind::Gpus, "llama-8b"), three(["730.00"; 3]));
    assert!(!cost.unknown().iter().any(|words| words.contains("l40s")), "{:?}", cost.unknown());
}

#[test]
fn the_document_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(root().join("schemas/cost.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let run = llmc(root(), &["cost", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut document: Value = serde_json::from_str(&run.stdout).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let names: Vec<&str> = document["stacks"].as_array().unwrap().iter().map(|stack| stack["name"].as_str().unwrap()).collect();
    assert_eq!(names, example_stacks());
    document["stacks"][0]["monthly"]["expected"] = 1.5.into();
    assert!(!validator.is_valid(&document), "money as a binary number is refused");
}

#[test]
fn text_is_coloured_only_on_request_and_lists_prices() {
    let plain = llmc(root(), &["cost", "customer-support"]);
    assert!(plain.code == 0 && !plain.stdout.contains('\u{1b}'), "{}", plain.stderr);
    for words in
        ["total", "GPU hours llama-70b", "rollouts llama-8b", "budget | 45,000.00", "route", "assumed", "# minimum, = expected, - maximum"]
    {
        assert!(plain.stdout.contains(words), "{words}: {}", plain.stdout);
    }
    let coloured = llmc(root(), &["--color", "always", "cost", "customer-support"]);
    assert!(coloured.stdout.contains("\u{1b}[1mcustomer-support\u{1b}[0m"), "{}", coloured.stdout);
    let prices = llmc(root(), &["cost", "customer-support", "--prices"]);
    let line = prices.stdout.lines().find(|line| line.contains("pool a100: a GPU hour on demand")).unwrap();
    assert!(line.contains("2.21") && line.contains("the spec"), "{line}");
    let both = llmc(root(), &["cost", "--prices", "--json"]);
    assert_eq!(both.code, 1, "prices are in the document anyway");
}

#[test]
fn a_stack_with_errors_is_priced_as_far_as_it_resolves() {
    let folder = example("customer-support", &[("gpu \"l40s-48gb\"", "gpu \"l40x\"")]);
    let (stack, code) = priced(folder.path());
    assert_eq!((code, &stack["is_partial"]), (1, &Value::Bool(true)));
    assert_eq!(item(&stack, "gpus", "llama-70b")[0], "12906.40");
    assert!(stack["unknown"].as_array().unwrap().iter().any(|words| words.as_str().unwrap().contains("model `llama-8b`")), "{stack:#}");
    fs::write(folder.path().join("stack.kdl"), "stack {{{ \u{1b}").unwrap();
    let run = llmc(folder.path(), &["cost", "."]);
    assert!(run.code == 1 && !run.stderr.contains('\u{1b}') && run.stdout.is_empty(), "{}{}", run.stdout, run.stderr);
}

/// The largest numbers that the schema takes end in a finding, and never in a crash or a wrong sum.
#[test]
fn numbers_of_any_size_are_added_up_or_refused() {
    let huge = "1000000000000";
    let folder = example("customer-support", &[("price-per-gpu-hour 2.21", &format!("price-per-gpu-hour {huge}"))]);
    let (stack, _) = priced(folder.path());
    // 8 GPUs x 10^12 x 730.
    assert_eq!(item(&stack, "gpus", "llama-70b")[0], "5840000000000000.00");
    let folder = example(
        "customer-support",
        &[
            ("cpu-hour=0.04", &format!("cpu-hour={huge}")),
            ("guardrails \"default\" {\n", "guardrails \"default\" {\n resources cpu=\"9E\" memory=\"1Gi\"\n"),
        ],
    );
    let run = llmc(folder.path(), &["cost", "."]);
    assert!(run.code == 1 && run.stderr.contains("LLMC-B014") && run.stdout.is_empty(), "{}{}", run.stdout, run.stderr);
}

fn money() -> impl Strategy<Value = Price> + Clone {
    prop_oneof![Just(0_i64), 1..1000_i64, 1..1_000_000_000_000_000_000_i64].prop_map(|micros| Price {
        amount: Money(Decimal::new(micros, 6)),
        date: None,
        source: "a test".to_owned(),
    })
}

/// A share with three decimals.
fn share() -> impl Strategy<Value = Decimal> + Clone {
    (0..=1000_i64).prop_map(|thousandths| Decimal::new(thousandths, 3))
}

fn any_stack() -> impl Strategy<Value = (Stack, f64)> {
    static STACK: std::sync::LazyLock<Stack> = std::sync::LazyLock::new(|| stack("customer-support"));
    let pool = (proptest::option::of(money()), proptest::option::of((1..2000_u32, money())), proptest::option::of((share(), money())));
    let model = (1..10_000_u32, 0..10_000_u32, 1..64_u32, 0.0..1e9_f64, 0.001..1.0_f64, 0..10_000_u32, any::<bool>());
    let same_pool = any::<bool>();
    ([pool.clone(), pool], [model.clone(), model], same_pool, prop_oneof![Just(0.0), 1e-9..1e9_f64]).prop_map(
        |(pools, models, same, each)| {
            let mut stack = STACK.clone();
            for (pool, (on_demand, reserved, spot)) in stack.pools.values_mut().zip(pools) {
                (pool.prices.on_demand, pool.prices.reserved, pool.prices.spot) = (on_demand, reserved, spot);
            }
            for (model, (min, more, gpus, rate, factor, rollouts, can_surge)) in stack.models.values_mut().zip(models) {
                (model.replicas.min, model.replicas.max, model.tensor_parallel) = (min, min + more, gpus);
                (model.replicas.rollouts_per_month, model.can_surge) = (rollouts, can_surge);
                let load = model.load.as_mut().unwrap();
                (load.requests_per_second, load.load_factor) = (rate, factor);
                if same {
                    model.pool = "a100".to_owned();
                }
            }
            (stack, each)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn expected_lies_between_minimum_and_maximum((stack, each) in any_stack()) {
        let cost = Cost::of(&stack, &serving(&stack, each)).unwrap();
        let Monthly { minimum, expected, maximum } = cost.monthly;
        // Each item is rounded to the cent, so sums may differ by as many half cents.
        let cent = Decimal::new(cost.items.len() as i64, 2);
        prop_assert!(minimum <= expected + cent && expected <= maximum + cent, "{minimum} {expected} {maximum}");
        let sum: Decimal = cost.items.iter().map(|item| item.monthly.expected).sum();
        prop_assert_eq!(sum, expected, "the items are the bill");
    }

    #[test]
    fn more_copies_are_never_cheaper((stack, each) in any_stack(), more in 1..100_u32) {
        let before = Cost::of(&stack, &serving(&stack, each)).unwrap();
        let mut larger = stack;
        larger.models.values_mut().for_each(|model| (model.replicas.min, model.replicas.max) = (model.replicas.min + more, model.replicas.max + more));
        let after = Cost::of(&larger, &serving(&larger, each)).unwrap();
        let cent = Decimal::new(after.items.len() as i64, 2);
        prop_assert!(before.monthly.minimum <= after.monthly.minimum + cent);
        prop_assert!(before.monthly.expected <= after.monthly.expected + cent);
        prop_assert!(before.monthly.maximum <= after.monthly.maximum + cent);
    }
}
