//! Guardrails that check nothing.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-G001",
    name: "empty-guardrails",
    severity: Severity::Error,
    docs: "A guardrails block has no check of a question and none of an answer.\n\n\
           The server would pass everything through, while the spec, the dashboards and the people who read \
           them say that the route is guarded.\n\n\
           ```kdl\nguardrails \"default\" { image \"…\"; instructions file=\"policy.md\" }   // nothing judges by the policy\n```\n\n\
           Add a rail: `self-check`, `block-pii` or `block-pattern` in `input` or `output`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for guardrails in cx.stack.guardrails.values().filter(|g| g.input.is_empty() && g.output.is_empty()) {
        let at = Route::of(["guardrails", &guardrails.name]);
        // A rail that was written wrongly is reported for that.
        let was_dropped = cx.document.dropped.iter().any(|d| d.as_str().starts_with(&format!("{}/", at.as_str())));
        if !was_dropped {
            let message = format!("the guardrails `{}` check nothing", guardrails.name);
            let finding = Diagnostic::at_key(&RULE, at, message).label("every question and answer passes");
            out.push(finding.help("add a rail, such as `input { self-check }` or `output { block-pii \"credit-card\" }`"));
        }
    }
}
