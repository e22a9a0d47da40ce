//! Variables that a template uses and nobody gives it.

use super::support::template::uses_of;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, did_you_mean};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P002",
    name: "undeclared-variable",
    severity: Severity::Error,
    docs: "A template uses a variable that its prompt does not declare.\n\n\
           The application gives a template the variables that the prompt declares. Another one renders as \
           nothing or as an error, depending on the renderer: with nothing, the model answers a question \
           that nobody asked, and no log shows it.\n\n\
           ```kdl\nprompt \"ask\" { variable \"question\" max-tokens=500; … }     // ask.md: {{ qestion }}\n```\n\n\
           Correct the name in the template, or declare the variable with its greatest length.",
};

/// Most findings of one template.
const MOST_OF_A_FILE: usize = 50;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for prompt in cx.stack.prompts.values() {
        for (text, uses) in uses_of(prompt) {
            let undeclared = uses.variables.into_iter().filter(|(name, _)| !prompt.variables.contains_key(name));
            for (name, range) in undeclared.take(MOST_OF_A_FILE) {
                let message = format!("the prompt `{}` declares no variable `{name}`", prompt.name);
                let finding = Diagnostic::new(&RULE, Place::Text { file: text.file.clone(), range }, message)
                    .related(Place::Key(Route::of(["prompt", &prompt.name])), "uses this template");
                out.push(match did_you_mean(&name, prompt.variables.keys().map(String::as_str)) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(format!("declare it: `variable \"{name}\" max-tokens=…`")),
                });
            }
        }
    }
}
