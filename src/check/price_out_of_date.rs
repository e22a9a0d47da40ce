//! Prices that held long ago.

use std::collections::BTreeSet;

use super::support::prices::{block, is_paid, listed, needed_by, today, words};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec::Day;
use crate::stack::{PriceOrigin, PriceUse};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B004",
    name: "price-out-of-date",
    severity: Severity::Warning,
    docs: "A price or a rate that the stack uses held longer ago than `prices max-age`, which is `180d` by default.\n\n\
           Prices of GPUs and tokens fall by a third in a year; a bill from old ones is an upper bound at best. Each \
           place has one finding: a block of the spec, the file of prices, llmc's own list. A price without a \
           day never grows old.\n\n\
           ```kdl\npool \"h100\" { price-per-gpu-hour 12.29; priced-on \"2024-01-31\"; … }\n```\n\n\
           Look the price up and write today's day, or say how long yours hold: `prices max-age=\"52w\"`. A price of \
           llmc's own list is overridden by one in the block, or by a list of your own: `prices file=\"prices.yaml\"`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let Some(today) = today(cx) else { return };
    let max_age = cx.stack.prices.max_age;
    let age = |date: Day| today.days_since(date);
    // Durations are below 100 years, so no multiplication overflows.
    let is_old = |date: &Day| i128::from(age(*date)) * 86_400_000 > i128::from(max_age.milliseconds());
    let old: Vec<(&PriceUse, Day)> = cx
        .stack
        .price_uses
        .iter()
        .filter(|price| is_paid(cx, price))
        .filter_map(|price| Some((price, price.date.filter(is_old)?)))
        .collect();
    let of = |origin| old.iter().filter(move |(price, _)| price.origin == Some(origin)).copied();
    let limit = |date: Day| format!("{date} is {} days before {today}, and prices are old after {max_age}", age(date));
    let mut seen = BTreeSet::new();
    for (price, date) in of(PriceOrigin::Spec).filter(|(price, _)| seen.insert(block(price))) {
        let message = format!("the prices of `{}` are old: {}", price.name, limit(date));
        let finding = Diagnostic::at_value(&RULE, block(price).key("priced-on"), message);
        out.push(finding.help("look them up again and write that day, or say how long prices hold: `prices max-age=\"52w\"`"));
    }
    for (currency, rate) in &cx.spec.prices.rate {
        let Some(date) = rate.date.filter(is_old) else { continue };
        let at = Route::of(["prices", "rate", currency, "date"]);
        let finding = Diagnostic::at_value(&RULE, at, format!("the rate of {currency} is old: {}", limit(date)));
        out.push(finding.help("look it up again and write that day"));
    }
    let oldest = |origin| of(origin).min_by_key(|(_, date)| *date);
    let what = |origin| listed(of(origin).map(|(price, date)| format!("{} ({date})", words(price))).collect());
    if let (Some((price, date)), Some(file)) = (oldest(PriceOrigin::File), &cx.stack.price_file) {
        let keys: Vec<&str> = price.keys.iter().map(String::as_str).collect();
        let line = keys.len().saturating_sub(1);
        let at: Vec<&str> = keys.iter().take(line).copied().chain(["date"]).collect();
        let place = Place::Text { file: file.file.clone(), range: file.range(&at) };
        let message = format!("prices of `{}` are old: {}; {}", file.file, limit(date), what(PriceOrigin::File));
        let finding = Diagnostic::new(&RULE, place, message);
        out.push(finding.help("look them up again and write that day, or say how long prices hold: `prices max-age=\"52w\"`"));
    }
    if let Some((price, date)) = oldest(PriceOrigin::List) {
        let message = format!("prices of llmc's own list are old: {}; {}", limit(date), what(PriceOrigin::List));
        let finding = Diagnostic::new(&RULE, needed_by(price), message).label("needs one of them");
        let finding = finding.help(format!("state what you pay: `{}` with `priced-on` in the block", price.fields.join(" ")));
        out.push(finding.help("or name a list of your prices, `prices file=\"prices.yaml\"`, or let them grow older: `prices max-age=\"52w\"`"));
    }
}
