//! The expected rates are those that fit the rows that are not held out.

use llmc::estimate::throughput::Rates;

use super::row::{Asked, Use};

/// A change of one rate, as a factor: smaller ones are within the noise of the measurements.
const STEP: f64 = 1.1;
/// Share of the error that a better rate may take off before the rates are no longer those that fit.
const SLACK: f64 = 0.03;

/// Mean error in logarithms, so that twice and half count alike.
fn error(asked: &[Asked], rates: Rates) -> f64 {
    let of = |asked: &Asked| {
        let found = asked.estimate(rates, rates).unwrap_or_else(|missing| panic!("{}: {missing:?}", asked.row.id));
        let tokens = found.requests_per_second.expected * asked.row.output_tokens.expect("a length");
        (tokens / asked.row.output_tokens_per_second).ln().abs()
    };
    asked.iter().map(of).sum::<f64>() / asked.len() as f64
}

/// A rate's name and where it stands.
type Field = (&'static str, fn(&mut Rates) -> &mut f64);

#[test]
fn no_other_rate_fits_better() {
    let asked = super::steady(super::asked(Use::Calibrated));
    let fields: [Field; 5] = [
        ("compute", |rates| &mut rates.compute),
        ("bandwidth", |rates| &mut rates.bandwidth),
        ("experts", |rates| &mut rates.experts),
        ("step_seconds", |rates| &mut rates.step_seconds),
        ("occupancy", |rates| &mut rates.occupancy),
    ];
    let fitted = error(&asked, Rates::EXPECTED);
    for (name, field) in fields {
        for factor in [1.0 / STEP, STEP] {
            let mut rates = Rates::EXPECTED;
            *field(&mut rates) *= factor;
            let other = error(&asked, rates);
            assert!(other > fitted * (1.0 - SLACK), "{name} times {factor:.2} fits better: an error of {other:.4}, not {fitted:.4}");
        }
    }
    // And the measure sees a rate that is off.
    let mut off = Rates::EXPECTED;
    off.compute *= 2.0;
    assert!(error(&asked, off) > fitted * 1.5, "{fitted}");
}
