//! The roofline against what others measured and published: `tests/accuracy/throughput.csv`.
//!
//! `LLMC_UPDATE_EXPECTED=1 cargo test --test suite -- throughput` writes the README's table anew.

mod fit;
mod row;
mod table;

use std::fs;

use llmc::estimate::throughput::Rates;

use crate::harness::root;
use row::{Asked, Row, Use};
use table::Results;

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("tests/accuracy/throughput.csv")).expect("the measurements");
    let rows = row::read(&text);
    assert_eq!(rows.len(), text.lines().count() - 1, "every row is read");
    rows
}

fn asked(used: Use) -> Vec<Asked> {
    rows().into_iter().filter(|row| row.used == used).map(Asked::of).collect()
}

/// Rows without those of bursts: runs with less than three times as many requests as run at once, in which
/// start and end count more than what a copy does that always has work.
fn steady(asked: Vec<Asked>) -> Vec<Asked> {
    asked.into_iter().filter(|asked| !asked.is_burst()).collect()
}

/// What is true of all rows; where something is not, every row is shown.
#[test]
fn no_measurement_is_above_the_ceiling_and_most_are_above_the_low_bound() {
    let results = Results::of(rows());
    let above: Vec<&str> =
        results.rows.iter().filter(|row| row.row.output_tokens_per_second > row.tokens()[2]).map(|row| row.row.id.as_str()).collect();
    assert!(above.is_empty(), "above the physical ceiling: {above:?}\n{}", results.table());
    let (fitted, held_out) = (results.part(Some(Use::Calibrated), false), results.part(Some(Use::HeldOut), false));
    assert!(fitted.count >= 20 && held_out.count >= 10, "{} and {} rows", fitted.count, held_out.count);
    assert!(fitted.median < 0.15 && held_out.median < 0.35, "{}", results.table());
    assert!((fitted.within + held_out.within) * 10 >= (fitted.count + held_out.count) * 9, "nine of ten lie between:\n{}", results.table());
}

/// Nobody measured a token in less than the time that reading the weights once takes.
#[test]
fn no_time_per_token_is_below_the_floor() {
    let timed: Vec<Asked> = rows().into_iter().filter(|row| row.tpot_ms.is_some() && row.used != Use::LeftOut).map(Asked::of).collect();
    assert!(timed.len() >= 5, "{} rows", timed.len());
    for asked in timed {
        let floor = asked.estimate(Rates::LOW, Rates::EXPECTED).expect("known").tpot_seconds.low * 1e3;
        let measured = asked.row.tpot_ms.expect("filtered");
        assert!(measured >= floor, "{}: {measured} ms, not {floor:.1} or more", asked.row.id);
    }
}

/// The rows are from many hands, and a row that serves for nothing says why.
#[test]
fn measurements_have_many_sources_and_say_what_they_cannot_serve_for() {
    let rows = rows();
    let mut ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rows.len(), "two rows have one name");
    let used: Vec<&Row> = rows.iter().filter(|row| row.used != Use::LeftOut).collect();
    let host = |row: &&Row| {
        row.source.trim_start_matches("https://github.com/").trim_start_matches("https://").split('/').next().map(str::to_owned)
    };
    let sources: std::collections::BTreeSet<_> = used.iter().map(host).collect();
    let gpus: std::collections::BTreeSet<_> = used.iter().map(|row| row.gpu.clone()).collect();
    assert!(used.len() >= 25 && sources.len() >= 6 && gpus.len() >= 5, "{} rows, {sources:?}, {gpus:?}", used.len());
    assert!(used.iter().filter(|row| row.used == Use::HeldOut).count() * 3 >= used.len(), "a third is held out");
    for row in rows.iter().filter(|row| row.used == Use::LeftOut) {
        assert!(row.note.contains("left out: "), "{}", row.id);
    }
}

/// The README shows what the rows give, no more.
#[test]
fn the_table_in_the_readme_is_current() {
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).expect("the README");
    let (start, end) = ("<!-- throughput -->\n", "<!-- /throughput -->");
    let (before, rest) = text.split_once(start).expect("the table's start");
    let (_, after) = rest.split_once(end).expect("the table's end");
    let current = format!("{before}{start}{}{end}{after}", Results::of(rows()).table());
    if std::env::var_os("LLMC_UPDATE_EXPECTED").is_some() {
        fs::write(&path, &current).expect("written");
    }
    assert!(fs::read_to_string(&path).expect("the README") == current, "LLMC_UPDATE_EXPECTED=1 writes the new table");
}
