//! Sums before and after, with bars.

use rust_decimal::Decimal;

use crate::diagnostic::printable;
use crate::diagnostic::thousands;
use crate::plan::types::{GpuChange, Totals};
use crate::plan::words;
use crate::pricing::{Cause, CostChange};

/// Cells of a bar.
const CELLS: u64 = 20;

/// A line for each pool, for the money, and for what is gained and lost.
pub(super) fn totals(totals: &Totals) -> Vec<String> {
    let mut rows: Vec<(String, String)> =
        totals.gpus.iter().map(|(name, pool)| (format!("GPUs {}", printable(name)), gpus(pool))).collect();
    rows.extend(totals.budget.iter().map(|budget| ("Money".to_owned(), money(budget))));
    let headroom = totals.memory_headroom.iter().flatten();
    rows.extend(headroom.map(|(name, [before, after])| (format!("KV cache {}", printable(name)), cache(*before, *after))));
    let lists = [
        ("Guardrails added", &totals.guardrails_added),
        ("Guardrails lost", &totals.guardrails_lost),
        ("Objectives loosened", &totals.objectives_loosened),
        ("Alerts added", &totals.alerts_added),
        ("Alerts removed", &totals.alerts_removed),
    ];
    rows.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name.to_owned(), printable(&short(list)))));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.into_iter().map(|(name, line)| format!("{name:<width$}  {line}")).collect()
}

fn short(list: &[String]) -> String {
    const MOST: usize = 4;
    let more = list.len().saturating_sub(MOST);
    let shown = list.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{}: {shown}; {more} more", list.len()) } else { shown }
}

fn gpus(pool: &GpuChange) -> String {
    let side = |at: usize| {
        let (min, max, all) = (pool.min[at], pool.max[at], pool.available[at]);
        let cell = |gpus: u64| cells(Decimal::from(gpus), Decimal::from(all));
        (bar(cell(min), cell(max)), format!("{} of {all}", range(&min.to_string(), &max.to_string())))
    };
    before_after(side(0), side(1))
}

/// What is expected to be spent of the limit, and at most.
fn money(budget: &CostChange) -> String {
    let side = |at: usize| {
        let (Some(expected), Some(max)) = (&budget.monthly_expected[at], &budget.monthly_max[at]) else {
            return (String::new(), "unknown".to_owned());
        };
        let most = if expected == max { String::new() } else { format!(" expected, at most {}", thousands(max)) };
        let cost = thousands(expected) + &most;
        let number = |text: &String| text.parse::<Decimal>().unwrap_or_default();
        if number(max).is_zero() {
            return (String::new(), cost);
        }
        let Some(limit) = &budget.monthly_limit[at] else { return (String::new(), format!("{cost} without a limit")) };
        let cell = |text: &String| cells(number(text), number(limit));
        (bar(cell(expected), cell(max)), format!("{cost} of {}", thousands(limit)))
    };
    format!("{} {} a month", before_after(side(0), side(1)), printable(&budget.currency))
}

/// The lines that cause a difference of cost, and what must be known to read the amounts.
pub(super) fn cost(budget: &CostChange) -> Vec<String> {
    let cause = |cause: &Cause| format!("{}: {}", words::cause(cause), words::amounts(&cause.change));
    let mut lines: Vec<String> = budget.causes.iter().map(cause).collect();
    lines.extend(budget.together.iter().map(|together| format!("{}: {}", words::together(together), words::amounts(&together.change))));
    lines.extend(budget.notes.iter().cloned());
    lines.iter().map(|line| printable(line)).collect()
}

/// What a load takes of a cache, and what it leaves.
fn cache(before: Option<f64>, after: Option<f64>) -> String {
    let side = |left: Option<f64>| {
        let Some(left) = left else { return (String::new(), "unknown".to_owned()) };
        let taken = Decimal::from_f64_retain(100.0 - left).unwrap_or_default();
        let taken = cells(taken, Decimal::ONE_HUNDRED);
        (bar(taken, taken), if left < 0.0 { format!("{:.1} % short", -left) } else { format!("{left:.1} % left") })
    };
    before_after(side(before), side(after))
}

/// Both sides, or one where they are equal or there was none.
fn before_after(before: (String, String), after: (String, String)) -> String {
    let joined = |(bar, words): &(String, String)| if bar.is_empty() { words.clone() } else { format!("{bar} {words}") };
    if before == after || before.1 == "unknown" || before.1.ends_with("of 0") {
        return joined(&after);
    }
    format!("{} → {}", joined(&before), joined(&after))
}

fn range(min: &str, max: &str) -> String {
    if min == max { min.to_owned() } else { format!("{min} to {max}") }
}

/// Cells of a bar for `part` of `whole`, any part at least one.
fn cells(part: Decimal, whole: Decimal) -> u64 {
    if part <= Decimal::ZERO {
        return 0;
    }
    let share = part.checked_mul(Decimal::from(CELLS)).and_then(|cells| cells.checked_div(whole));
    share.and_then(|cells| u64::try_from(cells.round()).ok()).unwrap_or(CELLS).clamp(1, CELLS)
}

/// `[####==....]`: in use at least, at most, and left.
fn bar(min: u64, max: u64) -> String {
    let cell = |at| {
        if at < min {
            '#'
        } else if at < max {
            '='
        } else {
            '.'
        }
    };
    format!("[{}]", (0..CELLS).map(cell).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{bar, cells, gpus};
    use crate::plan::types::GpuChange;

    #[test]
    fn bars_show_shares() {
        assert_eq!(bar(cells(8.into(), 16.into()), cells(12.into(), 16.into())), "[##########=====.....]");
        assert_eq!(bar(cells(1.into(), 1000.into()), cells(2000.into(), 1000.into())), "[#===================]");
        assert_eq!((cells(0.into(), 0.into()), cells(1.into(), 0.into())), (0, 20));
    }

    #[test]
    fn what_stays_is_told_once() {
        let same = GpuChange { available: [4, 4], min: [2, 2], max: [2, 2] };
        assert_eq!(gpus(&same), "[##########..........] 2 of 4");
        let new = GpuChange { available: [0, 4], min: [0, 4], max: [0, 4] };
        assert_eq!(gpus(&new), "[####################] 4 of 4");
        let more = GpuChange { available: [4, 4], min: [2, 2], max: [2, 4] };
        assert_eq!(gpus(&more), "[##########..........] 2 of 4 → [##########==========] 2 to 4 of 4");
    }
}
