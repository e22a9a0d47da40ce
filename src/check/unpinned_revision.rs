//! Weights that can change under a running deployment.

use super::{Check, Context};
use crate::catalog;
use crate::diagnostic::{Diagnostic, Route, Rule, Severity, did_you_mean};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E004",
    name: "unpinned-revision",
    severity: Severity::Error,
    docs: "A model's revision is not a commit of 40 hexadecimal digits, or its repository does not have the \
           form `owner/name`.\n\n\
           A branch or a tag of a model repository can be moved. Two copies of one model, started on two \
           days, would then answer with two sets of weights, and a restart would change answers without a \
           change in Git.\n\n\
           ```kdl\nsource \"meta-llama/Llama-3.1-8B-Instruct\" revision=\"main\"\n```\n\n\
           Give the full id of the commit, which the model hub shows in the history of the repository.",
};

/// Hexadecimal digits of a commit.
const COMMIT_DIGITS: usize = 40;
/// Most characters of a repository with its owner.
const REPOSITORY_CHARACTERS: usize = 96;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let at = Route::of(["model", name, "source"]);
        let revision = &model.source.revision;
        if !(revision.len() == COMMIT_DIGITS && revision.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
            let lower = revision.to_lowercase();
            let is_hexadecimal = !revision.is_empty() && lower.bytes().all(|b| b.is_ascii_hexdigit());
            let digits = revision.len();
            let (label, help) = match is_hexadecimal {
                true if digits == COMMIT_DIGITS => ("has upper-case letters".to_owned(), format!("write `revision=\"{lower}\"`")),
                true => (
                    format!("has {digits} digits"),
                    format!("give all {COMMIT_DIGITS} digits of the commit; an abbreviation can become ambiguous"),
                ),
                false => ("a branch or tag can be moved".to_owned(), format!("give the commit that `{revision}` names today, all {COMMIT_DIGITS} digits of it")),
            };
            let message = format!("the revision `{revision}` is not a commit of {COMMIT_DIGITS} hexadecimal digits");
            out.push(Diagnostic::at_value(&RULE, at.key("revision"), message).label(label).help(help));
        }
        let repository = &model.source.repository;
        if !is_repository(repository) {
            let finding = Diagnostic::at_value(&RULE, at.key("repository"), format!("`{repository}` is not a repository of the model hub"));
            let of_that_name = catalog::model_names().find(|known| known.rsplit('/').next() == Some(repository));
            let near = of_that_name.or_else(|| did_you_mean(repository, catalog::model_names()));
            out.push(finding.label("must be `owner/name`").help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write its owner and name, such as `meta-llama/Llama-3.1-8B-Instruct`".to_owned(),
            }));
        }
    }
}

fn is_repository(text: &str) -> bool {
    let is_part = |part: &str| {
        part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !part.ends_with(['.', '-'])
            && !part.contains("..")
            && !part.contains("--")
    };
    text.len() <= REPOSITORY_CHARACTERS && text.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
}
