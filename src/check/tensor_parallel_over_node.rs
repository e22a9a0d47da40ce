//! Copies that are larger than a node.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H002",
    name: "tensor-parallel-over-node",
    severity: Severity::Error,
    docs: "`tensor-parallel` is above the number of GPUs of a node of the pool.\n\n\
           A copy is one pod, and a pod runs on one node: one that asks for 16 GPUs of nodes with 8 stays \
           `Pending` for ever. Sharing every layer across nodes would be slow besides, since each token \
           waits for the network.\n\n\
           ```kdl\npool \"a100\" { gpu \"a100-80gb-sxm\"; nodes 2; gpus-per-node 8; … }\nplace pool=\"a100\" tensor-parallel=16\n```\n\n\
           Lower `tensor-parallel`, or place the model on a pool with larger nodes.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let place = &model.place;
        let Some(pool) = cx.spec.pool.get(&place.pool).filter(|pool| pool.gpus_per_node < place.tensor_parallel) else { continue };
        let (asked, available) = (place.tensor_parallel, pool.gpus_per_node);
        let message = format!("one copy of `{name}` needs {asked} GPUs of one node, and the nodes of `{}` have {available}", place.pool);
        let finding = Diagnostic::at_value(&RULE, Route::of(["model", name, "place", "tensor-parallel"]), message)
            .label(format!("{} more than a node has", asked - available))
            .related(Place::Value(Route::of(["pool", &place.pool, "gpus-per-node"])), format!("{available} GPUs in each node"))
            .help(format!("write `tensor-parallel={}`", largest_divisor(asked, available)));
        let larger = cx.spec.pool.iter().find(|(_, other)| other.gpus_per_node >= asked);
        out.push(match larger {
            Some((other, _)) => finding.help(format!("or place it on the pool `{other}`, whose nodes are large enough")),
            None => finding,
        });
    }
}

/// The largest divisor of `number` that is at most `most`: what divides the heads by the one
/// divides them by the other too.
fn largest_divisor(number: u32, most: u32) -> u32 {
    (1..=most.min(number)).rev().find(|n| number.is_multiple_of(*n)).unwrap_or(1)
}
