//! The design of experiments: what `llmc experiment size` says, and that no faulty experiment gets through.

use std::collections::BTreeSet;
use std::fs;

use llmc::compile::compile_text;
use llmc::diagnostic::Severity;
use llmc::policy::Policies;
use llmc::stack::{Experiment, PARTS, Stack};
use llmc::statistics::{Sides, power, proportions};
use serde_json::Value;

use crate::harness::{Random, copy, edit, llmc, root};

/// A copy of the good case of a rule, with its spec after `edits`.
fn case(edits: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root().join("tests/checks/LLMC-A001/good"), folder.path());
    edits.iter().for_each(|(from, to)| edit(&folder.path().join("stack.kdl"), from, to));
    folder
}

fn size(folder: &tempfile::TempDir) -> Value {
    let run = llmc(folder.path(), &["experiment", "size", "greeting", "--stack", "./stack.kdl", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("one JSON document")
}

fn number(document: &Value, pointer: &str) -> f64 {
    document.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} of {document:#}"))
}

const METRIC: &str = "metric \"quality\" baseline=0.7 deviation=0.2 minimum-effect=0.02";

#[test]
fn the_document_says_what_the_statistics_say() {
    let even = size(&case(&[]));
    let needed = power::sample_size(0.02 / 0.2, 1.0, 0.05, 0.8, Sides::Two).expect("a size").whole();
    assert_eq!((number(&even, "/per_arm/control"), number(&even, "/per_arm/treatment")), (needed.0 as f64, needed.1 as f64));
    assert_eq!((number(&even, "/total"), number(&even, "/days")), ((needed.0 + needed.1) as f64, 7.0));
    assert!((number(&even, "/power") - power::power(0.1, 7e3, 7e3, 0.05, Sides::Two).expect("a power")).abs() < 1e-9);

    // 90 % against 10 % cost 2.78 times as much; what a holdout takes away takes longer.
    let uneven = case(&[("weight=50 prompt=\"v1\"", "weight=90 prompt=\"v1\""), ("weight=50 prompt=\"v2\"", "weight=10 prompt=\"v2\"")]);
    edit(&uneven.path().join("stack.kdl"), "ramp 10 25 50", "ends \"2098-12-31\"\n        starts \"2098-11-03\"");
    let uneven_size = size(&uneven);
    assert!((number(&uneven_size, "/cost_of_ratio") - 2.777_777_777_8).abs() < 1e-9);
    assert!((number(&uneven_size, "/total") / number(&even, "/total") - 2.78).abs() < 0.01, "{uneven_size:#}");
    assert_eq!(number(&uneven_size, "/planned_days"), 59.0, "both days count");
    edit(&uneven.path().join("stack.kdl"), "users-per-day 2000", "users-per-day 1000\n        holdout \"quarter\" percent=50");
    // 1,000 samples of a tenth of 500 users a day are 20 days, 3 weeks.
    assert_eq!((number(&size(&uneven), "/exact_days"), number(&size(&uneven), "/days")), (20.0, 21.0));

    // Two metrics and two arms beside the control: four comparisons share the alpha.
    let several = case(&[
        (
            "variant \"treatment\" weight=50 prompt=\"v2\"",
            "variant \"a\" weight=20 prompt=\"v2\"\n        variant \"b\" weight=30 prompt=\"v2\"",
        ),
        (METRIC, &format!("{METRIC}\n        metric \"solved\" baseline=0.7 minimum-effect=0.02 better=\"lower\"")),
    ]);
    let several = size(&several);
    assert_eq!((number(&several, "/comparisons"), number(&several, "/alpha_of_each")), (4.0, 0.0125));
    let share = proportions::sample_size(0.7, 0.68, 0.4, 0.0125, 0.8, Sides::Two).expect("a size");
    assert!((number(&several, "/metrics/solved/control") - share.first).abs() < 1e-6, "{several:#}");
    let arms = ["control", "a", "b"].map(|arm| number(&several, &format!("/per_arm/{arm}")));
    assert_eq!(arms[0], share.whole().0 as f64, "the metric that needs most decides");
    assert!((arms[0] * 0.4 - arms[1]).abs() <= 1.0 && (arms[0] * 0.6 - arms[2]).abs() <= 1.0, "{arms:?}");

    let unknown = size(&case(&[("users-per-day 2000", "")]));
    assert_eq!([&unknown["days"], &unknown["power"], &unknown["at_end"]], [&Value::Null; 3]);
}

#[test]
fn an_experiment_is_found_or_the_nearest_is_named() {
    let text = llmc(root(), &["experiment", "size", "support-v2"]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    for words in ["customer-support / support-v2: 7 days", "control", "2,363", "treatment", "1,013", "19.05 % more users"] {
        assert!(text.stdout.contains(words), "{words} is not in:\n{}", text.stdout);
    }
    let near = llmc(root(), &["experiment", "size", "suport-v2"]);
    assert_eq!((near.code, near.stdout.as_str()), (1, ""));
    assert!(near.stderr.contains("no experiment `suport-v2`; did you mean `support-v2`?"), "{}", near.stderr);
    assert!(llmc(root(), &["experiment", "size", "support-v2", "--stack", "research-desk"]).stderr.contains("no stack declares any"));

    let two = tempfile::tempdir().expect("a temporary folder");
    for name in ["customer-support", "second"] {
        copy(&root().join("stacks/customer-support"), &two.path().join("stacks").join(name));
    }
    edit(&two.path().join("stacks/second/stack.kdl"), "stack \"customer-support\"", "stack \"second\"");
    let both = llmc(two.path(), &["experiment", "size", "support-v2"]);
    assert!(both.stderr.contains("several stacks; choose one with `--stack`: customer-support, second"), "{}", both.stderr);
    assert_eq!(llmc(two.path(), &["experiment", "size", "support-v2", "--stack", "second"]).code, 0);

    // What cannot be resolved says why, and is not taken for a name that is not there.
    edit(&two.path().join("stacks/second/stack.kdl"), "weight=30", "weight=20");
    let broken = llmc(two.path(), &["experiment", "size", "support-v2", "--stack", "second"]);
    assert!(broken.code == 1 && broken.stderr.contains("LLMC-A001") && broken.stderr.contains("cannot be read"), "{}", broken.stderr);
}

#[test]
fn a_waiver_lets_a_small_experiment_through_until_its_day() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&root().join("tests/checks/LLMC-A002/good"), folder.path());
    let spec = folder.path().join("stack.kdl");
    let run = || llmc(folder.path(), &["check", "stack.kdl"]);
    let waived = run();
    assert_eq!(waived.code, 0, "{}", waived.stderr);
    assert!(waived.stderr.contains("`experiment_too_small` is waived until 2099-12-31 by team-shop"), "{}", waived.stderr);
    for (from, to, wanted) in [
        ("2099-12-31", "2020-01-31", "its waiver is over: the last day was 2020-01-31"),
        ("2020-01-31", "2020-02-31", "no calendar has that day"),
        ("experiment_too_small", "experiment_too_smal", "waive \"experiment_too_small\""),
    ] {
        edit(&spec, from, to);
        let run = run();
        assert!(run.code == 1 && run.stderr.contains("LLMC-A002") && run.stderr.contains(wanted), "{to}:\n{}", run.stderr);
    }
    edit(&spec, "users-per-day 100", "users-per-day 2000");
    let unknown = run();
    assert!(unknown.stderr.contains("LLMC-Y005") || unknown.stderr.contains("did you mean `experiment_too_small`?"), "{}", unknown.stderr);
    edit(&spec, "experiment_too_smal\"", "experiment_too_small\"");
    edit(&spec, "2020-02-31", "2099-12-31");
    let unused = run();
    assert!(unused.code == 0 && unused.stderr.contains("LLMC-Y006"), "{}", unused.stderr);
}

const NUMBERS: [&str; 24] = [
    "0", "-1", "0.001", "0.005", "0.3", "1", "2", "3", "9.99", "10", "25", "26", "30", "33.333", "50", "69.99", "70", "99.99", "100",
    "101", "1e12", "1e308", "1e-12", "#nan",
];
const WORDS: [&str; 14] =
    ["control", "treatment", "v1", "v2", "v9", "support", "ttft", "quality", "lower", "7d", "1d", "2026-12-01", "2026-12-06", "2020-02-30"];

/// The lines of an experiment with one thing changed.
fn mutated(lines: &mut Vec<String>, random: &mut Random) {
    let at = random.below(lines.len());
    match random.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        // A number or a word of the line, for another.
        kind => {
            let is_wanted = |word: &str| {
                if kind == 5 { word.contains('"') } else { word.contains(|c: char| c.is_ascii_digit()) && !word.contains('"') }
            };
            let mut words: Vec<String> = lines[at].split(' ').map(str::to_owned).collect();
            let places: Vec<usize> = (0..words.len()).filter(|place| is_wanted(&words[*place])).collect();
            if places.is_empty() {
                return;
            }
            let place = places[random.below(places.len())];
            let key = words[place].split_once('=').map(|(key, _)| format!("{key}=")).unwrap_or_default();
            words[place] = if kind == 5 {
                format!("{key}\"{}\"", WORDS[random.below(WORDS.len())])
            } else {
                format!("{key}{}", NUMBERS[random.below(NUMBERS.len())])
            };
            lines[at] = words.join(" ");
        }
    }
}

