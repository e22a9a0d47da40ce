//! Prices in a currency that the stack cannot convert.

use std::collections::BTreeMap;

use super::support::prices::{is_paid, listed, place, words};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, printable};
use crate::stack::{PriceFault, PriceUse};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B003",
    name: "currency-without-rate",
    severity: Severity::Error,
    docs: "A price is in another currency than the budget, and the spec does not say what that is worth; or a rate \
           is zero, is of no currency, or says that the budget's own currency is worth something else than itself.\n\n\
           llmc reads no rates from anywhere: a bill that changes over night without a commit could not be \
           reviewed. llmc's own list is in US dollars, and a stack without a budget too.\n\n\
           ```kdl\nbudget { monthly 45000; currency \"EUR\" }\npool \"h100\" { price-per-gpu-hour 6.88; currency \"USD\"; … }\n```\n\n\
           Say what one unit of the other currency is worth in that of the budget, and since when: \
           `prices { rate \"USD\" value=0.92 date=\"2026-11-20\" }`. Or state the price in the currency of the budget.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let own = &cx.stack.currency;
    for (currency, rate) in &cx.spec.prices.rate {
        let at = Route::of(["prices", "rate", currency, "value"]);
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            let message = format!("`{}` is no currency, so nothing uses this rate: their codes are three capital letters", printable(currency));
            let finding = Diagnostic::at_key(&RULE, Route::of(["prices", "rate", currency]), message);
            out.push(finding.help("write its ISO 4217 code, three capital letters such as `EUR`"));
        } else if currency == own && rate.value.0 != rust_decimal::Decimal::ONE {
            let message = format!("the rate of {currency} is {}, and {currency} is the currency of the stack", rate.value);
            let finding = Diagnostic::at_value(&RULE, at, message);
            out.push(finding.help(format!("remove it: one {currency} is worth one {currency}; rates are of other currencies")));
        } else if rate.value.0.is_zero() {
            let message = format!("the rate of {currency} is 0, so every price in {currency} would cost nothing");
            out.push(Diagnostic::at_value(&RULE, at, message).help(format!("write what one {currency} is worth in {own}")));
        }
    }
    let mut lacking: BTreeMap<&str, Vec<&PriceUse>> = BTreeMap::new();
    for price in cx.stack.price_uses.iter().filter(|price| is_paid(cx, price)) {
        match &price.fault {
            // A rate of zero, or one that cannot be read, has its own finding.
            Some(PriceFault::NoRate { currency }) if !cx.document.mentions(&Route::of(["prices", "rate", currency])) => {
                lacking.entry(currency).or_default().push(price);
            }
            Some(PriceFault::TooSmall) => {
                let message = format!("{} in {} comes to nothing in {own}", words(price), price.currency);
                out.push(Diagnostic::new(&RULE, place(cx, price), message).help(format!("correct the rate of {}", price.currency)));
            }
            Some(PriceFault::TooLarge) => {
                let message = format!("{} in {} is too large an amount in {own}", words(price), price.currency);
                out.push(Diagnostic::new(&RULE, place(cx, price), message).help(format!("correct the rate of {}", price.currency)));
            }
            _ => {}
        }
    }
    for (currency, prices) in lacking {
        // What somebody wrote is shown before what is only needed.
        let first = prices.iter().min_by_key(|price| price.origin).copied();
        let Some(first) = first else { continue };
        let what = listed(prices.iter().map(|price| words(price)).collect());
        let priced = if prices.len() == 1 { "is priced" } else { "are priced" };
        let message = format!("{what} {priced} in {currency}, and the spec has no rate from {currency} to {own}");
        let finding = Diagnostic::new(&RULE, place(cx, first), message);
        let finding = finding.help(format!("say what one {currency} is worth in {own}: `prices {{ rate \"{currency}\" value=…; }}`"));
        out.push(finding.help(format!("or state the prices in {own}, in the spec or in a list that `prices file=…` names")));
    }
}
