//! Variants that differ in more than one thing.

use super::support::experiments::{place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::stack::PromptVersion;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A005",
    name: "several-changes",
    severity: Severity::Warning,
    docs: "A variant differs from the control in more than one thing: system text, user text, sampling, model or \
           guardrails.\n\n\
           If it is better, nobody knows what made it so; if it is not, one of the changes may have been good and \
           another one bad. That may be what you want of a package that is shipped as a whole.\n\n\
           ```kdl\nversion \"v2\" {\n    system file=\"prompts/friendlier.md\"   // another text\n    user file=\"prompts/user.md\"\n    sampling temperature=0.9             // and another temperature\n}\n```\n\n\
           Change one thing, or make a variant for each.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        let Some(prompt) = cx.stack.prompts.get(&experiment.prompt) else { continue };
        let version = |arm: &str| prompt.versions.get(&experiment.arms.get(arm)?.version);
        let Some(control) = version(&experiment.control) else { continue };
        for (name, arm) in experiment.treatments() {
            let Some(treatment) = version(name) else { continue };
            let changed = changes(control, treatment);
            let [first @ .., last] = changed.as_slice() else { continue };
            if first.is_empty() {
                continue;
            }
            let message =
                format!("`{name}` of `{}` differs from `{}` in {} and {last}", experiment.name, experiment.control, first.join(", "));
            let at = place(&experiment.name).key("variant").key(name).key("prompt");
            let finding = Diagnostic::at_value(&RULE, at, message).label(format!("{} changes at once", changed.len()));
            out.push(finding.help(format!("make a version of `{}` for each change, to know which one counts; `{}` has all", prompt.name, arm.version)));
        }
    }
}

/// What differs between two versions, in words.
fn changes(control: &PromptVersion, treatment: &PromptVersion) -> Vec<&'static str> {
    let system = |version: &PromptVersion| version.system.as_ref().map(|file| file.text.clone());
    [
        (system(control) != system(treatment), "the system text"),
        (control.user.text != treatment.user.text, "the user text"),
        (control.sampling != treatment.sampling, "the sampling"),
        (control.target != treatment.target, "the model"),
        (control.guardrails != treatment.guardrails, "the guardrails"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}
