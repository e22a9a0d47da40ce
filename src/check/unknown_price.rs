//! Prices that nobody states.

use std::collections::BTreeMap;

use super::support::prices::{block, is_paid, needed_by, words};
use super::{Check, Context};
use crate::catalog::{self, Gpu};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity, did_you_mean};
use crate::spec::Money;
use crate::stack::{PriceFault, PriceUse};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B002",
    name: "unknown-price",
    severity: Severity::Error,
    docs: "A pool or an external model is used, and nobody states what it costs: neither the spec, nor its file of \
           prices, nor llmc's own list.\n\n\
           The bill, the budget and the alerts would leave it out, and what is left out looks cheap. llmc's own \
           list has a price only where one can be cited, none of reserved GPUs, and token prices only of the \
           provider itself, not of another service at `base-url`.\n\n\
           ```kdl\npool \"a30\" { gpu \"a30-24gb\"; nodes 2; gpus-per-node 4 }   // add `price-per-gpu-hour 0.5`\n```\n\n\
           State the price in the block, with `priced-on` for its day, or name a list: `prices file=\"prices.yaml\"`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let unknown = |price: &&PriceUse| price.fault == Some(PriceFault::Unknown) && is_paid(cx, price);
    let mut tokens: BTreeMap<&str, Vec<&PriceUse>> = BTreeMap::new();
    for price in cx.stack.price_uses.iter().filter(unknown) {
        match price.block {
            "pool" => out.push(of_pool(cx, price)),
            "external" => tokens.entry(&price.name).or_default().push(price),
            _ => {
                let field = price.fields.join(" ");
                let finding = Diagnostic::new(&RULE, needed_by(price), format!("no price of {} is known", words(price)));
                out.push(finding.help(format!("state it: `prices {field}=0.1`")));
            }
        }
    }
    out.extend(tokens.into_iter().map(|(name, prices)| of_external(cx, name, &prices)));
}

fn of_pool(cx: &Context<'_>, price: &PriceUse) -> Diagnostic {
    let gpu = cx.stack.pools.get(&price.name).map(|pool| pool.gpu);
    let named = gpu.map_or("", |gpu| gpu.name.as_str());
    let kind = price.fields.first().copied().unwrap_or_default();
    let finding = if matches!(kind, "reserved" | "spot") {
        let message = format!("no price of {} is known: neither the spec nor a list has a {kind} price of `{named}`", words(price));
        let field = if kind == "reserved" { "gpus=…" } else { "share=…" };
        let finding = Diagnostic::new(&RULE, Place::Key(block(price).key(kind)), message);
        finding.help(format!("state it: `{kind} {field} price-per-gpu-hour=1.20`"))
    } else {
        let message = format!("no price of {} is known: neither the spec nor a list has one of `{named}`", words(price));
        let finding = Diagnostic::new(&RULE, needed_by(price), message);
        let finding = finding.help(format!("state it in the pool: `price-per-gpu-hour 1.20`, in {}", cx.stack.currency));
        match gpu.and_then(nearest) {
            Some((near, amount)) => {
                finding.help(format!("the most similar GPU with a price in llmc's list is `{near}`, at {amount} {}", catalog::prices().currency))
            }
            None => finding,
        }
    };
    finding.help("or name a list of your prices: `prices file=\"prices.yaml\"`")
}

/// The GPU with a price that is most like `gpu`: by its generation, then by its memory.
fn nearest(gpu: &Gpu) -> Option<(&'static str, Money)> {
    let priced = catalog::prices().gpu.iter().filter_map(|(name, line)| Some((name.as_str(), catalog::gpu(name)?, line.on_demand?)));
    let (major, minor) = gpu.compute_capability;
    let distance = |other: &Gpu| {
        let (other_major, other_minor) = other.compute_capability;
        (major.abs_diff(other_major), gpu.vendor_memory_gb.abs_diff(other.vendor_memory_gb), minor.abs_diff(other_minor))
    };
    priced.min_by_key(|(_, other, _)| distance(other)).map(|(name, _, amount)| (name, amount))
}

fn of_external(cx: &Context<'_>, name: &str, prices: &[&PriceUse]) -> Diagnostic {
    let directions: Vec<&str> = prices
        .iter()
        .filter_map(|price| price.fields.first()?.strip_suffix("-price-per-million"))
        // Cached tokens have the price of the others where nobody states another.
        .filter(|direction| *direction != "cached-input")
        .collect();
    let model = cx.stack.externals.get(name).map_or(name, |external| external.model.as_str());
    let message = format!("no price of {} tokens of `{name}` is known: neither the spec nor a list has one of `{model}`", directions.join(" and "));
    let fields: Vec<String> = directions.iter().map(|direction| format!("{direction}-price-per-million {}", if *direction == "output" { "10" } else { "2.50" })).collect();
    let at = prices.first().map_or_else(|| Place::File(String::new()), |price| needed_by(price));
    let finding = Diagnostic::new(&RULE, at, message);
    let finding = finding.help(format!("state it in the block: `{}`, in {}", fields.join("; "), cx.stack.currency));
    let known = &catalog::prices().tokens;
    let elsewhere = cx.spec.external.get(name).is_some_and(|external| external.base_url.is_some());
    match did_you_mean(model, known.keys().map(String::as_str)) {
        Some(near) if near == model && elsewhere => {
            finding.help(format!("llmc's list has `{near}` at its own provider; what serves it at `base-url` has its own price"))
        }
        Some(near) if near != model => finding.help(format!("llmc's list has `{near}`; is that the model at the provider?")),
        _ => finding,
    }
}