/// What is wrong with an experiment that was accepted, by its own arithmetic.
fn faults(stack: &Stack, experiment: &Experiment, codes: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned())
        }
    };
    let percent = |parts: u32| f64::from(parts) * 100.0 / f64::from(PARTS);
    let control = &experiment.arms[&experiment.control];
    must(experiment.arms.values().map(|arm| arm.slot_parts).sum::<u32>() == PARTS, "the weights");
    let others = 100.0 - percent(control.slot_parts);
    let mut before = 0.0;
    for step in &experiment.ramp {
        must(*step > before && *step <= before + 25.0 + 1e-6, "a step of the ramp");
        before = *step;
    }
    must((before - others).abs() < 1e-6 && experiment.step as usize <= experiment.ramp.len(), "the end of the ramp");
    must(experiment.guards.keys().all(|guard| !experiment.metrics.contains_key(guard)), "a guard that is a metric");
    must(experiment.guards.iter().all(|(name, guard)| name == "ttft" || guard.better.is_some()), "a guard without direction");
    if !experiment.is_running() {
        return faults;
    }
    must(!experiment.guards.is_empty(), "no guard");
    let prompt = &stack.prompts[&experiment.prompt];
    must(control.version == prompt.live || codes.contains("LLMC-A010"), "the control");
    let new = experiment.treatments().filter(|(_, arm)| arm.version != prompt.live && prompt.rollback.as_ref() != Some(&arm.version));
    let new: f64 = new.map(|(_, arm)| percent(arm.slot_parts)).sum();
    must(experiment.ramp[0] * new / others <= 10.0 + 1e-6, "the first step");
    let day = 86_400_000;
    must(experiment.at_least.milliseconds() >= 7 * day, "the shortest run");
    let dates = experiment.starts.zip(experiment.ends).map(|(starts, ends)| ends.days_since(starts) + 1);
    let days = dates.unwrap_or((experiment.at_least.milliseconds() / day) as i64);
    must(days >= 7 && days as u64 * day >= experiment.at_least.milliseconds(), "the days");
    let treatment = experiment.treatments().map(|(_, arm)| arm.slot_parts).min().expect("a treatment");
    let alpha = experiment.alpha / (experiment.metrics.len() * experiment.treatments().count()) as f64;
    let Some(users) = experiment.users_per_day else {
        must(codes.contains("LLMC-A009"), "the users");
        return faults;
    };
    let [n1, n2] = [control.slot_parts, treatment].map(|parts| users as f64 * days as f64 * percent(parts) / 100.0);
    must(n1 >= 1000.0 && n2 >= 1000.0, "the samples");
    for metric in experiment.metrics.values() {
        // The normal approximation, which is a little too hopeful.
        let z = metric.minimum_effect / metric.deviation.expect("a mean") * (n1 * n2 / (n1 + n2)).sqrt();
        let seen = llmc::statistics::normal::sf(llmc::statistics::normal::isf(alpha / 2.0) - z);
        must(seen >= experiment.power - 0.001, "the power");
    }
    let versions: BTreeSet<&String> = experiment.arms.values().map(|arm| &arm.version).collect();
    must(versions.len() == experiment.arms.len() || codes.contains("LLMC-A016"), "two variants of one version");
    faults
}

