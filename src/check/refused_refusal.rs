//! Refusals that their own guardrails would refuse.

use fancy_regex::Regex;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::catalog::pii_patterns;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-G004",
    name: "refused-refusal",
    severity: Severity::Error,
    docs: "The text that users read on a refusal matches an output pattern of the same guardrails, or holds \
           personal data that they refuse, such as a hotline's number.\n\n\
           The refusal is an answer like any other, so it would be blocked by its own rail.\n\n\
           ```kdl\nrefusal \"Ask about PRJ-000000 at the front desk.\"\noutput { block-pattern \"project-code\" \"PRJ-[0-9]{6}\" }\n```\n\n\
           Write the refusal without what the pattern finds, or narrow the pattern.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for guardrails in cx.stack.guardrails.values() {
        let at = Route::of(["guardrails", &guardrails.name]);
        let own = guardrails.output.patterns.iter().map(|(name, pattern)| (format!("pattern `{name}`"), pattern.as_str(), "block-pattern", name.as_str()));
        let kinds = guardrails.output.pii.iter().flat_map(|kind| pii_patterns(*kind).iter().map(move |pattern| (kind.name(), *pattern)));
        let pii = kinds.map(|(kind, pattern)| (format!("check for `{kind}`"), pattern, "block-pii", ""));
        for (what, pattern, field, name) in own.chain(pii) {
            let found = Regex::new(pattern).ok().and_then(|regex| Some(regex.find(&guardrails.refusal).ok()??.as_str().to_owned()));
            // A pattern that matches nothing at all is reported for that.
            let Some(found) = found.filter(|text| !text.is_empty()) else { continue };
            let field = at.key("output").key(field);
            let message = format!("the refusal of `{}` would be refused by its own {what}", guardrails.name);
            out.push(
                Diagnostic::at_value(&RULE, at.key("refusal"), message)
                    .label(format!("`{found}` matches"))
                    .related(Place::Value(if name.is_empty() { field } else { field.key(name) }), "found by this")
                    .help(format!("write the refusal without `{found}`, or drop the check")),
            );
        }
    }
}
