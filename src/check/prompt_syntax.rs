//! Templates that are not Jinja.

use super::support::template::{analyse, templates};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P001",
    name: "prompt-syntax",
    severity: Severity::Error,
    docs: "A prompt's template is not well-formed Jinja.\n\n\
           An application renders the template for each request, so every request of the route would fail \
           from the moment that the version goes live.\n\n\
           ```kdl\nversion \"v1\" { user file=\"ask.md\"; … }     // ask.md: {{ question }\n```\n\n\
           Correct the template. Text that looks like Jinja and is none stands between `{% raw %}` and \
           `{% endraw %}`.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let versions = cx.stack.prompts.values().flat_map(|prompt| prompt.versions.values());
    for (_, text) in versions.flat_map(templates) {
        if let Err((message, range)) = analyse(&text.text) {
            let finding = Diagnostic::new(&RULE, Place::Text { file: text.file.clone(), range }, format!("the template is not Jinja: {message}"));
            out.push(finding.help("close every `{{`, `{%` and block; put braces that are meant as text between `{% raw %}` and `{% endraw %}`"));
        }
    }
}
