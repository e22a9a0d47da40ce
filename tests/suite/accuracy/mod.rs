//! The memory proof against what real engines logged: `tests/accuracy/observations.csv`, one start for
//! each row. The proof was not computed from these rows, but they were looked at while it was written, so
//! they are no blind test; the README says what was changed after a look at which row.
//!
//! `LLMC_UPDATE_EXPECTED=1 cargo test --test suite -- accuracy` writes the README's table anew.

mod row;
mod table;

use std::fs;

use crate::harness::root;
use row::Row;
use table::{Part, Results};

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("tests/accuracy/observations.csv")).expect("the observations");
    let rows: Vec<Row> = row::read(&text);
    assert_eq!(rows.len(), text.lines().count() - 1, "every row is read");
    rows
}

/// The targets of the proof; where one is missed, every row is shown.
#[test]
fn the_targets_are_met() {
    let results = Results::of(&rows());
    let mut missed = Vec::new();
    let mut target = |met: bool, what: &str| {
        if !met {
            missed.push(what.to_owned());
        }
    };
    for part in [&results.arithmetic, &results.weights, &results.prediction] {
        target(part.measured.len() >= part.at_least, "enough rows");
    }
    let Part { measured, .. } = &results.arithmetic;
    target(results.arithmetic.median() < 0.001, "the cache from logged memory: median below 0.1 %");
    target(results.arithmetic.exact() == measured.len(), "the cache from logged memory: exact where the log is");
    target(results.weights.median() < 0.005, "weights: median below 0.5 %");
    target(results.weights.worst() < 0.03, "weights: worst below 3 %");
    target(results.prediction.median() < 0.03, "prediction: median below 3 %");
    // One row in ten may lie outside, counted up: one of the nine that there are.
    target(results.prediction.outside(0.08) <= results.prediction.measured.len().div_ceil(10), "prediction: 9 of 10 within 8 %");
    for verdicts in [&results.verdicts, &results.cache_verdicts] {
        target(verdicts.wrong().is_empty(), "no verdict is wrong");
        target(verdicts.proven() * 10 >= verdicts.judged.len() * 7, "seven of ten proven");
    }
    assert!(missed.is_empty(), "missed: {missed:#?}\n{}", results.rows());
}

/// The README shows what the rows give, no more.
#[test]
fn the_table_in_the_readme_is_current() {
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).expect("the README");
    let (start, end) = ("<!-- accuracy -->\n", "<!-- /accuracy -->");
    let (before, rest) = text.split_once(start).expect("the table's start");
    let (_, after) = rest.split_once(end).expect("the table's end");
    let current = format!("{before}{start}{}{end}{after}", Results::of(&rows()).table());
    if std::env::var_os("LLMC_UPDATE_EXPECTED").is_some() {
        fs::write(&path, &current).expect("written");
    }
    assert!(fs::read_to_string(&path).expect("the README") == current, "LLMC_UPDATE_EXPECTED=1 writes the new table");
}

/// A row that is left out says why, and none is left out in silence.
#[test]
fn rows_that_are_left_out_say_why() {
    for row in rows() {
        let whole = row.uses.contains('v');
        let inferred = row.left_out.contains("taken from the log");
        assert!(
            inferred || (whole && row.uses.contains('p')) == row.left_out.is_empty(),
            "{}: `{}` and `{}`",
            row.id,
            row.uses,
            row.left_out
        );
    }
}

/// A median of one wrong row and two right ones must not hide the wrong one.
#[test]
fn a_part_counts_its_worst() {
    let part = Part {
        name: "",
        at_least: 0,
        measured: vec![("a".into(), 1.0, 1.0, true), ("b".into(), 1.0, 1.0, true), ("c".into(), 1.5, 1.0, false)],
    };
    assert_eq!((part.median(), part.worst(), part.exact()), (0.0, 0.5, 2));
    assert_eq!((part.outside(0.08), part.outside(0.6)), (1, 0));
}
