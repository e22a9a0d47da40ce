//! The cost for people at a terminal.

use rust_decimal::Decimal;

use super::document::UNIT_DECIMALS;
use super::money::{fixed, money};
use super::table::{Table, bar, budget_bar};
use super::{Monthly, Report, serves};
use crate::diagnostic::{Style, printable, redact, thousands};
use crate::stack::Target;

/// Cells of the bar of an item.
const ITEM_CELLS: usize = 20;
/// Cells of the bar of the budget.
const BUDGET_CELLS: usize = 50;
/// What stands for a figure that is not known.
const UNKNOWN: &str = "not known";

/// Small amounts, as people read them: those for a request or a million tokens.
pub fn small(amount: Option<Decimal>) -> String {
    let least = Decimal::new(1, UNIT_DECIMALS);
    match amount {
        None => UNKNOWN.to_owned(),
        // Something is never shown as nothing.
        Some(amount) if amount > Decimal::ZERO && fixed(amount, UNIT_DECIMALS) == fixed(Decimal::ZERO, UNIT_DECIMALS) => {
            format!("< {least}")
        }
        Some(amount) => thousands(fixed(amount, UNIT_DECIMALS)),
    }
}

fn clean(words: &str) -> String {
    printable(&redact(words))
}

/// The report as text; with `colour`, ANSI styles are used.
pub fn render_text(report: &Report, colour: bool) -> String {
    let style = Style::new(colour);
    let blocks = [
        head(report, style),
        bill(report, style),
        models(report, style),
        capacity(report, style),
        routes(report, style),
        against(report, style),
        beside(report),
    ];
    let lines: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).map(|block| block.join("\n") + "\n").collect();
    lines.join("\n") + "\n"
}

fn head(report: &Report, style: Style) -> Vec<String> {
    let Monthly { minimum, expected, maximum } = report.cost.monthly;
    let at_least = if report.cost.is_partial() { "at least " } else { "" };
    let title = style.paint(Style::BOLD, &printable(&report.stack));
    let mut lines = vec![format!("{title}: {at_least}{} {} a month", money(expected), printable(&report.currency))];
    if let Some(line) = lines.first_mut().filter(|_| minimum < maximum) {
        line.push_str(&format!(" ({} to {})", money(minimum), money(maximum)));
    }
    if let Some(budget) = report.budget {
        let bar = budget_bar([minimum, expected, maximum], budget, BUDGET_CELLS, style);
        let words = match budget {
            budget if expected > budget => style.paint(Style::RED, &format!("over it by {}", money(expected - budget))),
            budget if maximum > budget => style.paint(Style::YELLOW, &format!("the maximum is over it by {}", money(maximum - budget))),
            budget => format!("{} left", money(budget - expected)),
        };
        lines.push(format!("  {bar} budget | {}, {words}", money(budget)));
        lines.push("  # minimum, = expected, - maximum".to_owned());
    }
    lines
}

fn bill(report: &Report, style: Style) -> Vec<String> {
    let cost = &report.cost;
    let mut table = Table::new(&["for a month", "minimum", "expected", "maximum"]);
    for item in &cost.items {
        let Monthly { minimum, expected, maximum } = item.monthly;
        let name = format!("{} {}", item.kind.words(), printable(&item.name));
        // Nothing at all is known of what has no amount; otherwise the amounts are a part of it.
        let amounts = match &item.unknown {
            Some(_) if maximum.is_zero() => [UNKNOWN, UNKNOWN, UNKNOWN].map(str::to_owned),
            Some(_) => [minimum, expected, maximum].map(|amount| format!(">= {}", money(amount))),
            None => [minimum, expected, maximum].map(money),
        };
        let rest = format!("{} {}", bar(expected, cost.monthly.expected, ITEM_CELLS, style), clean(&item.how));
        table.row([name].into_iter().chain(amounts), rest);
    }
    let Monthly { minimum, expected, maximum } = cost.monthly;
    let total = if cost.is_partial() { "total, at least" } else { "total" };
    table.row([total.to_owned(), money(minimum), money(expected), money(maximum)], String::new());
    table.lines(style)
}

