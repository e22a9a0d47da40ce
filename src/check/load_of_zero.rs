//! Loads without a request.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T004",
    name: "load-of-zero",
    severity: Severity::Warning,
    docs: "The load of a model or a route has no requests.\n\n\
           A load says what a busy hour has. With zero requests any number of copies suffices, a cost per \
           request or per token does not exist, and every budget per request holds, so all that is computed \
           from the load says that all is well.\n\n\
           ```kdl\nload requests-per-second=0 input-tokens=900 output-tokens=250\n```\n\n\
           State what you expect, if only roughly, such as `0.01` for a request in 100 seconds; or remove \
           the load, and what depends on it is reported as not known.",
};

/// Fewest requests in a second that are counted: what costs are computed from has 9 decimals.
const LEAST: f64 = 1e-9;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let models = cx.spec.model.iter().map(|(name, model)| ("model", name, &model.load));
    let routes = cx.spec.route.iter().map(|(name, route)| ("route", name, &route.load));
    for (block, name, load) in models.chain(routes) {
        if load.as_ref().is_some_and(|load| load.requests_per_second < LEAST) {
            let at = Route::of([block, name, "load", "requests-per-second"]);
            let message = format!("the load of the {block} `{name}` has no requests, so nothing can be divided by them");
            let finding = Diagnostic::at_value(&RULE, at, message).label("no requests");
            out.push(finding.help("state the requests of a busy hour, such as `requests-per-second=0.01`").help("or remove the load"));
        }
    }
}
