use std::path::Path;

use proptest::prelude::*;

use super::*;

/// A stack with these blocks beside its pool, models `big` and `small`, external model `other` and prompt.
fn stack(big: &str, small: &str, blocks: &str) -> Stack {
    compiled(big, small, blocks).stack.expect("a stack")
}

fn compiled(big: &str, small: &str, blocks: &str) -> crate::compile::Compilation {
    let model = |name: &str, load: &str| {
        format!(
            "model \"{name}\" {{
                source \"meta-llama/Llama-3.1-8B-Instruct\" revision=\"0e9e39f249a16976918f6564b8830bc894c89659\"
                engine \"vllm\" version=\"0.32.0\"
                place pool=\"a100\"
                serve max-model-len=8192 max-num-seqs=64
                {load}
            }}\n"
        )
    };
    let text = format!(
        "stack \"shop\" {{
            namespace \"llm\"
            pool \"a100\" {{ gpu \"a100-80gb-sxm\"; nodes 1; gpus-per-node 8; price-per-gpu-hour 2 }}
            {}{}
            external \"other\" {{ provider \"openai\"; input-price-per-million 1; output-price-per-million 2; token-secret \"s\" key=\"k\" }}
            prompt \"chat\" {{
                variable \"question\" max-tokens=1000
                version \"v1\" {{ user file=\"chat.md\"; sampling temperature=0.2 max-tokens=500 }}
                live \"v1\"
                rollback \"v1\"
            }}
            {blocks}
        }}",
        model("big", big),
        model("small", small)
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks/LLMC-B001/good/stack.kdl");
    crate::compile::compile_text(&path, &text, "stack.kdl", &crate::policy::Policies::shipped())
}

fn of(stack: &Stack, scenario: Scenario, target: &str) -> Option<Traffic> {
    let mut traffic = of_stack_in(stack, scenario);
    let target = if target == "other" { Target::External(target.into()) } else { Target::Model(target.into()) };
    traffic.remove(&target)
}

/// Where each request comes from, and how many there are.
fn rates(stack: &Stack, scenario: Scenario, target: &str) -> Vec<(String, f64)> {
    let traffic = of(stack, scenario, target).into_iter();
    // Ten decimals: a third of nothing is rounding.
    traffic.flat_map(|t| t.flows).map(|flow| (flow.from(), (flow.requests_per_second * 1e10).round() / 1e10)).collect()
}

fn flows(flows: &[(&str, f64)]) -> Vec<(String, f64)> {
    flows.iter().map(|(from, rate)| ((*from).to_owned(), *rate)).collect()
}

const FULL: &str = "route \"chat\" {
    prompt \"chat\"
    model \"big\"
    load requests-per-second=10 input-tokens=500 output-tokens=100 load-factor=0.5 { prefix-hits at-least=0.2 at-most=0.6 }
    cache \"semantic\" similarity=0.9 ttl=\"1h\" { hits at-least=0.2 at-most=0.4 }
    tier \"simple\" model=\"small\" { share at-least=0.25 at-most=0.5 }
    fallback \"other\" { share at-least=0.01 at-most=0.1 }
}";

/// 10 requests: 2 hits leave 8, of which the tier takes 2; 6 are the model's, of which 0.06 fail.
#[test]
fn a_load_passes_the_cache_then_the_tiers_and_the_fallback_answers_what_failed() {
    let stack = stack("", "", FULL);
    let least = Scenario::default();
    assert_eq!(rates(&stack, least, "big"), flows(&[("route chat", 6.0)]));
    assert_eq!(rates(&stack, least, "small"), flows(&[("tier simple of route chat", 2.0)]));
    assert_eq!(rates(&stack, least, "other"), flows(&[("fallback of route chat", 0.06)]));
    let routed = &of_routes(&stack, least)["chat"];
    assert_eq!((routed.requests_per_second, routed.hits_per_second), (10.0, 2.0));
    let traffic = of(&stack, least, "big").expect("traffic");
    assert_eq!((traffic.input_tokens(), traffic.output_tokens(), traffic.load_factor), (500.0, 100.0, 0.5));
    assert!((traffic.cached_share() - 0.2).abs() < 1e-12);
}