fn models(report: &Report, style: Style) -> Vec<String> {
    let mut table = Table::new(&["model", "a month", "requests", "a request", "1M tokens", "1M input", "1M output"]);
    for model in &report.models {
        let (Target::Model(name) | Target::External(name)) = &model.target;
        let month = match (model.is_partial, model.monthly.expected) {
            (true, amount) if amount.is_zero() => UNKNOWN.to_owned(),
            (true, amount) => format!(">= {}", money(amount)),
            (false, amount) => money(amount),
        };
        let requests = model.requests.map_or_else(|| "not stated".to_owned(), |requests| thousands(fixed(requests, 0)));
        let unit = [model.per_request, model.per_million, model.per_million_input, model.per_million_output].map(small);
        table.row([printable(name), month, requests].into_iter().chain(unit), String::new());
    }
    let mut lines = if table.is_empty() { Vec::new() } else { table.lines(style) };
    if report.models.iter().any(|model| matches!(model.target, Target::Model(_)) && model.per_million_input.is_some()) {
        lines.push("  input and output of a model on GPUs: its cost by the share of time that prompts and answers take".to_owned());
    }
    lines
}

/// What one copy of each model serves, and how many its load takes.
fn capacity(report: &Report, style: Style) -> Vec<String> {
    let mut table = Table::new(&["requests/s", "asked", "1 copy: low", "expected", "ceiling", "copies: fewest", "expected", "most"]);
    for of in &report.serves {
        let asked = of.asked.map_or_else(|| "not stated".to_owned(), figure);
        let mut cells = vec![printable(&of.model), asked];
        let mut why = clean(&of.unknown.join("; "));
        if let Some(copy) = &of.copy {
            let [low, expected, high] = copy.copies_needed;
            cells.extend(copy.requests_per_second.map(figure));
            cells.extend([high, expected, low].map(|copies| copies.map_or_else(|| UNKNOWN.to_owned(), thousands)));
            why = serves::limit_words(copy.limit).to_owned();
        } else {
            cells.extend(std::iter::repeat_n(UNKNOWN.to_owned(), 6));
        }
        table.row(cells, why);
    }
    if table.is_empty() { Vec::new() } else { table.lines(style) }
}

/// A figure of physics, of which three digits are more than is known.
fn figure(number: Decimal) -> String {
    thousands(number.round_sf(3).unwrap_or(number).normalize())
}

fn routes(report: &Report, style: Style) -> Vec<String> {
    let mut table = Table::new(&["route", "a month", "requests", "a request"]);
    for route in &report.routes {
        let month = match (route.unknown.is_empty(), route.monthly) {
            (false, amount) if amount.is_zero() => UNKNOWN.to_owned(),
            (false, amount) => format!(">= {}", money(amount)),
            (true, amount) => money(amount),
        };
        let requests = route.requests.map_or_else(|| "not stated".to_owned(), |requests| thousands(fixed(requests, 0)));
        let is_bound = !route.unknown.is_empty() && route.per_request.is_some();
        let request = format!("{}{}", if is_bound { ">= " } else { "" }, small(route.per_request));
        let cells = [printable(&route.name), month, requests, request];
        match route.parts.as_slice() {
            [] => table.row(cells, String::new()),
            [part] => table.row(cells, printable(&part.what)),
            parts => {
                table.row(cells, String::new());
                for part in parts {
                    table.row([format!("  {}", printable(&part.what)), money(part.monthly)], String::new());
                }
            }
        }
    }
    if table.is_empty() { Vec::new() } else { table.lines(style) }
}

/// What routes cost on models of the stack, and the same requests elsewhere.
fn against(report: &Report, style: Style) -> Vec<String> {
    let mut table = Table::new(&["the same load elsewhere", "here", "there", "a request", "requests/s", "equal at"]);
    for route in &report.routes {
        for of in &route.against {
            let name = format!("{}: {} or {}", printable(&route.name), printable(&of.model), printable(&of.external));
            let rate = |rate: Decimal| thousands(fixed(rate, 3));
            let even = of.break_even.map_or_else(|| "never".to_owned(), rate);
            let served = match of.is_served {
                None if of.break_even.is_some() => "whether the expected copies serve as many is not known",
                Some(false) => "more than the expected copies serve",
                _ => "",
            };
            let cells = [name, money(of.own), money(of.theirs), small(Some(of.theirs_per_request)), rate(of.stated), even];
            table.row(cells, served.to_owned());
        }
    }
    let mut lines = if table.is_empty() { Vec::new() } else { table.lines(style) };
    if !lines.is_empty() {
        lines.push("  means over the month; at `equal at` requests/s, there costs what is paid here".to_owned());
    }
    lines
}

