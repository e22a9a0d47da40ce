//! What follows from what was found: the truth table.

use std::collections::BTreeMap;

use llmc::experiment::analysis::{
    Data, GuardState, Question, Report, Unit, Word, analyze, render_json, render_markdown, render_svg, render_text,
};
use llmc::spec::Better;
use llmc::stack::Experiment;
use llmc::statistics::Moments;

use super::experiment;

/// Users, gain in quality, loss in `ttft` (as a share) of the treatment.
#[derive(Clone, Copy)]
struct Found {
    users: u64,
    quality: f64,
    slower: Option<f64>,
}

fn data(found: Found) -> Data {
    let (control, treatment) = (found.users * 7 / 3, found.users);
    let arms = |first: Moments, second: Moments| BTreeMap::from([("control".to_owned(), first), ("treatment".to_owned(), second)]);
    let quality = arms(Moments::of(control, 0.78, 0.0361), Moments::of(treatment, 0.78 + found.quality, 0.0361));
    let none = Moments::default();
    let ttft =
        found.slower.map_or(arms(none, none), |slower| arms(Moments::of(control, 1.0, 0.04), Moments::of(treatment, 1.0 + slower, 0.04)));
    Data {
        samples: BTreeMap::from([("quality".to_owned(), quality), ("ttft".to_owned(), ttft)]),
        counts: BTreeMap::from([("control".to_owned(), control), ("treatment".to_owned(), treatment)]),
        unit: Unit::Users,
        faults: Vec::new(),
        notes: Vec::new(),
    }
}

fn report(experiment: &Experiment, data: &Data, days: Option<i64>, is_sequential: bool) -> Report {
    analyze(&Question { stack: "customer-support", experiment, days, is_sequential }, data)
}

const GOOD: Found = Found { users: 3_000, quality: 0.03, slower: Some(0.0) };

/// What is found, on which day, whether looks are allowed for; the verdict, and words of its reason.
type Case = (&'static str, Found, Option<i64>, bool, Word, &'static str);

/// The canonical experiment runs for 21 days, and takes 7 at least.
#[test]
fn verdicts_are_those_of_the_table() {
    let experiment = experiment();
    let table: [Case; 17] = [
        ("better, and every guard is held", GOOD, Some(21), false, Word::Deploy, "`treatment` is better: `quality` +0.03"),
        ("longer than planned", GOOD, Some(40), false, Word::Deploy, "is better"),
        ("no difference", Found { quality: 0.0, ..GOOD }, Some(21), false, Word::Keep, "an improvement that matters is ruled out"),
        ("not significant", Found { users: 1_000, quality: 0.01, ..GOOD }, Some(21), false, Word::Keep, "is not ruled out for `quality`"),
        ("worse", Found { quality: -0.03, ..GOOD }, Some(21), false, Word::Keep, "`treatment` is worse: `quality` -0.03"),
        ("small", Found { users: 90_000, quality: 0.005, ..GOOD }, Some(21), false, Word::Deploy, "less than the 0.02 that matters"),
        (
            "999 users",
            Found { users: 999, quality: 0.1, ..GOOD },
            Some(21),
            false,
            Word::NotEnough,
            "`treatment` (prompt v2) has 999 users",
        ),
        (
            "500 users in three days",
            Found { users: 500, quality: 0.1, ..GOOD },
            Some(3),
            false,
            Word::NotEnough,
            "it ran 3 days, and takes at least 7",
        ),
        ("six days", GOOD, Some(6), false, Word::NotEnough, "it ran 6 days"),
        ("nobody knows how long", GOOD, None, false, Word::NotEnough, "how long it ran is not known"),
        ("a look on day 8 of 21", GOOD, Some(8), false, Word::NotEnough, "this is peeking, on day 8 of 21"),
        ("a look that may be taken", GOOD, Some(8), true, Word::Deploy, "is better"),
        ("a look at chance", Found { quality: 0.0105, ..GOOD }, Some(8), true, Word::Keep, "beyond chance"),
        ("a guard that is hurt", Found { slower: Some(0.2), ..GOOD }, Some(21), false, Word::Keep, "`treatment` hurts the guard `ttft`"),
        ("a guard that is hurt early", Found { slower: Some(0.2), ..GOOD }, Some(2), false, Word::Keep, "reason enough to stop"),
        (
            "a guard at its limit",
            Found { slower: Some(0.1), ..GOOD },
            Some(21),
            false,
            Word::NotEnough,
            "`ttft` may have got worse by up to",
        ),
        ("a guard without values", Found { slower: None, ..GOOD }, Some(21), false, Word::NotEnough, "`ttft` was not measured"),
    ];
    for (name, found, days, is_sequential, word, reason) in table {
        let report = report(&experiment, &data(found), days, is_sequential);
        assert_eq!(report.verdict.word, word, "{name}: {:?}", report.verdict);
        assert!(report.verdict.reasons.iter().any(|text| text.contains(reason)), "{name}: {:?}", report.verdict.reasons);
        let arm = (word == Word::Deploy).then_some("treatment");
        assert_eq!((report.verdict.arm.as_deref(), report.verdict.prompt_version.is_some()), (arm, arm.is_some()), "{name}");
    }
}

