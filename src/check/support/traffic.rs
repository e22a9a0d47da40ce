//! Whether all that a spec says of traffic could be read.

use crate::check::Context;
use crate::spec::Spec;

/// Fields of a route that say what reaches which model.
const OF_ROUTES: [&str; 5] = ["model", "load", "cache", "tier", "fallback"];

/// Whether nothing of the traffic was left out because it is wrong. Otherwise the rest is the traffic of
/// another stack, and what would be found in it is not true of this one.
pub(in crate::check) fn is_whole(cx: &Context<'_>) -> bool {
    let is_traffic = |dropped: &str| {
        let mut keys = dropped.split('/').skip(1);
        match (keys.next(), keys.nth(1)) {
            (Some("route"), field) => field.is_none_or(|field| OF_ROUTES.contains(&field)),
            (Some("model"), field) => field.is_none_or(|field| field == "load"),
            _ => false,
        }
    };
    !cx.document.dropped.iter().any(|dropped| is_traffic(dropped.as_str())) && answers(cx.spec).all(|name| is_declared(cx.spec, name))
}

/// Names of the models that routes send requests to.
fn answers(spec: &Spec) -> impl Iterator<Item = &str> {
    spec.route.values().flat_map(crate::spec::Route::models)
}

fn is_declared(spec: &Spec, name: &str) -> bool {
    spec.model.contains_key(name) || spec.external.contains_key(name)
}