#[test]
fn no_faulty_experiment_gets_through() {
    let folder = case(&[]);
    let whole = fs::read_to_string(folder.path().join("stack.kdl")).expect("a spec");
    let start = whole.find("    experiment ").expect("an experiment");
    let canonical = fs::read_to_string(root().join("stacks/customer-support/stack.kdl")).expect("a spec");
    let block =
        canonical.split("    experiment \"support-v2\" {\n").nth(1).expect("an experiment").split("    }\n").next().expect("its lines");
    let lines: Vec<String> = block.replace("route \"support\"", "route \"chat\"").lines().map(str::to_owned).collect();
    let ((seed, mut random), policies) = (Random::new(6), Policies::shipped());
    let (mut accepted, mut refused) = (0, BTreeSet::new());
    for round in 0..200 {
        let mut changed = lines.clone();
        // The first is the canonical one.
        let changes = if round == 0 { 0 } else { 1 + random.below(3) };
        (0..changes).for_each(|_| mutated(&mut changed, &mut random));
        let text = format!("{}    experiment \"greeting\" {{\n{}\n    }}\n}}\n", &whole[..start], changed.join("\n"));
        let compilation = compile_text(&folder.path().join("stack.kdl"), &text, "stack.kdl", &policies);
        let codes: BTreeSet<&str> = compilation.findings.iter().map(|finding| finding.rule.code).collect();
        assert!(!codes.contains("LLMC-X999"), "LLMC_SEED={seed}: nobody says what is wrong with\n{}", changed.join("\n"));
        let is_refused = compilation.findings.iter().any(|finding| finding.rule.severity == Severity::Error);
        assert!(round > 0 || codes.is_empty(), "{codes:?}");
        if is_refused {
            refused.extend(codes);
            continue;
        }
        accepted += 1;
        let stack = compilation.stack.expect("a stack");
        let experiment = stack.experiments.get("greeting").unwrap_or_else(|| panic!("lost without a word:\n{}", changed.join("\n")));
        let faults = faults(&stack, experiment, &codes);
        assert!(faults.is_empty(), "LLMC_SEED={seed}: {faults:?} of\n{}", changed.join("\n"));
    }
    // A test in which nothing is accepted, or nothing refused by these rules, would show nothing.
    let rules = refused.iter().filter(|code| code.starts_with("LLMC-A")).count();
    assert!(accepted > 20 && rules >= 6, "{accepted} accepted, refused by {refused:?}");
}