#[test]
fn each_effect_is_switched_alone() {
    let stack = stack("", "", FULL);
    let case = |cache, prefix, tiers, fallback| {
        let scenario = Scenario { cache, prefix, tiers, fallback };
        let of = |target| of(&stack, scenario, target).expect("traffic");
        let rate = |target| (of(target).requests_per_second() * 1e9).round() / 1e9;
        (rate("big"), rate("small"), rate("other"), (of("big").cached_share() * 1e9).round() / 1e9)
    };
    use Counted::{Least, Most, Off};
    assert_eq!(case(Least, Least, Least, Least), (6.0, 2.0, 0.06, 0.2));
    assert_eq!(case(Off, Least, Least, Least), (7.5, 2.5, 0.075, 0.2));
    assert_eq!(case(Most, Least, Least, Least), (4.5, 1.5, 0.045, 0.2));
    assert_eq!(case(Least, Off, Least, Least), (6.0, 2.0, 0.06, 0.0));
    assert_eq!(case(Least, Most, Least, Least), (6.0, 2.0, 0.06, 0.6));
    assert_eq!(case(Least, Least, Off, Least), (8.0, 0.0, 0.08, 0.2));
    assert_eq!(case(Least, Least, Most, Least), (4.0, 4.0, 0.04, 0.2));
    assert_eq!(case(Least, Least, Least, Off), (6.0, 2.0, 0.0, 0.2));
    assert_eq!(case(Off, Off, Off, Most), (10.0, 0.0, 1.0, 0.0));
}

const LOAD: &str = "load requests-per-second=6 input-tokens=900 output-tokens=300 load-factor=0.25 { prefix-hits at-least=0.3 }";

#[test]
fn the_load_of_a_model_is_that_of_its_only_route() {
    let stack = stack(LOAD, "", "route \"chat\" { prompt \"chat\"; model \"big\"; fallback \"other\" { share at-least=0.1 } }");
    assert_eq!(rates(&stack, Scenario::default(), "big"), flows(&[("route chat", 6.0)]));
    let traffic = of(&stack, Scenario::default(), "other").expect("traffic");
    assert!((traffic.requests_per_second() - 0.6).abs() < 1e-12);
    assert_eq!((traffic.input_tokens(), traffic.load_factor), (900.0, 0.25));
    assert!((traffic.cached_share() - 0.3).abs() < 1e-12);
    // The other model is reached by nothing, and nothing is known of it.
    assert_eq!(of(&stack, Scenario::default(), "small"), None);
}

/// 6 requests of 900 and 300 tokens, less 2 of 600 and 150: 4 of (5,400 - 1,200)/4 and (1,800 - 300)/4.
#[test]
fn what_no_route_accounts_for_stays_with_the_model() {
    let routes = "route \"a\" { prompt \"chat\"; model \"big\"; load requests-per-second=2 input-tokens=600 output-tokens=150 }
                  route \"b\" { prompt \"chat\"; model \"big\"; fallback \"other\" { share at-least=0.5 } }";
    let stack = stack(LOAD, "", routes);
    let traffic = of(&stack, Scenario::default(), "big").expect("traffic");
    assert_eq!(rates(&stack, Scenario::default(), "big"), flows(&[("route a", 2.0), ("no stated route", 4.0)]));
    assert_eq!((traffic.flows[1].input_tokens, traffic.flows[1].output_tokens), (1050.0, 375.0));
    assert_eq!((traffic.input_tokens().round(), traffic.output_tokens().round()), (900.0, 300.0));
    assert_eq!(traffic.unknown_routes, ["b"]);
    // The fallback's share of an unknown load is not known.
    assert_eq!(of(&stack, Scenario::default(), "other"), None);
    // A model without a load, and with a route of which nothing is known, has no sum.
    let stack = self::stack("", "", routes);
    assert_eq!(of(&stack, Scenario::default(), "big"), None);
}

#[test]
fn a_model_without_a_route_has_its_own_load_and_a_load_of_zero_has_lengths() {
    let stack = stack(LOAD, "", "route \"chat\" { prompt \"chat\"; model \"small\" }");
    assert_eq!(rates(&stack, Scenario::default(), "big"), flows(&[("no stated route", 6.0)]));
    let zero = LOAD.replace("=6", "=0");
    let stack = self::stack(&zero, "", "route \"chat\" { prompt \"chat\"; model \"big\" }");
    let traffic = of(&stack, Scenario::default(), "big").expect("traffic");
    assert_eq!((traffic.requests_per_second(), traffic.input_tokens(), traffic.output_tokens()), (0.0, 900.0, 300.0));
    assert_eq!(traffic.load_factor, 0.25);
}

