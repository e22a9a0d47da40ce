//! The month so far, and what it comes to at its end.
//!
//! PromQL has no range "since the month began". So the cost of each hour is written with the month that the
//! hour is in, and the hours of the last 31 days that carry the present month are added up. Hours
//! are read at whole hours, whenever and however often the rules run: a missed or a doubled evaluation
//! neither loses nor adds money, and two Prometheus servers agree. All in UTC, as Prometheus counts.

use super::SLOW_INTERVAL_SECONDS;
use super::cost::STACK_PER_HOUR;
use super::prices::{currency, money_labels};
use super::rule::{Group, Recording, Rule};
use super::scope::stack_labels;
use crate::diagnostic::Route;
use crate::emit::promql::Selector;
use crate::stack::Stack;

/// What has been spent since the month began.
pub(super) const MONTH_TO_DATE: &str = "llmc:cost_monthly:month_to_date";
/// What the month comes to if the last day goes on.
pub(super) const FORECAST: &str = "llmc:cost_monthly:forecast";
/// The moment before now: at midnight the hour that ends is of the month that ends.
const JUST_BEFORE: &str = "vector(time() - 1)";

/// A series of one, with the present month as its label.
fn this_month() -> String {
    format!(r#"count_values("month", month({JUST_BEFORE}))"#)
}

/// The rules of a stack whose cost is measured.
pub(super) fn group(stack: &Stack) -> Group {
    let (own, money) = (Selector::stack(stack), Selector::stack(stack).equal("currency", currency(stack)));
    let hours = format!("{}[31d:1h]", money.of("llmc:cost_per_hour:mean1h"));
    let of_this_month = |function: &str| format!("sum({function}({hours}) and on (month) {})", this_month());
    // In the first hour of a month there is no whole hour yet.
    let or_nothing = format!("or on () (0 * sum({}))", money.of("llmc:cost_per_hour:mean1h"));
    let remaining = format!("sum({})", own.of("llmc:month_remaining:seconds"));
    let elapsed_hours = format!("clamp_min(floor((days_in_month({JUST_BEFORE}) * 86400 - on () {remaining}) / 3600), 1)");
    let record = |name, expr, labels| Rule::Record(Recording { name, expr, labels });
    let rules = vec![
        record(
            "llmc:cost_per_hour:mean1h",
            format!("sum(avg_over_time({}[1h])) * on () group_left (month) {}", money.of(STACK_PER_HOUR), this_month()),
            money_labels(stack, &[]),
        ),
        record(
            "llmc:month_remaining:seconds",
            format!(
                "(days_in_month({JUST_BEFORE}) - day_of_month({JUST_BEFORE}) + 1) * 86400 - hour({JUST_BEFORE}) * 3600 - (minute({JUST_BEFORE}) + 1) * 60"
            ),
            stack_labels(stack),
        ),
        record(MONTH_TO_DATE, format!("{} {or_nothing}", of_this_month("sum_over_time")), money_labels(stack, &[])),
        record(
            "llmc:hours_measured:month_to_date",
            format!("({} {or_nothing}) / on () ({elapsed_hours} > 0)", of_this_month("count_over_time")),
            stack_labels(stack),
        ),
        record(
            FORECAST,
            format!("sum({}) + sum(avg_over_time({}[1d])) * {remaining} / 3600", money.of(MONTH_TO_DATE), money.of(STACK_PER_HOUR)),
            money_labels(stack, &[]),
        ),
    ];
    Group { name: format!("{}.month", stack.name), interval_seconds: Some(SLOW_INTERVAL_SECONDS), about: Route::of(["budget"]), rules }
}
