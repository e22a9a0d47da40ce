//! Pools that do not hold all copies of their models.

use super::support::placement::{largest_pods, least_nodes};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::resolve::{demands, place};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H003",
    name: "pool-overcommitted",
    severity: Severity::Error,
    docs: "The copies of the models on a pool, all at their greatest number, do not find a place on its nodes.\n\n\
           Pods that find no place stay `Pending`: the autoscaler believes that it has grown, requests \
           queue up, and the peak that the copies were meant for is the moment when it shows. GPUs of one \
           copy must be on one node, so free GPUs on several nodes do not add up.\n\n\
           ```kdl\npool \"a100\" { gpu \"a100-80gb-sxm\"; nodes 1; gpus-per-node 8; … }\nplace pool=\"a100\" tensor-parallel=4\nreplicas min=2 max=3 { … }                       // 12 GPUs of 8\n```\n\n\
           Lower `max`, or give the pool more nodes; the message computes both.",
};

/// Models for which the largest number of copies is computed; each costs some placements.
const MOST_SUGGESTIONS: usize = 4;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for pool in cx.stack.pools.values() {
        let demands = demands(cx.spec, pool);
        let Err(shortage) = place(pool, &demands) else { continue };
        let asked: u64 = demands.iter().map(|d| u64::from(d.pods) * u64::from(d.gpus)).sum();
        let message = format!(
            "the models on `{}` need {asked} GPUs in {} pods; it has {} in {} nodes of {}",
            pool.name,
            demands.iter().map(|d| u64::from(d.pods)).sum::<u64>(),
            pool.gpus(),
            pool.nodes,
            pool.gpus_per_node,
        );
        let label = match demands.iter().find(|d| d.model == shortage.model) {
            Some(d) => format!("{} of the {} copies of `{}` find a place of {} GPUs", shortage.placed, d.pods, d.model, d.gpus),
            None => "does not hold them".to_owned(),
        };
        let mut finding = Diagnostic::at_key(&RULE, Route::of(["pool", &pool.name]), message).label(label);
        for demand in &demands {
            let words = format!("{} × {} GPUs = {}", demand.pods, demand.gpus, u64::from(demand.pods) * u64::from(demand.gpus));
            finding = finding.related(Place::Value(Route::of(["model", &demand.model, "place", "pool"])), words);
        }
        for (index, demand) in demands.iter().enumerate().take(MOST_SUGGESTIONS) {
            if let Some(pods) = largest_pods(pool, &demands, index) {
                finding = finding.help(format!("`{}` fits with at most {pods} {}", demand.model, if pods == 1 { "copy" } else { "copies" }));
            }
        }
        out.push(match least_nodes(pool, &demands) {
            Some(nodes) => finding.help(format!("all fit on `nodes {nodes}`")),
            None => finding.help("give the pool more nodes, or the models another pool"),
        });
    }
}
