//! `llmc experiment assign` against flagd's own evaluators, user by user.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{Answers, Stack, THREE_ARMS, evaluated, numbered};

/// Users of the canonical flag, and of each variation; an evaluator in Python takes a quarter of a millisecond.
const USERS: usize = 100_000;
const FEW_USERS: usize = 1_500;

/// Evaluators with the generation of their hash.
const EVALUATORS: [(&str, &str); 3] = [("python-v2", "v2"), ("python-v3", "v3"), ("node-v2", "v2")];

/// A flag with its users, and what is known of who gets what.
struct Case {
    stack: Stack,
    /// Its compiled flags.
    flags: String,
    flag: &'static str,
    users: Vec<String>,
    attributes: Value,
    /// Expected share of each variant.
    shares: BTreeMap<&'static str, f64>,
}

impl Case {
    fn small(more: &str, attributes: Value, shares: &[(&'static str, f64)]) -> Self {
        let stack = Stack::small(&format!("{THREE_ARMS}{more}"));
        let (flags, users) = (stack.flags(), numbered(FEW_USERS));
        Self { stack, flags, flag: "answer-prompt", users, attributes, shares: shares.iter().copied().collect() }
    }

    fn is_numbered(&self) -> bool {
        self.users == numbered(self.users.len())
    }

    fn question(&self) -> Value {
        let users = if self.is_numbered() { json!(self.users.len()) } else { json!(self.users) };
        json!({ "flags": self.flags, "flag": self.flag, "users": users, "attributes": self.attributes })
    }
}

/// Identifiers that are no plain words. Each is a line of its own, so none has the end of one.
fn odd_users() -> Vec<String> {
    let mut users: Vec<String> = [
        "",
        " ",
        "  a  ",
        "0",
        "false",
        "null",
        "a\tb",
        "\"q\"",
        "\\",
        "$&",
        "{\"$ref\":\"x\"}",
        "한국어",
        "\u{1f600}",
        "e\u{301}",
        "\u{feff}a",
    ]
    .map(String::from)
    .into();
    users.push("x".repeat(10 * 1024));
    users.push("\u{ac00}".repeat(4 * 1024));
    // Each length of a text that canonical CBOR writes otherwise.
    users.extend([1, 9, 10, 11, 240, 241, 242, 243].map(|length| "y".repeat(length)));
    users.extend((0..300).map(|number| format!("사용자-{number}")));
    users
}

/// Probability of shares at least so far from the expected ones.
fn chi_square(variants: &[String], shares: &BTreeMap<&str, f64>) -> f64 {
    let total = variants.len() as f64;
    let statistic: f64 = shares
        .iter()
        .map(|(name, share)| {
            let observed = variants.iter().filter(|variant| variant == name).count() as f64;
            (observed - share * total).powi(2) / (share * total)
        })
        .sum();
    if shares.len() < 2 { 1.0 } else { ChiSquared::new((shares.len() - 1) as f64).expect("degrees").sf(statistic) }
}

fn is_split(what: &str, variants: &[String], shares: &BTreeMap<&str, f64>) {
    assert!(variants.iter().all(|variant| shares.contains_key(variant.as_str())), "{what}: another variant");
    let p = chi_square(variants, shares);
    assert!(p > 0.001, "{what}: p = {p}");
}

#[test]
fn every_user_gets_what_flagd_answers() {
    let compiled = Stack::canonical(&[]).flags();
    let canonical = |users| Case {
        stack: Stack::canonical(&[]),
        flags: compiled.clone(),
        flag: "support-v2",
        users,
        attributes: json!({}),
        shares: [("control", 0.2333), ("treatment", 0.1), ("off", 0.6667)].into(),
    };
    let plan = |value: &str| json!({ "plan": value });
    let audience = "audience \"plan\" { one-of \"pro\" \"team\"; none-of \"trial\"; }";
    let everybody_off: &[(&str, f64)] = &[("off", 1.0)];
    let full: &[(&str, f64)] = &[("control", 0.5), ("short", 0.2), ("warm", 0.3)];
    let cases = [
        canonical(numbered(USERS)),
        canonical(odd_users()),
        Case::small("step 1", json!({}), &[("control", 0.05), ("short", 0.02), ("warm", 0.03), ("off", 0.9)]),
        Case::small("step 2", json!({}), &[("control", 0.25), ("short", 0.1), ("warm", 0.15), ("off", 0.5)]),
        Case::small("step 3", json!({}), full),
        Case::small(
            "step 3\n        holdout \"q4\" percent=20",
            json!({}),
            &[("control", 0.4), ("short", 0.16), ("warm", 0.24), ("off", 0.2)],
        ),
        Case::small("step 3\n        revision 7", json!({}), full),
        Case::small("step 3\n        state \"stopped\"", json!({}), everybody_off),
        Case::small(&format!("step 3\n        {audience}"), plan("pro"), full),
        Case::small(&format!("step 3\n        {audience}"), plan("trial"), everybody_off),
        Case::small(&format!("step 3\n        {audience}"), json!({}), everybody_off),
        Case::small("step 3\n        audience \"plan\" { none-of \"trial\"; }", json!({}), full),
    ];
    let questions: Vec<Value> = cases.iter().map(Case::question).collect();
    let answers: Vec<Vec<Answers>> = std::thread::scope(|scope| {
        let asked = EVALUATORS.map(|(name, _)| scope.spawn(|| evaluated(name, &questions)));
        asked.map(|one| one.join().expect("answers")).into()
    });
    for (at, case) in cases.iter().enumerate() {
        let assigned: BTreeMap<&str, Vec<String>> =
            ["v2", "v3"].map(|hash| (hash, case.stack.assigned(case.flag, hash, &case.users, &case.attributes))).into();
        for ((name, hash), answers) in EVALUATORS.iter().zip(&answers) {
            let what = format!("{name}, case {at}");
            let (answer, assigned) = (&answers[at], &assigned[hash]);
            assert_eq!(assigned.len(), case.users.len());
            let is_same = |user: &str, one: &String, other: &String| one == other || *name == "node-v2" && !user.is_ascii();
            let all = case.users.iter().zip(assigned.iter().zip(&answer.variants));
            let others: Vec<_> = all.filter(|(user, (ours, theirs))| !is_same(user, ours, theirs)).take(5).collect();
            assert!(others.is_empty(), "{what}: {others:?}");
            assert_eq!(answer.refused, None, "{what}: flagd's schemas refuse the flags");
            if case.is_numbered() {
                is_split(&what, &answer.variants, &case.shares);
            }
        }
    }
    // The three steps of one ramp, by evaluator: users come from `off` alone, and go nowhere else.
    for ((name, _), answers) in EVALUATORS.iter().zip(&answers) {
        for (before, after) in [(2, 3), (3, 4)] {
            let pairs = answers[before].variants.iter().zip(&answers[after].variants);
            let moved: Vec<_> = pairs.filter(|(before, after)| before != after).collect();
            assert!(moved.len() > 100 && moved.iter().all(|(before, _)| *before == "off"), "{name}: {moved:?}");
        }
    }
    values_are_those_of_the_arms(&answers[0][0].values);
    javascript_hashes_other_than_ascii_differently(&cases[1].users, &answers);
    // Another process has no state of the first one.
    let few = json!({ "flags": cases[0].flags, "flag": "support-v2", "users": FEW_USERS });
    for ((name, _), answers) in EVALUATORS.iter().zip(&answers) {
        assert_eq!(evaluated(name, std::slice::from_ref(&few))[0].variants, answers[0].variants[..FEW_USERS], "{name}");
    }
}

fn values_are_those_of_the_arms(values: &Value) {
    let prompts: BTreeMap<&str, &Value> =
        values.as_object().expect("values").iter().map(|(name, value)| (name.as_str(), &value["prompt"])).collect();
    let expected = [("control", json!("support@v1")), ("off", json!("support@v1")), ("treatment", json!("support@v2"))];
    assert_eq!(prompts, expected.iter().map(|(name, prompt)| (*name, prompt)).collect());
    for value in values.as_object().expect("values").values() {
        let name = value["config_map"].as_str().expect("a name");
        assert!(name.starts_with("customer-support-prompt-support-v"), "{name}");
        assert_eq!(value["model"], "llama-70b");
    }
}

/// `imurmurhash` 0.1.4 hashes UTF-16, so only a server answers alike for other names; README says so. When this
/// fails, it may say something else.
fn javascript_hashes_other_than_ascii_differently(users: &[String], answers: &[Vec<Answers>]) {
    let pairs = users.iter().zip(answers[0][1].variants.iter().zip(&answers[2][1].variants));
    let other = pairs.filter(|(user, (python, node))| !user.is_ascii() && python != node).count();
    assert!(other > 50, "{other} of 300");
}

#[test]
fn flags_that_are_wrong_are_refused_or_answer_otherwise() {
    let flags: Value = serde_json::from_str(&Stack::small(&format!("{THREE_ARMS}step 3")).flags()).expect("JSON");
    let edited = |pointer: &str, value: Value| {
        let mut flags = flags.clone();
        *flags.pointer_mut(&format!("/flags/answer-prompt/{pointer}")).unwrap_or_else(|| panic!("nothing at {pointer}")) = value;
        json!({ "flags": flags.to_string(), "flag": "answer-prompt", "users": ["user-0", "user-1", "user-2", "user-3", "user-4", "user-5", "user-6", "user-7"] })
    };
    let control = "targeting/if/2/fractional/1";
    let cases = [
        edited(control, json!(["control", 5000])),
        edited(control, json!(["control", 70.5])),
        edited(control, json!(["contrl", 5000])),
        edited("variants/off", json!("a text")),
        edited("state", json!("RUNNING")),
    ];
    let [python_v2, python_v3, node] = EVALUATORS.map(|(name, _)| evaluated(name, &cases));
    let accepted: Vec<bool> = node.iter().map(|answer| answer.refused.is_none()).collect();
    assert_eq!(accepted, [true, false, true, false, false], "the schemas know no variants by name");
    for answers in [&python_v2, &python_v3, &node] {
        assert!(answers[0].variants.iter().any(|variant| variant == "control"), "the flag as it is compiled");
        assert!(answers[1].variants.iter().all(|variant| variant == "off"), "a weight that is no integer: {:?}", answers[1].variants);
        assert!(answers[2].variants.iter().any(|variant| variant.starts_with('!')), "an unknown variant: {:?}", answers[2].variants);
    }
}

/// Why a missing key is asked for first: `cat` makes one text of all users without one.
#[test]
fn without_the_guard_everybody_without_a_key_shares_an_arm() {
    let guarded = Stack::small(&format!("{THREE_ARMS}step 3")).flags();
    let mut flags: Value = serde_json::from_str(&guarded).expect("JSON");
    let targeting = flags.pointer_mut("/flags/answer-prompt/targeting").expect("targeting");
    assert_eq!(targeting["if"][1], "off");
    *targeting = targeting["if"][2].clone();
    let users = json!([null, "", null, ""]);
    let cases = [guarded, flags.to_string()].map(|flags| json!({ "flags": flags, "flag": "answer-prompt", "users": users }));
    for (name, _) in EVALUATORS {
        let [with, without] = evaluated(name, &cases).try_into().unwrap_or_else(|_| panic!("two answers"));
        assert_eq!(with.variants, ["off"; 4], "{name}");
        assert_ne!(without.variants[1], "off", "{name}: nobody is spread over the arms, and nobody is off");
        assert_eq!(without.variants[1], without.variants[3], "{name}");
    }
}
