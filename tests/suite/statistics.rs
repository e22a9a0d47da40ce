//! The statistics, held against the figures of other implementations.

use llmc::statistics::cuped::{Pairs, adjusted};
use llmc::statistics::sequential::{AlwaysValid, log_likelihood_ratio};
use llmc::statistics::srm::sample_ratio;
use llmc::statistics::welch::{effect, welch};
use llmc::statistics::{Moments, Sides, multiple, nct, power, proportions};
use serde_json::{Value, json};

use crate::harness::{Random, judge, root};

/// Relative difference that the vectors' twelve digits leave, with a margin.
const TOLERANCE: f64 = 1e-9;

fn vectors(key: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("tests/statistics/vectors.json")).expect("vectors");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all[key].as_array().expect("a list").clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn near(case: &Value, what: &str, seen: f64, wanted: &Value) {
    let wanted = number(wanted);
    assert!((seen - wanted).abs() <= TOLERANCE * wanted.abs(), "{what}: {seen} is not {wanted} in {case}");
}

fn sides(case: &Value) -> Sides {
    if case["sides"] == 1 { Sides::One } else { Sides::Two }
}

#[test]
fn sample_sizes_are_those_of_scipy() {
    let cases = vectors("sizes");
    assert_eq!(cases.len(), 20);
    for case in &cases {
        let [ratio, alpha, wanted] = ["ratio", "alpha", "power"].map(|key| number(&case[key]));
        let size = if case["p1"].is_null() {
            let d = number(&case["effect_size"]);
            let size = power::sample_size(d, ratio, alpha, wanted, sides(case)).expect("a size");
            let whole = size.whole();
            let seen = power::power(d, whole.0 as f64, whole.1 as f64, alpha, sides(case)).expect("a power");
            near(case, "power", seen, &case["power_at_whole"]);
            let least = power::smallest_effect(size.first, size.second, alpha, wanted, sides(case)).expect("an effect");
            near(case, "smallest effect", least, &case["effect_size"]);
            size
        } else {
            let (first, second) = (number(&case["p1"]), number(&case["p2"]));
            near(case, "h", proportions::effect(first, second).expect("h"), &case["cohen_h"]);
            for (name, compared) in [
                ("pooled", proportions::sample_size_pooled as fn(f64, f64, f64, f64, f64, Sides) -> _),
                ("unpooled", proportions::sample_size_unpooled),
            ] {
                near(case, name, compared(first, second, ratio, alpha, wanted, sides(case)).expect("a size"), &case[name]);
            }
            let size = proportions::sample_size(first, second, ratio, alpha, wanted, sides(case)).expect("a size");
            let seen = proportions::power(first, second, size.first, size.second, alpha, sides(case)).expect("a power");
            near(case, "power", seen, &case["power"]);
            let (above, below) =
                proportions::smallest_effect(first, size.first, size.second, alpha, wanted, sides(case)).expect("an effect");
            near(case, "smallest effect", if second > first { above } else { below }.expect("a share"), &case["p2"]);
            size
        };
        near(case, "samples", size.first, &case["first"]);
        assert_eq!(json!([size.whole().0, size.whole().1]), case["whole"], "{case}");
    }
}

#[test]
fn means_are_compared_as_by_scipy() {
    let cases = vectors("welch");
    assert_eq!(cases.len(), 20);
    for case in &cases {
        let [control, treatment] = ["control", "treatment"].map(|arm| numbers(&case[arm]).into_iter().collect::<Moments>());
        let seen = welch(&control, &treatment).expect("a test");
        for (what, seen) in [("difference", seen.difference), ("t", seen.t), ("df", seen.df), ("p", seen.p)] {
            near(case, what, seen, &case[what]);
        }
        let (low, high) = seen.interval(0.05).expect("an interval");
        near(case, "low", low, &case["interval"][0]);
        near(case, "high", high, &case["interval"][1]);
        for (arm, wanted) in [(control, 0), (treatment, 1)] {
            near(case, "variance", arm.variance().expect("a variance"), &case["variances"][wanted]);
        }
        let seen = effect(&control, &treatment, 0.05).expect("an effect");
        near(case, "d", seen.d, &case["d"]);
        near(case, "g", seen.g, &case["g"]);
        assert!(seen.low < seen.d && seen.d < seen.high, "{seen:?}");
    }
}

