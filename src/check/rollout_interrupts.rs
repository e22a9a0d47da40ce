//! Updates that stop a service.

use super::support::placement::least_nodes;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::resolve::{always_fits, demands, place, shares_cache};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H004",
    name: "rollout-interrupts",
    severity: Severity::Warning,
    docs: "A model may run as a single copy, and its pool has no room to start a second one during an update.\n\n\
           The old pod must then stop before the new one starts, and the service is gone while the new one \
           loads its weights: minutes for a small model, a quarter of an hour for a large one.\n\n\
           ```kdl\npool \"l40s\" { gpu \"l40s-48gb\"; nodes 1; gpus-per-node 1; … }\nmodel \"llama-8b\" { place pool=\"l40s\"; … }       // one copy on the only GPU\n```\n\n\
           Give the pool the GPUs that the message computes, or two copies with a place each; or accept the \
           interruption and update in a quiet hour.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for pool in cx.stack.pools.values() {
        let all = demands(cx.spec, pool);
        // What does not fit at all is reported for that.
        if place(pool, &all).is_err() {
            continue;
        }
        for model in cx.stack.models.values().filter(|m| m.pool == pool.name && m.replicas.min == 1 && !m.can_surge && m.tensor_parallel <= pool.gpus_per_node) {
            let mut surged = all.clone();
            for demand in surged.iter_mut().filter(|d| d.model == model.name) {
                demand.pods += 1;
            }
            let needed = model.tensor_parallel;
            let message = format!("an update of `{}` interrupts its service for up to {} min", model.name, model.startup_seconds.div_ceil(60));
            let mut finding = Diagnostic::at_key(&RULE, Route::of(["model", &model.name]), message).label("one copy, which stops before the new one starts");
            if always_fits(pool, &surged).is_ok() && !shares_cache(pool, model) {
                finding = finding.related(Place::Key(Route::of(["pool", &pool.name])), "a second one may start on another node, which cannot mount the cache volume");
                out.push(finding.help("`cache access=\"ReadWriteMany\"` avoids it, with a storage class that offers it"));
                continue;
            }
            let gpus = if needed == 1 { "GPU" } else { "GPUs" };
            finding = finding.related(Place::Key(Route::of(["pool", &pool.name])), format!("no node is sure to have {needed} free {gpus} for a second one"));
            if let Some(nodes) = least_nodes(pool, &surged).filter(|nodes| *nodes > pool.nodes) {
                let more = u64::from(nodes - pool.nodes) * u64::from(pool.gpus_per_node);
                finding = finding.help(format!("`nodes {nodes}` in `{}` avoid it: {more} more {}, of which it needs {needed}", pool.name, if more == 1 { "GPU" } else { "GPUs" }));
            } else {
                // Another model's rollout has been given the room.
                finding = finding.help(format!("{needed} more GPUs in `{}` avoid it, beside those that other updates need", pool.name));
            }
            out.push(finding);
        }
    }
}
