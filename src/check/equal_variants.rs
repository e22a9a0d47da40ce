//! Variants that are the same.

use super::support::experiments::{place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A016",
    name: "equal-variants",
    severity: Severity::Warning,
    docs: "Two variants of an experiment have the same version.\n\n\
           They differ in nothing, so every difference between them is chance. That is a good test of the way in \
           which scores are collected (an A/A test), and a mistake otherwise.\n\n\
           ```kdl\nvariant \"control\" weight=50 prompt=\"v1\"\nvariant \"treatment\" weight=50 prompt=\"v1\"\n```\n\n\
           Name another version, unless that is what you test.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        let variants = place(&experiment.name).key("variant");
        for (name, arm) in &experiment.arms {
            let Some((other, _)) = experiment.arms.range(..name.clone()).find(|(_, other)| other.version == arm.version) else { continue };
            let message = format!("`{other}` and `{name}` of `{}` both have `{}@{}`", experiment.name, experiment.prompt, arm.version);
            let finding = Diagnostic::at_value(&RULE, variants.key(name).key("prompt"), message).label("the same version");
            let finding = finding.related(Place::Value(variants.key(other).key("prompt")), "the other one");
            out.push(finding.help("name another version, unless the way in which scores are collected is what you test"));
        }
    }
}
