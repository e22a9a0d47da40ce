//! Prices of zero under a budget.

use super::support::prices::{is_paid, place, words};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::stack::{PriceOrigin, PriceUse};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B001",
    name: "price-of-zero",
    severity: Severity::Warning,
    docs: "Something that the stack pays for has a price of zero, in the spec or in its file of prices, and the \
           stack has a budget.\n\n\
           What costs nothing never fills a budget, so its alert stays silent while somebody pays.\n\n\
           ```kdl\npool \"a100\" { price-per-gpu-hour 0; … }\nbudget { monthly 45000 }\n```\n\n\
           Give what the GPUs cost you: the cloud's price, or for your own hardware the purchase over its \
           years with power and cooling.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let Some(budget) = &cx.spec.budget else { return };
    let is_zero = |price: &&PriceUse| price.stated.is_some_and(|amount| amount.0.is_zero());
    for price in cx.stack.price_uses.iter().filter(is_zero).filter(|price| is_paid(cx, price)) {
        // The price of cached tokens that nobody states is that of the others, which has its own finding.
        let cached = price.fields == ["cached-input-price-per-million"];
        let states_cached = |name| cx.spec.external.get(name).is_some_and(|e: &crate::spec::External| e.cached_input_price_per_million.is_some());
        if cached && price.origin == Some(PriceOrigin::Spec) && !states_cached(price.name.as_str()) {
            continue;
        }
        let what = words(price);
        let message = format!("{what} costs 0 {}, so it never counts against the budget of {}", price.currency, budget.monthly);
        let finding = Diagnostic::new(&RULE, place(cx, price), message);
        let finding = finding.related(Place::Value(Route::of(["budget", "monthly"])), "this budget");
        out.push(finding.help(format!("write what it costs in {}, or remove the budget", price.currency)));
    }
}
