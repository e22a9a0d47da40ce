//! The cost of a month, before and after, and the lines that cause the difference.

use rust_decimal::Decimal;
use serde_json::Value;

use super::document::Section;
use super::record::{amount, decimal};
use super::summary::{arrow, range};
use super::{Subject, text};
use crate::cost;
use crate::plan::{StackPlan, words};
use crate::pricing::{Amounts, CostChange};

/// Most lines and blocks that are listed.
const MOST_ITEMS: usize = 40;
/// Most characters of a line of the spec with its values.
const LINE_CHARS: usize = 240;

fn read(amount: Option<&String>) -> Option<Decimal> {
    decimal(&Value::String(amount?.clone()))
}

/// What is expected, what it may be, and the limit, on one line.
pub(super) fn line(cost: &CostChange) -> String {
    let side = |at: usize| read(cost.monthly_expected[at].as_ref()).map(amount);
    let (cost_words, note) = match (side(0), side(1)) {
        (Some(before), Some(after)) if before == after => (after, ", as before"),
        (None, after) => (after.unwrap_or_else(|| "an unknown amount".into()), ""),
        (before, after) => (arrow(before.as_deref(), after.as_deref()), ""),
    };
    let bounds = read(cost.monthly_min[1].as_ref()).zip(read(cost.monthly_max[1].as_ref()));
    let bounds = bounds.filter(|(least, most)| least != most).map_or(String::new(), |(least, most)| format!(" ({})", range(least, most)));
    let limit = match (read(cost.monthly_limit[1].as_ref()), read(cost.monthly_expected[1].as_ref())) {
        (Some(limit), Some(expected)) if limit > Decimal::ZERO => {
            let share = expected.checked_div(limit).and_then(|share| share.checked_mul(Decimal::ONE_HUNDRED));
            let share = share.map_or(String::new(), |share| format!("{} % of ", share.round_dp(0)));
            format!("{share}the limit of {}", amount(limit))
        }
        (Some(limit), _) => format!("the limit is {}", amount(limit)),
        (None, _) => "no limit is set".to_owned(),
    };
    format!("**Cost:** {cost_words} {} expected a month{bounds}{note}; {limit}.", text::words(&cost.currency, 20))
}

/// Whether what is expected is within the limit, in words.
pub(super) fn within(plan: &StackPlan) -> Option<String> {
    let cost = plan.totals.budget.as_ref()?;
    let (expected, limit) = (read(cost.monthly_expected[1].as_ref())?, read(cost.monthly_limit[1].as_ref())?);
    let verdict = if expected <= limit { "within" } else { "**above**" };
    let most = read(cost.monthly_max[1].as_ref()).filter(|most| expected <= limit && *most > limit);
    let most = most.map_or(String::new(), |most| format!("; it may be {}", amount(most)));
    let currency = text::words(&cost.currency, 20);
    Some(format!("{} {currency} are expected a month, {verdict} the limit of {}{most}", amount(expected), amount(limit)))
}

/// What the model `name` is expected to cost, before and after.
pub(super) fn expected(plan: &StackPlan, name: &str) -> [Option<Decimal>; 2] {
    let route = crate::diagnostic::Route::of(["model", name]).to_string();
    let block = plan.totals.budget.as_ref().and_then(|cost| cost.blocks.get(&route));
    let of = |at: usize| read(block?[at].as_ref().map(|amounts| &amounts.expected));
    [of(0), of(1)]
}

/// The table of the amounts that change, and the lines that cause it; nothing where none does.
pub(super) fn section(subject: &Subject<'_>) -> Vec<Section> {
    let Some(cost) = &subject.review.plan.totals.budget else { return Vec::new() };
    let notes: Vec<String> = cost.notes.iter().map(|note| format!("- {}", text::words(note, LINE_CHARS))).collect();
    let mut rows: Vec<String> = sums(cost).into_iter().flatten().collect();
    rows.extend(cost.blocks.iter().filter(|(_, [before, after])| before != after).map(|(route, [before, after])| {
        let expected = |side: &Option<Amounts>| side.as_ref().map(|amounts| amounts.expected.clone());
        let zero = || Some("0".to_owned());
        let [from, to] = [expected(before).or_else(zero), expected(after).or_else(zero)];
        cells(&text::cell(route, 80), from.as_ref(), to.as_ref())
    }));
    if rows.is_empty() && notes.is_empty() {
        return Vec::new();
    }
    let mut sections = Vec::new();
    let currency = text::cell(&cost.currency, 20);
    let mut table = Section::table("### Cost", &[&format!("{currency} a month"), "Before", "After", "Change"], "amounts");
    table.items = rows;
    sections.push(Section { rank: 1, ..table }.capped(MOST_ITEMS));
    let mut causes: Vec<String> = cost
        .causes
        .iter()
        .map(|cause| format!("- {}: {}", text::code(&words::cause(cause), LINE_CHARS), words::amounts(&cause.change)))
        .collect();
    causes.extend(cost.together.iter().map(|together| {
        let routes: Vec<String> = together.routes.iter().map(|route| text::code(route, 120)).collect();
        let more = if together.more > 0 { format!(" and {}", words::count(together.more, "more line")) } else { String::new() };
        let routes = if routes.is_empty() { "no single line".to_owned() } else { format!("together {}{more}", routes.join(", ")) };
        format!("- {routes}: {}", words::amounts(&together.change))
    }));
    causes.extend(notes);
    if !causes.is_empty() {
        sections.push(Section::list("Because of:", causes, "lines", 1).capped(MOST_ITEMS));
    }
    sections
}

/// The sums that change.
fn sums(cost: &CostChange) -> [Option<String>; 4] {
    let row = |name: &str, sides: &[Option<String>; 2]| {
        let [from, to] = sides;
        (from != to).then(|| cells(name, from.as_ref(), to.as_ref()))
    };
    let min = row("Minimum", &cost.monthly_min);
    let expected = row("**Expected**", &cost.monthly_expected);
    [min, expected, row("Maximum", &cost.monthly_max), row("Budget", &cost.monthly_limit)]
}

fn cells(name: &str, from: Option<&String>, to: Option<&String>) -> String {
    let shown = |side: Option<&String>| read(side).map_or("none".to_owned(), cost::money);
    let change = read(from).zip(read(to)).and_then(|(from, to)| to.checked_sub(from)).map(cost::amount);
    text::row(&[name.to_owned(), shown(from), shown(to), change.map_or(String::new(), |change| words::signed(&change))])
}