#[test]
fn ratios_corrections_and_looks_are_those_of_others() {
    for case in vectors("ratios") {
        let observed: Vec<u64> = case["observed"].as_array().expect("counts").iter().map(|n| n.as_u64().expect("a count")).collect();
        let seen = sample_ratio(&observed, &numbers(&case["weights"])).expect("a check");
        near(&case, "chi squared", seen.chi_squared, &case["chi_squared"]);
        near(&case, "p", seen.p, &case["p"]);
        assert_eq!(json!(seen.is_mismatch()), case["mismatch"], "{case}");
    }
    for case in vectors("corrections") {
        let p = numbers(&case["p"]);
        for (name, seen) in [
            ("bonferroni", multiple::bonferroni(&p)),
            ("holm", multiple::holm(&p)),
            ("benjamini_hochberg", multiple::benjamini_hochberg(&p)),
        ] {
            for (seen, wanted) in seen.expect("values").iter().zip(case[name].as_array().expect("values")) {
                near(&case, name, *seen, wanted);
            }
        }
    }
    for case in vectors("sequential") {
        let [difference, variance, samples, tau] = ["difference", "variance", "samples", "tau"].map(|key| number(&case[key]));
        let error = (variance / samples).sqrt();
        near(&case, "ratio", log_likelihood_ratio(difference, error, tau).expect("a ratio").exp(), &case["ratio"]);
        near(&case, "p", AlwaysValid::default().look(difference, error, tau).expect("a p-value"), &case["p"]);
    }
}

#[test]
fn adjusted_means_are_those_of_others() {
    for case in vectors("cuped") {
        let [control, treatment] = ["control", "treatment"].map(|arm| {
            let mut pairs = Pairs::default();
            numbers(&case[arm][0]).iter().zip(numbers(&case[arm][1])).for_each(|(y, x)| pairs.add(*y, x));
            pairs
        });
        let seen = adjusted(&control, &treatment).expect("a test");
        near(&case, "theta", seen.theta, &case["theta"]);
        near(&case, "difference", seen.welch.difference, &case["difference"]);
        near(&case, "t", seen.welch.t, &case["t"][1]);
        near(&case, "p", seen.welch.p, &case["p"][1]);
        near(&case, "explained", seen.explained, &case["explained"]);
        let raw = ["control", "treatment"].map(|arm| numbers(&case[arm][0]).into_iter().collect::<Moments>());
        let seen = welch(&raw[0], &raw[1]).expect("a test");
        near(&case, "raw t", seen.t, &case["t"][0]);
        near(&case, "raw p", seen.p, &case["p"][0]);
    }
}

/// Whether a test looks in both directions, mostly.
fn random_sides(random: &mut Random) -> (u32, Sides) {
    if random.unit() < 0.7 { (2, Sides::Two) } else { (1, Sides::One) }
}

/// Scores of an arm: to four digits, as scores are written.
fn random_samples(random: &mut Random, most: f64) -> Vec<f64> {
    let (count, mean, deviation) = (random.scale(2.0, most) as usize, random.between(-1.0, 1.0), random.scale(0.1, 3.0));
    let values = (0..count).map(|_| mean + deviation * (random.unit() + random.unit() + random.unit() - 1.5) * 2.0);
    values.map(|value| (value * 1e4).round() / 1e4).collect()
}

