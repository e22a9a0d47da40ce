//! The cost for people at a terminal.

use rust_decimal::Decimal;

use super::document::UNIT_DECIMALS;
use super::money::fixed;
use super::table::{Style, Table, bar, budget_bar};
use super::{Against, Monthly, Report};
use crate::diagnostic::{printable, redact, thousands};
use crate::stack::Target;

/// Cells of the bar of an item.
const ITEM_CELLS: usize = 20;
/// Cells of the bar of the budget.
const BUDGET_CELLS: usize = 50;
/// What stands for a figure that is not known.
const UNKNOWN: &str = "not known";

fn money(amount: Decimal) -> String {
    thousands(fixed(amount, 2))
}

/// Small amounts: those for a request or a million tokens.
fn small(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), |amount| thousands(fixed(amount, UNIT_DECIMALS)))
}

fn clean(words: &str) -> String {
    printable(&redact(words))
}

/// The report as text; with `colour`, ANSI styles are used.
pub fn render_text(report: &Report, colour: bool) -> String {
    let style = Style { colour };
    let blocks = [head(report, style), bill(report, style), models(report, style), routes(report, style), beside(report)];
    let lines: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).map(|block| block.join("\n") + "\n").collect();
    lines.join("\n") + "\n"
}

fn head(report: &Report, style: Style) -> Vec<String> {
    let Monthly { minimum, expected, maximum } = report.cost.monthly;
    let at_least = if report.cost.is_partial() { "at least " } else { "" };
    let title = style.paint("1", &printable(&report.stack));
    let mut lines = vec![format!("{title}: {at_least}{} {} a month", money(expected), printable(&report.currency))];
    if let Some(line) = lines.first_mut().filter(|_| minimum < maximum) {
        line.push_str(&format!(" ({} to {})", money(minimum), money(maximum)));
    }
    if let Some(budget) = report.budget {
        let bar = budget_bar([minimum, expected, maximum], budget, BUDGET_CELLS, style);
        let words = match budget {
            budget if expected > budget => style.paint("31", &format!("over it by {}", money(expected - budget))),
            budget if maximum > budget => style.paint("33", &format!("the maximum is over it by {}", money(maximum - budget))),
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

fn routes(report: &Report, style: Style) -> Vec<String> {
    let mut table = Table::new(&["route", "a month", "requests", "a request"]);
    for route in &report.routes {
        let month = match (route.unknown.is_empty(), route.monthly) {
            (false, amount) if amount.is_zero() => UNKNOWN.to_owned(),
            (false, amount) => format!(">= {}", money(amount)),
            (true, amount) => money(amount),
        };
        let requests = route.requests.map_or_else(|| "not stated".to_owned(), |requests| thousands(fixed(requests, 0)));
        let parts: Vec<String> = route.parts.iter().map(|part| format!("{} {}", printable(&part.what), money(part.monthly))).collect();
        let is_bound = !route.unknown.is_empty() && route.per_request.is_some();
        let request = format!("{}{}", if is_bound { ">= " } else { "" }, small(route.per_request));
        table.row([printable(&route.name), month, requests, request], parts.join(" + "));
    }
    if table.is_empty() {
        return Vec::new();
    }
    let mut lines = table.lines(style);
    for route in &report.routes {
        lines.extend(route.against.iter().map(|against| format!("  {}", against_words(&route.name, against))));
    }
    lines
}

/// `route support on llama-70b: 6,000.00 a month; on gpt-4o 7,200.00 (0.004 a request); …`
fn against_words(route: &str, of: &Against) -> String {
    let mut words = format!(
        "{} on {} costs {}, the same on {} {} ({} a request)",
        printable(route),
        printable(&of.model),
        money(of.own),
        printable(&of.external),
        money(of.theirs),
        small(Some(of.theirs_per_request))
    );
    if let Some(even) = of.break_even {
        let rate = |rate: Decimal| fixed(rate, 3);
        words.push_str(&format!("; equal at {} requests/s over the month, {} are stated", rate(even), rate(of.stated)));
        words.push_str(match of.is_served {
            Some(true) => "",
            Some(false) => "; the expected copies do not serve as many",
            None => "; whether the copies serve as many is not known",
        });
    }
    words
}

fn beside(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut block = |name: &str, words: Vec<String>| {
        lines.extend(words.iter().enumerate().map(|(at, words)| format!("  {:<12}{words}", if at == 0 { name } else { "" })));
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
            format!(" at {} % to {} %, stated in the spec", percent(share.at_least), percent(share.at_most))
        });
        let saving = match effect.saving {
            Some((least, most)) if least == most => format!("saves {}", money(least)),
            Some((least, most)) => format!("saves {} to {}", money(least.min(most)), money(least.max(most))),
            None => format!("saving {UNKNOWN}"),
        };
        let note = effect.note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
        clean(&format!("{}: {saving}{}{note}", effect.switch.words(), share.unwrap_or_default()))
    };
    block("effect", report.effects.iter().map(effect).collect());
    block("not known", report.cost.unknown().iter().map(|words| clean(words)).collect());
    block("not known", report.routes.iter().flat_map(|r| r.unknown.iter().map(|w| clean(&format!("route `{}`: {w}", r.name)))).collect());
    block("assumed", report.assumptions.iter().map(|words| clean(words)).collect());
    lines
}

/// The prices that are used, as text.
pub fn render_prices(report: &Report, colour: bool) -> String {
    let style = Style { colour };
    let mut table = Table::new(&["price of", "amount", "on"]);
    for price in &report.prices {
        let amount = price.amount.map_or_else(|| UNKNOWN.to_owned(), |amount| thousands(amount.normalize()));
        let date = price.date.map_or_else(|| "no date".to_owned(), |date| date.to_string());
        let (date, source) = if price.amount.is_some() { (date, price.source.clone().unwrap_or_default()) } else { Default::default() };
        table.row([printable(&price.what), amount, date], clean(&source));
    }
    let title = style.paint("1", &printable(&report.stack));
    format!("{title}: prices in {}\n{}\n\n", printable(&report.currency), table.lines(style).join("\n"))
}
