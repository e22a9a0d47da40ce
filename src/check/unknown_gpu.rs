//! GPUs that are not in the catalogue.

use super::{Check, Context};
use crate::catalog;
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, did_you_mean};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H001",
    name: "unknown-gpu",
    severity: Severity::Error,
    docs: "A pool names a GPU that is not in the catalogue.\n\n\
           The catalogue knows each GPU's memory and the label that its nodes carry. Without them, pods \
           would ask for nodes that do not exist and wait for ever.\n\n\
           ```kdl\npool \"a100\" { gpu \"a100\"; … }     // a100-40gb-sxm or a100-80gb-sxm?\n```\n\n\
           Use one of the names that the message lists.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, pool) in &cx.spec.pool {
        if catalog::gpu(&pool.gpu).is_some() {
            continue;
        }
        let finding = Diagnostic::at_value(&RULE, Route::of(["pool", name, "gpu"]), format!("the catalogue has no GPU `{}`", pool.gpu));
        let lower = pool.gpu.to_lowercase().replace([' ', '_'], "-");
        let of_that_kind: Vec<&str> = catalog::gpu_names().filter(|known| known.starts_with(&lower) && !lower.is_empty()).collect();
        out.push(match (did_you_mean(&lower, catalog::gpu_names()), of_that_kind.as_slice()) {
            (Some(near), _) => finding.help(format!("did you mean `{near}`?")),
            (None, []) => finding.help(format!("it has `{}`", catalog::gpu_names().collect::<Vec<_>>().join("`, `"))),
            (None, kinds) => finding.label("of which memory and form?").help(format!("write `{}`", kinds.join("`, or `"))),
        });
    }
}
