//! Fits the expected rates to the rows that are not held out.

// A fit is read by a person, who runs it by hand.
#![allow(clippy::print_stdout)]

use llmc::estimate::throughput::Rates;

use super::row::{Asked, Use};

/// Mean error in logarithms, so that twice and half count alike.
fn error(asked: &[Asked], rates: Rates) -> f64 {
    let of = |asked: &Asked| {
        let found = asked.estimate(rates, rates).unwrap_or_else(|missing| panic!("{}: {missing:?}", asked.row.id));
        let tokens = found.requests_per_second.expected * asked.row.output_tokens.expect("a length");
        (tokens / asked.row.output_tokens_per_second).ln().abs()
    };
    asked.iter().map(of).sum::<f64>() / asked.len() as f64
}

#[test]
#[ignore = "fits, and proves nothing"]
fn the_rates_that_fit_best() {
    let asked = super::steady(super::asked(Use::Calibrated));
    let fields: [fn(&mut Rates) -> &mut f64; 5] = [
        |rates| &mut rates.compute,
        |rates| &mut rates.bandwidth,
        |rates| &mut rates.experts,
        |rates| &mut rates.step_seconds,
        |rates| &mut rates.occupancy,
    ];
    let mut best = (error(&asked, Rates::EXPECTED), Rates::EXPECTED);
    println!("before: {best:?}");
    for width in [1.5, 1.2, 1.08, 1.03] {
        for _ in 0..8 {
            let before = best.0;
            for field in fields {
                for factor in [1.0 / width, width] {
                    let mut rates = best.1;
                    *field(&mut rates) *= factor;
                    let shares = [rates.compute, rates.bandwidth, rates.experts, rates.occupancy];
                    if shares.into_iter().all(|share| (0.05..=0.95).contains(&share)) {
                        let error = error(&asked, rates);
                        if error < best.0 {
                            best = (error, rates);
                        }
                    }
                }
            }
            if best.0 >= before {
                break;
            }
        }
    }
    println!("after: {best:?}");
    for asked in asked {
        let found = asked.estimate(best.1, best.1).expect("known");
        let tokens = asked.row.output_tokens.expect("a length");
        println!(
            "{} {} {}: measured {:.0}, expected {:.0} ({:+.0} %), ceiling {:.0}, batch {:.0}, prefill {:.2}, tpot {:.1} ms of {:?}",
            asked.row.id,
            asked.row.gpu,
            asked.row.model,
            asked.row.output_tokens_per_second,
            found.requests_per_second.expected * tokens,
            (found.requests_per_second.expected * tokens / asked.row.output_tokens_per_second - 1.0) * 100.0,
            found.requests_per_second.high * tokens,
            found.batch.expected,
            found.prefill_share,
            found.tpot_seconds.expected * 1e3,
            asked.row.tpot_ms
        );
    }
    let names = ["compute", "bandwidth", "experts", "step_seconds", "occupancy"];
    let asked = super::steady(super::asked(Use::Calibrated));
    for (name, field) in names.into_iter().zip(fields) {
        let mut rates = Rates::EXPECTED;
        *field(&mut rates) *= 1.2;
        let change = |asked: &Asked| {
            let with = |rates| asked.estimate(rates, rates).expect("known").requests_per_second.expected;
            (with(rates) / with(Rates::EXPECTED)).ln()
        };
        let mean = asked.iter().map(change).sum::<f64>() / asked.len() as f64;
        println!("a fifth more {name} changes the expectation by {:+.1} % on average", (mean.exp() - 1.0) * 100.0);
    }
}
