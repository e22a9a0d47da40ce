//! Secrets that stand in the spec or in a file beside it.

use super::support::template::templates;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity, find_secrets};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-X001",
    name: "literal-secret",
    severity: Severity::Error,
    docs: "Something in the spec, a prompt, a policy or a list of prices looks like a secret: a token, a key, a password.\n\n\
           A spec is read by everybody who reads the repository, and Git never forgets. What is compiled from \
           it is readable in the cluster too. llmc shows the place and never the value.\n\n\
           ```kdl\nargs \"--api-key=…\"                        // name a Secret instead:\ntoken-secret \"hf-secret\" key=\"token\"\n```\n\n\
           Revoke the secret, since it has been in a commit. Put the new one into a Secret in the stack's \
           namespace, and give only its name.",
};

/// Most findings of one file: all secrets are hidden, and the first ones say what to do.
const MOST_OF_A_FILE: usize = 50;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (what, range) in cx.document.secrets.iter().take(MOST_OF_A_FILE) {
        out.push(finding(what, "", range.clone()));
    }
    if let Some(file) = &cx.stack.price_file {
        out.extend(file.secrets.iter().take(MOST_OF_A_FILE).map(|(what, range)| finding(what, &file.file, range.clone())));
    }
    let prompts = cx.stack.prompts.values().flat_map(|prompt| prompt.versions.values()).flat_map(templates).map(|(_, text)| text);
    let policies = cx.stack.guardrails.values().filter_map(|guardrails| guardrails.instructions.as_ref());
    for text in prompts.chain(policies) {
        out.extend(find_secrets(&text.text).into_iter().take(MOST_OF_A_FILE).map(|(what, range)| finding(what, &text.file, range)));
    }
}

fn finding(what: &str, file: &str, range: std::ops::Range<usize>) -> Diagnostic {
    Diagnostic::new(&RULE, Place::Text { file: file.to_owned(), range }, format!("this looks like {what}"))
        .label("is not shown here, and must not be in Git")
        .help("revoke it, put the new one into a Secret, and name only that: `token-secret \"NAME\" key=\"KEY\"`")
}