#[test]
fn what_is_broken_shows_no_estimates() {
    let experiment = experiment();
    let mut odd = data(GOOD);
    odd.counts.insert("control".to_owned(), 6_500);
    let mut one_sided = data(GOOD);
    one_sided.samples.get_mut("quality").unwrap().insert("control".to_owned(), Moments::of(6_500, 0.78, 0.0361));
    let mut empty = data(GOOD);
    empty.counts.insert("treatment".to_owned(), 0);
    let mut unmeasured = data(GOOD);
    unmeasured.samples.remove("quality");
    let mut constant = data(GOOD);
    let same = ["control", "treatment"].map(|arm| (arm.to_owned(), Moments::of(if arm == "control" { 7_000 } else { 3_000 }, 1.0, 0.0)));
    constant.samples.insert("quality".to_owned(), same.into());
    let mut faulty = data(GOOD);
    faulty.faults.push("a reason".to_owned());
    for (data, reason) in [
        (odd, "the users are not split as planned: `control` 68.4 % instead of 70.0 %"),
        (one_sided, "the users with a value of `quality` are not split as planned"),
        (empty, "`treatment` has no users"),
        (unmeasured, "no user of `control` has a value of `quality`"),
        (constant, "all values of `quality` are the same"),
        (faulty, "a reason"),
    ] {
        let report = report(&experiment, &data, Some(21), false);
        assert_eq!((report.verdict.word, report.metrics.len(), report.guards.len()), (Word::Broken, 0, 0), "{reason}");
        assert!(report.verdict.reasons.iter().any(|text| text.contains(reason)), "{reason}: {:?}", report.verdict.reasons);
    }
}