/// Answers of 300 tokens are streamed in chunks of 200 with 50 of context: judged at 200, and at the end with the
/// 50 and 100 more. The two judgements read 350 tokens of it.
#[test]
fn self_checks_are_asked_of_what_answers() {
    let guarded = "guardrails \"rails\" { image \"r.example.com/g:1\"; input { self-check }; output { self-check max-tokens=8 } }
                   route \"chat\" { prompt \"chat\"; model \"big\"; guardrails \"rails\"; fallback \"other\" { share at-least=0.1 } }";
    let stack = stack(LOAD, "", guarded);
    let checks = [("route chat", 6.0), ("input check of route chat", 6.0), ("output check of route chat", 12.0)];
    assert_eq!(rates(&stack, Scenario::default(), "big"), flows(&checks));
    let names = ["fallback of route chat", "input check of route chat", "output check of route chat"];
    let other = of(&stack, Scenario::default(), "other").expect("traffic");
    assert_eq!(other.flows.iter().map(Flow::from).collect::<Vec<_>>(), names);
    let traffic = of(&stack, Scenario::default(), "big").expect("traffic");
    let asked = crate::estimate::tokens::of_text(&crate::catalog::self_check::input_prompt()).expected;
    assert!((traffic.flows[1].input_tokens - (10.0 + asked + 900.0)).abs() < 1e-9, "the whole prompt is the question");
    let asked = crate::estimate::tokens::of_text(&crate::catalog::self_check::output_prompt(None)).expected;
    assert!((traffic.flows[2].input_tokens - (10.0 + asked + 175.0)).abs() < 1e-9, "half of 350 tokens each");
    assert!(traffic.flows[1..].iter().all(|check| check.output_tokens == 2.0 && check.cached_share == 0.0));
    // Without self checks nothing is asked.
    let stack = self::stack(
        LOAD,
        "",
        &guarded.replace("input { self-check }; output { self-check max-tokens=8 }", "input { block-pii \"email\" }"),
    );
    assert_eq!(rates(&stack, Scenario::default(), "big"), flows(&[("route chat", 6.0)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// What goes into the routes is what the cache answers and what reaches models, less what failed first.
    #[test]
    fn no_request_is_lost(
        rate in 0.0..1e9f64,
        shares in prop::array::uniform5((0u32..=1000, 0u32..=1000)),
        effects in prop::array::uniform3(prop::sample::select(vec![Counted::Off, Counted::Least, Counted::Most])),
    ) {
        // One stack for all cases: only its shares differ.
        static STACK: std::sync::LazyLock<Stack> = std::sync::LazyLock::new(|| stack("", "", FULL));
        let mut stack = STACK.clone();
        let share = |(a, b): (u32, u32)| {
            let decimal = |n: u32| rust_decimal::Decimal::new(n.into(), 3);
            Some(Share { at_least: decimal(a.min(b)), at_most: decimal(a.max(b)) })
        };
        let route = stack.routes.get_mut("chat").expect("the route");
        let simple = route.traffic.tiers["simple"].clone();
        for (name, target, of) in [("a", "small", shares[0]), ("b", "big", shares[1]), ("simple", "small", shares[2])] {
            let tier = crate::stack::Tier { target: Target::Model(target.into()), share: share(of) };
            route.traffic.tiers.insert(name.into(), tier);
        }
        prop_assert_eq!(simple.target, Target::Model("small".into()));
        route.traffic.cache.as_mut().expect("a cache").hits = share(shares[3]);
        route.traffic.fallback.as_mut().expect("a fallback").share = share(shares[4]);
        route.traffic.load.as_mut().expect("a load").requests_per_second = rate;
        let scenario = Scenario { cache: effects[0], prefix: Counted::Least, tiers: effects[1], fallback: effects[2] };
        let all: Vec<Flow> = of_stack_in(&stack, scenario).into_values().flat_map(|traffic| traffic.flows).collect();
        let once: f64 = all.iter().filter(|flow| flow.purpose != Purpose::Fallback).map(|flow| flow.requests_per_second).sum();
        let hits = of_routes(&stack, scenario)["chat"].hits_per_second;
        prop_assert!((hits + once - rate).abs() <= rate * 1e-9, "{} hits and {} of {}", hits, once, rate);
        prop_assert!(all.iter().all(|flow| flow.requests_per_second >= 0.0 && flow.requests_per_second.is_finite()));
        let own: f64 = all.iter().filter(|flow| flow.purpose == Purpose::Answer).map(|flow| flow.requests_per_second).sum();
        let failed: f64 = all.iter().filter(|flow| flow.purpose == Purpose::Fallback).map(|flow| flow.requests_per_second).sum();
        prop_assert!(failed <= own * (1.0 + 1e-9), "no more is answered again than was asked");
    }
}

/// A load that no service has is refused where it is written, with the greatest that is taken.
#[test]
fn a_load_of_ten_to_the_twelfth_is_refused() {
    for (requests, words) in
        [("1000000000000", "above the greatest allowed value 1000000000"), ("1e400", ""), ("-1", "below the least allowed value 0")]
    {
        let load = LOAD.replace("=6", &format!("={requests}"));
        let compilation = compiled(&load, "", "route \"chat\" { prompt \"chat\"; model \"big\" }");
        let refused = compilation.findings.iter().find(|finding| finding.message.contains("requests-per-second"));
        let refused = refused.unwrap_or_else(|| panic!("{requests} is taken: {:?}", compilation.findings));
        assert!(refused.message.contains(words), "{}", refused.message);
        assert!(compilation.files.is_none(), "{requests}");
    }
}
