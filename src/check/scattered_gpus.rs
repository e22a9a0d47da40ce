//! Pools where the copies fit only if the scheduler places them well.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::resolve::{always_fits, demands, place};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H006",
    name: "scattered-gpus",
    severity: Severity::Warning,
    docs: "The copies on a pool fit if they are placed well, and may not fit as the scheduler places them.\n\n\
           The scheduler does not plan ahead, and it spreads the copies of a model over nodes. Two small pods \
           on two nodes of 8 GPUs leave 7 and 7: room for two copies of 4 GPUs, not for three. The third \
           stays `Pending` although enough GPUs are free.\n\n\
           ```kdl\npool \"a100\" { nodes 2; gpus-per-node 8; … }\n// 3 copies of 4 GPUs and 2 of 1 GPU: 14 of 16 GPUs, and no guarantee\n```\n\n\
           Give small models a pool of their own, or the pool one more node. The bound takes every other pod \
           to block as much as it can, so it may warn where a real scheduler would succeed, never the \
           other way round.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for pool in cx.stack.pools.values() {
        let demands = demands(cx.spec, pool);
        // What does not fit at all is an error of its own.
        let (Ok(()), Err(shortage)) = (place(pool, &demands), always_fits(pool, &demands)) else { continue };
        let Some(short) = demands.iter().find(|d| d.model == shortage.model) else { continue };
        let message =
            format!("only {} of the {} copies of `{}` are sure to find {} GPUs on one node of `{}`", shortage.placed, short.pods, short.model, short.gpus, pool.name);
        let mut finding = Diagnostic::at_value(&RULE, Route::of(["model", &short.model, "place", "pool"]), message).label("depends on where the others run");
        for other in demands.iter().filter(|d| d.model != short.model) {
            let words = format!("{} × {} on any nodes", other.pods, if other.gpus == 1 { "1 GPU".into() } else { format!("{} GPUs", other.gpus) });
            finding = finding.related(Place::Value(Route::of(["model", &other.model, "place", "pool"])), words);
        }
        let enough = (pool.nodes.saturating_add(1)..=pool.nodes.saturating_add(1000)).find(|nodes| {
            let larger = crate::stack::Pool { nodes: *nodes, ..pool.clone() };
            always_fits(&larger, &demands).is_ok()
        });
        finding = finding.help("give the smaller models a pool of their own");
        out.push(match enough {
            Some(nodes) => finding.help(format!("or write `nodes {nodes}` in `{}`: then every placement works", pool.name)),
            None => finding,
        });
    }
}