/// What an effect saves between two amounts, which are below zero where it costs more than it saves.
fn saving_words((one, other): (Decimal, Decimal)) -> String {
    let (low, high) = (one.min(other), one.max(other));
    let range = |from: Decimal, to: Decimal| if from == to { money(from) } else { format!("{} to {}", money(from), money(to)) };
    match (low, high) {
        (low, high) if low.is_zero() && high.is_zero() => "saves nothing".to_owned(),
        (low, high) if low >= Decimal::ZERO => format!("saves {}", range(low, high)),
        (low, high) if high <= Decimal::ZERO => format!("costs {} more than it saves", range(-high, -low)),
        (low, high) => format!("saves at most {}, and may cost {} more than it saves", money(high), money(-low)),
    }
}

fn beside(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut block = |name: &str, words: Vec<String>| {
        lines.extend(words.iter().enumerate().map(|(at, words)| format!("  {:<14}{words}", if at == 0 { name } else { "" })));
    };
    let rollout = |rollout: &super::Rollout| {
        let name = printable(&rollout.model);
        if !rollout.can_surge {
            return format!("`{name}`: 0.00, the old pod ends first");
        }
        let amount = |amount: Option<Decimal>| amount.map_or_else(|| UNKNOWN.to_owned(), money);
        format!("`{name}`: {} each, at most {}; {} a month", amount(rollout.expected), amount(rollout.maximum), rollout.per_month)
    };
    block("rollout", report.cost.rollouts.iter().map(rollout).collect());
    let effect = |effect: &super::Effect| {
        let share = effect.stated.map(|share| {
            let percent = |share: Decimal| (share * Decimal::ONE_HUNDRED).normalize();
            let (least, most) = (percent(share.at_least), percent(share.at_most));
            if least == most { format!(" at {least} %, as stated") } else { format!(" at {least} % to {most} %, as stated") }
        });
        let saving = effect.saving.map_or_else(|| format!("saving {UNKNOWN}"), saving_words);
        let note = effect.note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
        clean(&format!("{}: {saving}{}{note}", effect.switch.words(), share.unwrap_or_default()))
    };
    block("effect", report.effects.iter().map(effect).collect());
    block("not known", report.cost.unknown().iter().map(|words| clean(words)).collect());
    block("not known", report.routes.iter().flat_map(|r| r.unknown.iter().map(|w| clean(&format!("route `{}`: {w}", r.name)))).collect());
    let apart = |route: &super::RouteCost| {
        let words = |words: &String| clean(&format!("route `{}` is not held against {words}", route.name));
        route.not_compared.iter().map(words).collect::<Vec<_>>()
    };
    block("not compared", report.routes.iter().flat_map(apart).collect());
    block("assumed", report.assumptions.iter().map(|words| clean(words)).collect());
    lines
}

/// The prices that are used, as text.
pub fn render_prices(report: &Report, colour: bool) -> String {
    let style = Style::new(colour);
    let mut table = Table::new(&["price of", "amount", "on"]);
    for price in &report.prices {
        let amount = price.amount.map_or_else(|| UNKNOWN.to_owned(), |amount| thousands(amount.normalize()));
        let date = price.date.map_or_else(|| "no date".to_owned(), |date| date.to_string());
        let (date, source) = if price.amount.is_some() { (date, price.source.clone().unwrap_or_default()) } else { Default::default() };
        table.row([printable(&price.what), amount, date], clean(&source));
    }
    let title = style.paint(Style::BOLD, &printable(&report.stack));
    format!("{title}: prices in {}\n{}\n\n", printable(&report.currency), table.lines(style).join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn savings_below_zero_are_said_in_words() {
        let of = |one: i64, other: i64| saving_words((Decimal::new(one, 2), Decimal::new(other, 2)));
        assert_eq!(of(-7085, -5664), "costs 56.64 to 70.85 more than it saves");
        assert_eq!(of(-5664, -5664), "costs 56.64 more than it saves");
        assert_eq!(of(100, 20000), "saves 1.00 to 200.00");
        assert_eq!(of(0, 20000), "saves 0.00 to 200.00");
        assert_eq!(of(-7085, 20000), "saves at most 200.00, and may cost 70.85 more than it saves");
        assert_eq!(of(0, 0), "saves nothing");
    }

    #[test]
    fn something_is_never_shown_as_nothing() {
        let of = |micros: i64| small(Some(Decimal::new(micros, 9)));
        assert_eq!([of(0), of(499), of(500), of(1_234_567_000)], ["0.000000", "< 0.000001", "0.000001", "1.234567"]);
        assert_eq!(small(None), "not known");
    }

    #[test]
    fn figures_have_three_digits() {
        let of = |number: f64| figure(crate::cost::money::figure(number).unwrap());
        assert_eq!([of(12.0), of(0.012345), of(1234.5), of(0.0)], ["12", "0.0123", "1,230", "0"]);
    }
}
