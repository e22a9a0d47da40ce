//! Refusals that their own guardrails would refuse.

use regex::Regex;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-G004",
    name: "refused-refusal",
    severity: Severity::Error,
    docs: "The text that users read on a refusal matches an output pattern of the same guardrails.\n\n\
           The refusal is an answer like any other, so it would be blocked by its own rail.\n\n\
           ```kdl\nrefusal \"Ask about PRJ-000000 at the front desk.\"\noutput { block-pattern \"project-code\" \"PRJ-[0-9]{6}\" }\n```\n\n\
           Write the refusal without what the pattern finds, or narrow the pattern.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for guardrails in cx.stack.guardrails.values() {
        let at = Route::of(["guardrails", &guardrails.name]);
        for (name, pattern) in &guardrails.output.patterns {
            let found = Regex::new(pattern).ok().and_then(|regex| regex.find(&guardrails.refusal).map(|m| m.as_str().to_owned()));
            // A pattern that matches nothing at all is reported for that.
            let Some(found) = found.filter(|text| !text.is_empty()) else { continue };
            let message = format!("the refusal of `{}` would be refused by its own pattern `{name}`", guardrails.name);
            out.push(
                Diagnostic::at_value(&RULE, at.key("refusal"), message)
                    .label(format!("`{found}` matches"))
                    .related(Place::Value(at.key("output").key("block-pattern").key(name)), "this pattern")
                    .help(format!("write the refusal without `{found}`, or narrow the pattern")),
            );
        }
    }
}
