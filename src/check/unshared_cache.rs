//! Cache volumes that only one of several nodes can mount.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::resolve::shares_cache;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-K003",
    name: "unshared-cache",
    severity: Severity::Error,
    docs: "A model has several copies on a pool of several nodes, and its cache volume is `ReadWriteOnce`.\n\n\
           Such a volume is attached to one node. A copy that the scheduler places on another node waits for \
           it for ever, in `ContainerCreating` with `Multi-Attach error`.\n\n\
           ```kdl\nreplicas min=2\ncache access=\"ReadWriteOnce\"      // the second copy may never start\n```\n\n\
           Use `ReadWriteMany`, which is the default here, with a storage class that offers it.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for model in cx.stack.models.values().filter(|m| m.replicas.max > 1) {
        let Some(pool) = cx.stack.pools.get(&model.pool).filter(|pool| !shares_cache(pool, model)) else { continue };
        let at = Route::of(["model", &model.name]);
        let message = format!("the {} copies of `{}` share a cache volume that one node can mount", model.replicas.max, model.name);
        out.push(
            Diagnostic::at_value(&RULE, at.key("cache").key("access"), message)
                .label("attached to one node at a time")
                .related(Place::Value(Route::of(["pool", &pool.name, "nodes"])), format!("copies may run on {} nodes", pool.nodes))
                .help("write `access=\"ReadWriteMany\"`, with a storage class that offers it"),
        );
    }
}
