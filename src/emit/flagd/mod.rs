//! flagd: a flag for each experiment, and the server that answers which user gets which arm.
//!
//! Flags stand in a ConfigMap of a stable name that is mounted as a folder: flagd watches the file and
//! reads it again, so a step of a ramp restarts nothing. A ConfigMap named by its content would be a new
//! pod for each step, and one mounted by `subPath` would never change.

mod flags;
mod server;

use super::{Emitted, labels};
use crate::emit::workload::Workload;
use crate::stack::{Experiment, Stack};
pub(super) use server::address;

/// Path of the flags in the compiled tree.
const FLAGS: &str = "flagd/flags.json";

/// The flags of a stack's experiments and the server that evaluates them; nothing where there is none.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    if stack.experiments.is_empty() {
        return out;
    }
    let flags = format!("{:#}\n", flags::document(stack));
    for (name, object) in server::objects(&workload(stack), &flags) {
        out.object(format!("flagd/{name}.yaml"), object);
    }
    out.file(FLAGS, flags);
    out
}

/// The experiment that runs on the route `name`, the first by name where there are several.
pub(super) fn running_on<'a>(stack: &'a Stack, name: &str) -> Option<&'a Experiment> {
    stack.experiments.values().find(|experiment| experiment.route == name && experiment.is_running())
}

fn workload(stack: &Stack) -> Workload<'_> {
    Workload { stack, component: labels::FLAGD, name: "flagd", object_name: stack.object_name("flagd") }
}
