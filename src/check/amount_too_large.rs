//! Amounts that no number holds.

use super::{Check, Context};
use crate::cost::{Cost, Kind, Overflow};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::stack::{Stack, Target};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-B014",
    name: "amount-too-large",
    severity: Severity::Error,
    docs: "An amount for a month has more digits than a decimal holds (28), so there is no sum.\n\n\
           Money is never rounded to a binary number: what cannot be added up exactly cannot be held against a \
           budget. No real deployment comes near; a unit is wrong, such as a price for a token instead of a \
           million, or bytes instead of GiB.\n\n\
           ```kdl\nload requests-per-second=1000000000 input-tokens=1000000000 output-tokens=1\nexternal \"gpt-4o\" { input-price-per-million 1000000000000; … }\n```\n\n\
           The finding names the fields whose product is too large.",
};

/// Digits that a decimal holds.
const DIGITS: u32 = 28;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    if cx.cost.is_some() {
        return;
    }
    let Err(Overflow { item }) = Cost::of(cx.stack, cx.capacities) else { return };
    let mut fields = item.as_ref().map_or_else(Vec::new, |(kind, name)| fields(cx.stack, *kind, name));
    // What a list or a default gives stands nowhere in the spec.
    fields.retain(|(field, _)| cx.document.spans.contains_key(field));
    let message = match &item {
        Some((kind, name)) => format!("the {} of `{name}` come to an amount for a month of more than {DIGITS} digits", kind.words()),
        None => format!("all items together come to an amount for a month of more than {DIGITS} digits"),
    };
    let mut rest = fields.into_iter();
    let (first, label) = rest.next().unwrap_or_else(|| (Route::of(["stack"]), "this stack"));
    let mut finding = Diagnostic::at_value(&RULE, first, message).label(label);
    for (field, label) in rest {
        finding = finding.related(Place::Value(field), label);
    }
    out.push(finding.help("prices are for one GPU hour, one CPU hour, one GiB or a million tokens; lower the one that is not"));
}

/// The fields whose product is an item.
fn fields(stack: &Stack, kind: Kind, name: &str) -> Vec<(Route, &'static str)> {
    let unit_prices = [("cpu-hour", "the price of a CPU hour"), ("memory-gib-hour", "the price of a GiB hour")];
    let unit_prices = unit_prices.map(|(field, label)| (Route::of(["prices", field]), label));
    let resources = |at: Route| {
        let at = at.key("resources");
        [(at.key("cpu"), "its CPUs"), (at.key("memory"), "its memory")].into_iter().chain(unit_prices).collect()
    };
    match kind {
        Kind::Guardrails => resources(Route::of(["guardrails", name])),
        Kind::SemanticCache => resources(Route::of(["route", name, "cache"])),
        Kind::Storage => vec![
            (Route::of(["model", name, "cache", "size-gib"]), "its volume"),
            (Route::of(["prices", "storage-gib-month"]), "the price of a GiB"),
        ],
        Kind::Gpus | Kind::Rollouts | Kind::IdleReservation => {
            let pool = stack.models.get(name).map_or(name, |model| model.pool.as_str());
            let pool = Route::of(["pool", pool]);
            vec![
                (pool.key("price-per-gpu-hour"), "the price of a GPU hour"),
                (pool.key("reserved").key("gpus"), "GPUs that are always paid"),
                (Route::of(["model", name, "replicas", "max"]), "its copies"),
            ]
        }
        Kind::Tokens => {
            let external = Route::of(["external", name]);
            let mut fields = vec![
                (external.key("input-price-per-million"), "the price of a million tokens"),
                (external.key("output-price-per-million"), "the price of a million tokens"),
            ];
            let target = Target::External(name.to_owned());
            for route in stack.routes.values() {
                let others = route.traffic.tiers.values().chain(&route.traffic.fallback).map(|tier| &tier.target);
                if others.chain([&route.target]).any(|other| *other == target) {
                    let load = Route::of(["route", &route.name, "load"]);
                    fields.push((load.key("requests-per-second"), "requests"));
                    fields.push((load.key("input-tokens"), "tokens of each"));
                    fields.push((load.key("output-tokens"), "tokens of each"));
                }
            }
            fields
        }
    }
}