/// One question of each kind, with what ours say.
fn questions(random: &mut Random) -> Vec<Value> {
    let (alpha, power) = (random.scale(1e-4, 0.2), random.between(0.5, 0.99));
    let (number, sides) = random_sides(random);
    let (d, ratio) = (random.scale(0.005, 1.2), random.scale(0.1, 10.0));
    let size = power::sample_size(d, ratio, alpha, power, sides).expect("a size").first;
    let (first, second) = (random.scale(2.0, 1e6), random.scale(2.0, 1e6));
    let least = power::smallest_effect(first, second, alpha, power, sides).expect("an effect");
    let (p1, p2) = (random.between(0.001, 0.999), random.between(0.001, 0.999));
    let share = proportions::sample_size(p1, p2, ratio, alpha, power, sides).expect("a size").first;
    let h = proportions::effect(p1, p2).expect("h");
    let (df, nc) = (random.scale(1.0, 1e6), if random.unit() < 0.2 { 0.0 } else { random.between(-3.0, 20.0) });
    let t = nc + random.between(-3.0, 6.0);
    let tail = nct::sf(t, df, nc).expect("a probability");
    let (control, treatment) = (random_samples(random, 2000.0), random_samples(random, 2000.0));
    let arms = [&control, &treatment].map(|arm| arm.iter().copied().collect::<Moments>());
    let test = welch(&arms[0], &arms[1]).expect("a test");
    let (low, high) = test.interval(alpha).expect("an interval");
    let sized = effect(&arms[0], &arms[1], alpha).expect("an effect");
    let arms = 2 + random.below(5);
    let weights: Vec<f64> = (0..arms).map(|_| random.between(0.05, 1.0)).collect();
    let users = random.scale(100.0, 1e7);
    let observed: Vec<u64> =
        weights.iter().map(|weight| (users * weight * (1.0 + random.between(-1.0, 1.0) / users.sqrt())) as u64).collect();
    let split = sample_ratio(&observed, &weights).expect("a check");
    let p: Vec<f64> = (0..1 + random.below(8)).map(|_| random.scale(1e-6, 1.0).min(1.0)).collect();
    let mut corrected = serde_json::Map::new();
    for (name, values) in
        [("bonferroni", multiple::bonferroni(&p)), ("holm", multiple::holm(&p)), ("fdr_bh", multiple::benjamini_hochberg(&p))]
    {
        corrected.extend(values.expect("values").iter().enumerate().map(|(index, value)| (format!("{name}.{index}"), json!(value))));
    }
    vec![
        json!({"kind": "t_size", "result": {"size": size},
            "arguments": {"d": d, "ratio": ratio, "alpha": alpha, "power": power, "sides": number}}),
        json!({"kind": "t_effect", "result": {"effect": least},
            "arguments": {"first": first, "second": second, "alpha": alpha, "power": power, "sides": number}}),
        json!({"kind": "proportions", "result": {"h": h, "size": share},
            "arguments": {"first": p1, "second": p2, "ratio": ratio, "alpha": alpha, "power": power, "sides": number}}),
        json!({"kind": "noncentral", "result": {"sf": tail}, "arguments": {"t": t, "df": df, "nc": nc}}),
        json!({"kind": "welch", "arguments": {"control": control, "treatment": treatment, "alpha": alpha},
            "result": {"t": test.t, "df": test.df, "p": test.p, "low": low, "high": high,
                "d": sized.d, "d_low": sized.low, "d_high": sized.high}}),
        json!({"kind": "ratio", "result": {"chi_squared": split.chi_squared, "p": split.p},
            "arguments": {"observed": observed, "weights": weights}}),
        json!({"kind": "corrections", "result": corrected, "arguments": {"p": p}}),
    ]
}

#[test]
fn fresh_cases_agree_with_scipy_and_statsmodels() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let (seed, mut random) = Random::new(now.as_nanos() as u64);
    let mut cases: Vec<Value> = (0..40).flat_map(|_| questions(&mut random)).collect();
    let run = judge("scipy", &[], &json!(cases).to_string());
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "LLMC_SEED={seed} repeats it:\n{}", run.stderr);

    // It would see a figure that is wrong in the sixth digit, of every kind.
    cases.truncate(7);
    for case in &mut cases {
        let figures = case["result"].as_object_mut().expect("figures");
        figures.values_mut().for_each(|figure| *figure = json!(number(figure) * (1.0 + 3e-6)));
    }
    let run = judge("scipy", &[], &json!(cases).to_string());
    let figures: usize = cases.iter().map(|case| case["result"].as_object().expect("figures").len()).sum();
    assert_eq!((run.code, run.stdout.lines().count()), (1, figures), "LLMC_SEED={seed}:\n{}", run.stdout);
}
