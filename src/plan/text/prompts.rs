//! What goes live, and what experiments do.

use crate::diagnostic::{printable, thousands};
use crate::plan::types::StackPlan;
use crate::plan::words;
use crate::plan::{PromptChange, RouteChange};

/// A line for each prompt of which another version goes live, and one for each route below it.
pub(in crate::plan) fn lines(stack: &StackPlan) -> Vec<String> {
    let currency = stack.totals.budget.as_ref().map(|budget| budget.currency.clone()).unwrap_or_default();
    let of = |change: &PromptChange| {
        let routes = change.routes.iter().map(|route| format!("  on route {}: {}", route.route, on_route(route, &currency)));
        std::iter::once(head(change)).chain(routes).map(|line| printable(&line)).collect::<Vec<_>>()
    };
    stack.prompts.iter().flat_map(of).collect()
}

fn head(change: &PromptChange) -> String {
    let live = match &change.live {
        [Some(was), Some(now)] => format!("{was} → {now}"),
        [_, now] => format!("{} is new", now.as_deref().unwrap_or_default()),
    };
    let back = if change.is_rollback { ", the version to go back to" } else { "" };
    let pinned = if change.is_pinned { "pinned" } else { "not pinned" };
    format!("{}: {live}{back}, {pinned}", change.prompt)
}

/// What is known of a route, before and after.
fn on_route(route: &RouteChange, currency: &str) -> String {
    let mark = if route.is_estimated { "~" } else { "" };
    let mut parts = Vec::new();
    let mut add = |name: &str, sides: [Option<String>; 2], unit: &str| match sides {
        [Some(was), Some(now)] if was == now => parts.push(format!("{name} {now}{unit}, as before")),
        [Some(was), Some(now)] => parts.push(format!("{name} {was} → {now}{unit}")),
        [None, Some(now)] => parts.push(format!("{name} {now}{unit}")),
        [_, None] => {}
    };
    add("tokens", route.tokens.map(|tokens| tokens.map(|tokens| format!("{mark}{}", thousands(tokens)))), "");
    let unit = if currency.is_empty() { String::new() } else { format!(" {currency}") };
    let [was, now] = [0, 1].map(|at| words::range(route.request_low[at].as_deref(), route.request_high[at].as_deref()));
    add("a request", [was, now], &unit);
    let short = |identity: &Option<String>| identity.as_deref().map(crate::prompt::short_identity);
    add("identity", [short(&route.identity[0]), short(&route.identity[1])], "");
    if parts.is_empty() { "nothing is known".to_owned() } else { parts.join("; ") }
}

/// A line for each thing that happens to an experiment.
pub(super) fn experiments(stack: &StackPlan) -> Vec<String> {
    stack.experiments.iter().map(|change| printable(&change.what)).collect()
}
