//! Prices of a day that has not come.

use super::support::prices::today;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec::Day;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B005",
    name: "price-in-the-future",
    severity: Severity::Error,
    docs: "A price or a rate in the spec or in its file of prices is of a day that has not come yet.\n\n\
           `priced-on` and `date` say on which day somebody saw the price. A day in the future is a mistake, and \
           the price would not grow old for as long as the mistake is large. Today is the day in UTC, or that of \
           `SOURCE_DATE_EPOCH`.\n\n\
           ```kdl\npool \"h100\" { price-per-gpu-hour 6.88; priced-on \"2062-11-20\"; … }\n```\n\n\
           Write the day on which you looked the price up.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let Some(today) = today(cx) else { return };
    let mut dates: Vec<(Place, Day)> = Vec::new();
    let mut stated = |keys: &[&str], date: Option<Day>| dates.extend(date.map(|date| (Place::Value(Route::of(keys.iter().copied())), date)));
    for (name, pool) in &cx.spec.pool {
        stated(&["pool", name, "priced-on"], pool.priced_on);
    }
    for (name, external) in &cx.spec.external {
        stated(&["external", name, "priced-on"], external.priced_on);
    }
    for (currency, rate) in &cx.spec.prices.rate {
        stated(&["prices", "rate", currency, "date"], rate.date);
    }
    if let Some(file) = &cx.stack.price_file {
        let mut line = |keys: &[&str], date: Day| dates.push((Place::Text { file: file.file.clone(), range: file.range(keys) }, date));
        file.list.gpu.iter().for_each(|(name, price)| line(&["gpu", name, "date"], price.date));
        file.list.tokens.iter().for_each(|(name, price)| line(&["tokens", name, "date"], price.date));
        let units = [("cpu-hour", &file.list.cpu_hour), ("memory-gib-hour", &file.list.memory_gib_hour)];
        for (name, unit) in units.into_iter().chain([("storage-gib-month", &file.list.storage_gib_month)]) {
            unit.iter().for_each(|unit| line(&[name, "date"], unit.date));
        }
    }
    for (place, date) in dates.into_iter().filter(|(_, date)| *date > today) {
        let finding = Diagnostic::new(&RULE, place, format!("{date} has not come yet: today is {today}"));
        out.push(finding.help("write the day on which somebody saw the price, today at the latest"));
    }
}
