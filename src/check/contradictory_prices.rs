//! Prices that cannot all be right.

use super::support::prices::{block, is_paid, place, words};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::stack::{Pool, Price, PriceUse};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B006",
    name: "contradictory-prices",
    severity: Severity::Error,
    docs: "Prices contradict each other: a reserved or a spot GPU costs more than one on demand, cached input more \
           than other input; or more GPUs are reserved than the pool has.\n\n\
           A commitment or a risk that makes GPUs dearer is one that nobody takes, so one of the two prices is wrong.\n\n\
           ```kdl\npool \"h100\" {\n    price-per-gpu-hour 3.9\n    spot share=0.5 price-per-gpu-hour=4.9\n    …\n}\n```\n\n\
           Correct what is wrong. Where only one of the prices is yours, state the other one too: that of a list is \
           of another provider.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for pool in cx.stack.pools.values() {
        dearer(cx, pool, out);
        let gpus = pool.gpus();
        if let Some(reserved) = cx.spec.pool.get(&pool.name).and_then(|p| p.reserved.as_ref()).filter(|r| u64::from(r.gpus) > gpus) {
            let at = Route::of(["pool", &pool.name]);
            let message = format!("{} GPUs of `{}` are reserved, and the pool has {gpus}", reserved.gpus, pool.name);
            let finding = Diagnostic::at_value(&RULE, at.key("reserved").key("gpus"), message);
            let finding = finding.related(Place::Value(at.key("nodes")), format!("nodes, of {} GPUs each", pool.gpus_per_node));
            out.push(finding.help(format!("reserve {gpus} at most, or add nodes to the pool")));
        }
    }
    for external in cx.stack.externals.values() {
        let (Some(input), Some(cached)) = (&external.prices.input, &external.prices.cached_input) else { continue };
        let field = "cached-input-price-per-million";
        let used = cx.stack.price_uses.iter().find(|u| u.block == "external" && u.name == external.name && u.fields == [field]);
        let Some(used) = used.filter(|used| cached.amount > input.amount && is_paid(cx, used)) else { continue };
        let currency = &cx.stack.currency;
        let message = format!("{} cost {} {currency}, more than the {} {currency} of other input", words(used), cached.amount, input.amount);
        out.push(Diagnostic::new(&RULE, place(cx, used), message).help("exchange the two; what a provider has in its cache costs less"));
    }
}

/// Reserved and spot GPUs that cost more than those on demand.
fn dearer(cx: &Context<'_>, pool: &Pool, out: &mut Vec<Diagnostic>) {
    let Some(on_demand) = &pool.prices.on_demand else { return };
    let uses = |field: &str| cx.stack.price_uses.iter().find(|u| u.block == "pool" && u.name == pool.name && u.fields.first() == Some(&field));
    let classes: [(&str, Option<&Price>); 2] = [
        ("reserved", pool.prices.reserved.as_ref().map(|(_, price)| price)),
        ("spot", pool.prices.spot.as_ref().map(|(_, price)| price)),
    ];
    for (class, price) in classes {
        let Some(price) = price.filter(|price| price.amount > on_demand.amount) else { continue };
        let (Some(dear), Some(cheap)) = (uses(class), uses("price-per-gpu-hour")) else { continue };
        if !is_paid(cx, dear) {
            continue;
        }
        let currency = &cx.stack.currency;
        let message = format!(
            "{} costs {} {currency} ({}), more than the {} {currency} on demand ({})",
            words(dear),
            price.amount,
            price.source,
            on_demand.amount,
            on_demand.source
        );
        out.push(Diagnostic::new(&RULE, place(cx, dear), message).related(place(cx, cheap), "the price on demand").help(remedy(dear, cheap, class)));
    }
}

fn remedy(dear: &PriceUse, cheap: &PriceUse, class: &str) -> String {
    if dear.origin == cheap.origin {
        return "correct one of them: what may be taken away, or is paid for in advance, costs less".to_owned();
    }
    let at = block(dear);
    format!("state both prices of `{at}`: `price-per-gpu-hour` and `{class} … price-per-gpu-hour=…`; these are of different sources")
}
