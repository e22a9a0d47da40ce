//! Numbers of copies that contradict each other.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-H005",
    name: "contradictory-replicas",
    severity: Severity::Error,
    docs: "A model's `max` is below its `min`, or `max` is above `min` and nothing says what the number of \
           copies follows, or there is such a signal and no room to follow it.\n\n\
           An autoscaler refuses a minimum above its maximum, and the number of copies then stays what it \
           was at that moment. Without a signal, the copies above `min` would never start.\n\n\
           ```kdl\nreplicas min=2 max=4                            // grows on what?\nreplicas min=2 max=4 { scale-on \"queue\" target=5 }\n```\n\n\
           Put the two in order, and give `scale-on` exactly when `max` is above `min`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let at = Route::of(["model", name, "replicas"]);
        let (min, max) = (model.replicas.min, model.replicas.max.unwrap_or(model.replicas.min));
        if max < min {
            let finding = Diagnostic::at_value(&RULE, at.key("max"), format!("`max` is {max}, below `min`, which is {min}"));
            let finding = finding.related(Place::Value(at.key("min")), format!("at least {min} copies"));
            out.push(finding.help(format!("write `min={max} max={min}`, or leave `max` out for a fixed {min}")));
        } else if max > min && model.replicas.scale_on.is_none() {
            let message = format!("nothing says when `{name}` grows from {min} to {max} copies");
            let finding = Diagnostic::at_value(&RULE, at.key("max"), message).label("needs `scale-on`");
            let running = (u64::from(model.serve.max_num_seqs) * 3 / 4).max(1);
            out.push(
                finding
                    .help(format!("add `scale-on \"running\" target={running}`, three quarters of `max-num-seqs`, or `scale-on \"queue\" target=5`"))
                    .help(format!("or leave `max` out for a fixed {min}")),
            );
        } else if max == min && model.replicas.scale_on.is_some() {
            let message = format!("`scale-on` has no room: `{name}` always has {min} {}", if min == 1 { "copy" } else { "copies" });
            let finding = Diagnostic::at_key(&RULE, at.key("scale-on"), message).label("would do nothing");
            out.push(finding.help(format!("give a `max` above {min}, such as `max={}`, or remove `scale-on`", u64::from(min) + 1)));
        }
    }
}
