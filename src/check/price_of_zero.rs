//! Prices of zero under a budget.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B001",
    name: "price-of-zero",
    severity: Severity::Warning,
    docs: "A pool or an external model that is used has a price of zero, and the stack has a budget.\n\n\
           What costs nothing never fills a budget, so its alert stays silent while somebody pays.\n\n\
           ```kdl\npool \"a100\" { price-per-gpu-hour 0; … }\nbudget { monthly 45000 }\n```\n\n\
           Give what the GPUs cost you: the cloud's price, or for your own hardware the purchase over its \
           years with power and cooling.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let Some(budget) = &cx.spec.budget else { return };
    let mut prices = Vec::new();
    for (name, pool) in cx.spec.pool.iter().filter(|(name, _)| cx.spec.model.values().any(|m| m.place.pool == **name)) {
        let Some(price) = pool.price_per_gpu_hour else { continue };
        prices.push((Route::of(["pool", name, "price-per-gpu-hour"]), price, format!("an hour of a GPU of `{name}`")));
    }
    for (name, external) in cx.spec.external.iter().filter(|(name, _)| cx.spec.route.values().any(|r| r.models().any(|model| model == *name))) {
        let at = Route::of(["external", name]);
        for (field, price, direction) in [
            ("input-price-per-million", external.input_price_per_million, "input"),
            ("output-price-per-million", external.output_price_per_million, "output"),
        ] {
            prices.extend(price.map(|price| (at.key(field), price, format!("a million {direction} tokens of `{name}`"))));
        }
    }
    for (at, _, what) in prices.into_iter().filter(|(_, price, _)| price.0.is_zero()) {
        let message = format!("{what} costs 0 {}, so it never counts against the budget of {}", budget.currency, budget.monthly);
        let finding = Diagnostic::at_value(&RULE, at, message).related(Place::Value(Route::of(["budget", "monthly"])), "this budget");
        out.push(finding.help(format!("write what it costs in {}, or remove the budget", budget.currency)));
    }
}
