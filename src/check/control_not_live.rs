//! Controls that are not what everybody else gets.

use super::support::experiments::{place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A010",
    name: "control-not-live",
    severity: Severity::Warning,
    docs: "The control of an experiment has another version than the one that is live.\n\n\
           Users outside the experiment get what is live. A treatment that beats another version than that has not \
           been shown to be better than what it would replace. It is a warning and no error, so that a live version that \
           misbehaves can be taken back at once, whatever runs.\n\n\
           ```kdl\nprompt \"support\" { …; live \"v2\" }\nexperiment \"v3\" { …; variant \"control\" weight=70 prompt=\"v1\" }   // v2 is live\n```\n\n\
           Give the control the live version, and make the other one a variant, if it should take part too.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx) {
        let Some(prompt) = cx.stack.prompts.get(&experiment.prompt) else { continue };
        let Some(control) = experiment.arms.get(&experiment.control) else { continue };
        if control.version == prompt.live {
            continue;
        }
        let message = format!(
            "the control of `{}` is `{}@{}`, and `{}` is live",
            experiment.name, prompt.name, control.version, prompt.live
        );
        let at = place(&experiment.name).key("variant").key(&experiment.control).key("prompt");
        let finding = Diagnostic::at_value(&RULE, at, message).label("is not what is live");
        let finding = finding.related(Place::Value(Route::of(["prompt", &prompt.name, "live"])), "is live");
        let other = experiment.treatments().find(|(_, arm)| arm.version == prompt.live);
        out.push(finding.help(match other {
            Some((name, _)) => format!("`{name}` has the live version: write `control \"{name}\"`"),
            None => format!("write `prompt=\"{}\"`", prompt.live),
        }));
    }
}
