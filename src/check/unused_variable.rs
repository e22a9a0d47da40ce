//! Variables that no template uses.

use std::collections::BTreeSet;

use super::support::names::is_identifier;
use super::support::template::{analyse, templates, uses_of};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P003",
    name: "unused-variable",
    severity: Severity::Warning,
    docs: "A prompt declares a variable that no template of its versions uses.\n\n\
           The application looks the value up, perhaps from a paid service, and the model never sees it; or \
           the template has lost the line that used it.\n\n\
           ```kdl\nprompt \"ask\" { variable \"history\" max-tokens=4000; … }     // ask.md: {{ question }}\n```\n\n\
           Use the variable in a template, or remove its declaration.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for prompt in cx.stack.prompts.values() {
        // What stands in a template that cannot be parsed is not known.
        if prompt.versions.values().flat_map(templates).any(|(_, text)| analyse(&text.text).is_err()) {
            continue;
        }
        let uses = uses_of(prompt);
        let used: BTreeSet<&str> = uses.iter().flat_map(|(_, uses)| uses.variables.iter().map(|(name, _)| name.as_str())).collect();
        // A name that no template could use is reported for that.
        for name in prompt.variables.keys().filter(|name| !used.contains(name.as_str()) && is_identifier(name).is_ok()) {
            let message = format!("no version of `{}` uses the variable `{name}`", prompt.name);
            let at = Route::of(["prompt", &prompt.name, "variable", name]);
            let finding = Diagnostic::at_key(&RULE, at, message).label("is looked up for nothing");
            out.push(finding.help(format!("use it in a template as `{{{{ {name} }}}}`, or remove it")));
        }
    }
}