/// Holm's correction over two metrics and two arms, which the reason names.
#[test]
fn several_metrics_and_arms_are_corrected_and_the_best_is_named() {
    let mut experiment = experiment();
    let arm = experiment.arms["treatment"].clone();
    experiment.arms.insert("other".to_owned(), arm);
    let shorter = llmc::spec::Metric { better: Better::Lower, deviation: None, minimum_effect: 0.01, baseline: 0.3 };
    experiment.metrics.insert("escalated".to_owned(), shorter);
    experiment.guards.clear();
    let of = |mean: f64, variance: f64| Moments::of(3_000, mean, variance);
    let three = |control: f64, other: f64, treatment: f64, variance: f64| {
        [("control", control), ("other", other), ("treatment", treatment)].map(|(arm, mean)| (arm.to_owned(), of(mean, variance))).into()
    };
    let mut data = Data {
        samples: BTreeMap::from([
            ("quality".to_owned(), three(0.78, 0.79, 0.81, 0.0361)),
            ("escalated".to_owned(), three(0.3, 0.3, 0.26, 0.2)),
        ]),
        counts: BTreeMap::from([("control".to_owned(), 7_000), ("other".to_owned(), 3_000), ("treatment".to_owned(), 3_000)]),
        unit: Unit::Observations,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    let found = report(&experiment, &data, Some(21), false);
    let p: Vec<f64> = found.metrics.iter().map(|metric| metric.p).collect();
    assert_eq!(found.metrics.iter().map(|m| (m.metric.as_str(), m.arm.as_str())).collect::<Vec<_>>()[1], ("escalated", "treatment"));
    let corrected = llmc::statistics::multiple::holm(&p).unwrap();
    assert!(found.metrics.iter().zip(&corrected).all(|(metric, p)| metric.p_holm == *p && metric.p_holm >= metric.p));
    assert_eq!((found.verdict.word, found.verdict.arm.as_deref()), (Word::Deploy, Some("treatment")), "{:?}", found.verdict);
    assert!(found.notes.iter().any(|note| note.contains("`escalated` is, is tested as a mean of 0 and 1")), "{:?}", found.notes);
    // Better in one, worse in the other: nobody deploys that.
    data.samples.insert("quality".to_owned(), three(0.78, 0.78, 0.75, 0.0361));
    assert_eq!(report(&experiment, &data, Some(21), false).verdict.word, Word::Keep);
}

/// A guard of which more is better, with limits by hand: k = 1 - 0.1, loss = k c - t.
#[test]
fn a_guard_is_tested_one_sided_against_what_is_let_pass() {
    let mut experiment = experiment();
    experiment.guards.insert("ttft".to_owned(), llmc::spec::Guard { worse_by: 0.1, better: Some(Better::Higher) });
    let found = |slower: f64| report(&experiment, &data(Found { slower: Some(slower), ..GOOD }), Some(21), false).guards.remove(0);
    let guard = found(-0.05);
    // 0.1 + 0.9 x 1 - 0.95 = 0.05 plus 1.645 standard errors, sqrt(0.81 x 0.04 / 7000 + 0.04 / 3000) = 0.0042379.
    assert!((guard.loss.unwrap() - 0.05).abs() < 1e-12 && (guard.loss_high.unwrap() - 0.056_972).abs() < 2e-5, "{guard:?}");
    assert_eq!(
        [guard.state, found(-0.2).state, found(-0.1).state, found(0.3).state],
        [GuardState::Held, GuardState::Exceeded, GuardState::NotKnown, GuardState::Held]
    );
}

#[test]
fn names_from_outside_stay_text() {
    let mut experiment = experiment();
    let name = "<b>|`x`\u{202e}&\"'\u{1b}[2J".to_owned();
    let treatment = experiment.arms.remove("treatment").expect("an arm");
    experiment.arms.insert(name.clone(), treatment);
    let mut data = data(GOOD);
    for arms in data.samples.values_mut() {
        let sample = arms.remove("treatment").expect("a sample");
        arms.insert(name.clone(), sample);
    }
    let count = data.counts.remove("treatment").expect("a count");
    data.counts.insert(name, count);
    let found = report(&experiment, &data, Some(21), false);
    assert_eq!(found.verdict.word, Word::Deploy);
    let svg = render_svg(&found);
    assert!(svg.contains("&lt;b&gt;") && !svg.contains("<b>") && !svg.contains('\u{1b}') && !svg.contains('\u{202e}'));
    let markdown = render_markdown(&found);
    assert!(markdown.contains("\\<b\\>\\|") && !markdown.contains('\u{202e}'), "{markdown}");
    assert!(!render_text(&found, false).contains(['\u{1b}', '\u{202e}']));
    assert!(render_json(&found).is_ok());
}
