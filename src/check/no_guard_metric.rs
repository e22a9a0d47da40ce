//! Experiments that watch nothing but what they want to improve.

use super::support::experiments::{place, running};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A007",
    name: "no-guard-metric",
    severity: Severity::Error,
    docs: "An experiment has no `guard`: nothing says what must not get worse.\n\n\
           A prompt that answers better by writing three times as much wins every test of quality. What it costs \
           must be looked at in the same experiment, because nobody looks for it afterwards.\n\n\
           ```kdl\nmetric \"quality\" baseline=0.78 deviation=0.19 minimum-effect=0.02   // and the latency?\n```\n\n\
           Name at least one thing that must hold, and how much worse it may get: `guard \"ttft\" worse-by=0.10`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, _) in running(cx).filter(|(experiment, _)| experiment.guards.is_empty()) {
        let at = place(&experiment.name);
        // One that could not be read was reported.
        if cx.document.mentions(&at.key("guard")) {
            continue;
        }
        let message = format!("`{}` has no guard, so nothing says what must not get worse", experiment.name);
        let finding = Diagnostic::at_key(&RULE, at, message).label("has no `guard`");
        out.push(finding.help("add `guard \"ttft\" worse-by=0.10`, the time to the first token, or what else must hold"));
    }
}
