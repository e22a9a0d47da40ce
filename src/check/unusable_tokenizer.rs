//! Tokenizers that cannot count.

use super::{Check, Context};
use crate::catalog::{MOST_TOKENIZER_BYTES, Tokenizer, TokenizerFault};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, printable};
use crate::estimate::tokens;
use crate::stack::{Model, Stack, Target};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P010",
    name: "unusable-tokenizer",
    severity: Severity::Error,
    docs: "The file that a model names as its tokenizer is missing, has another digest, is too large, or is no \
           `tokenizer.json`, and `llmc.lock` does not know the tokens of every prompt that the model may \
           answer.\n\n\
           The digest says with which tokenizer tokens were counted. With another file, the same prompt would \
           have other tokens on another day, and nobody would know why.\n\n\
           ```kdl\ntokenizer file=\"tokenizers/llama-3.json\" sha256=\"…\"\n```\n\n\
           Put the `tokenizer.json` of the model's repository there, of the commit that the model names, and \
           write the digest that `sha256sum` says. Where `llmc prompt pin` counted every prompt with it, the \
           file may be absent, and is not read. Without `tokenizer`, tokens are estimated.",
};

/// Most characters that a foreign reader's words about a file may have.
const MOST_WORDS: usize = 200;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, tokenizer) in &cx.stack.tokenizers {
        let Some(model) = cx.stack.models.get(name) else { continue };
        // Nothing is loaded where nothing would be counted with it.
        let Some(unknown) = unknown(cx.stack, name) else { continue };
        if let Err(fault) = tokenizer.load() {
            out.extend(finding(model, tokenizer, &unknown, &fault));
        }
    }
}

/// The first version that the model `name` may answer and the lock does not know, as `prompt@version`.
fn unknown(stack: &Stack, name: &str) -> Option<String> {
    let target = Target::Model(name.to_owned());
    for route in stack.routes.values() {
        let others: Vec<&Target> = route.traffic.tiers.values().chain(&route.traffic.fallback).map(|tier| &tier.target).collect();
        for (version, answer) in &route.answers {
            let is_answered = answer.target == target || others.contains(&&target);
            if is_answered && !tokens::is_known(stack, &route.prompt, version, route, &target) {
                return Some(format!("{}@{version}", route.prompt));
            }
        }
    }
    None
}

fn finding(model: &Model, tokenizer: &Tokenizer, unknown: &str, fault: &TokenizerFault) -> Option<Diagnostic> {
    let file = tokenizer.file();
    let at = Route::of(["model", &model.name, "tokenizer"]);
    let (stated, whole) = (Place::Value(at.key("sha256")), Place::Value(at.key("file")));
    let of = |place: Place, message: String| Diagnostic::new(&RULE, place, message);
    let source = format!("take `tokenizer.json` of {} at commit {}", model.repository, model.revision);
    let without = "or leave out `tokenizer`: tokens are then estimated";
    let words = |why: &str| printable(&why.chars().take(MOST_WORDS).collect::<String>());
    Some(match fault {
        TokenizerFault::Missing => {
            let message = format!("the tokenizer `{file}` is missing, and `llmc.lock` does not know the tokens of `{unknown}`");
            of(whole, message).help(source).help(without)
        }
        TokenizerFault::OtherDigest { found } => {
            let message = format!("the tokenizer `{file}` is another one: its SHA-256 is {found}");
            let label = format!("the spec states {}", tokenizer.sha256());
            of(stated, message)
                .label(label)
                .help(format!("`sha256sum {file}` says so too; if it is the right file, write `sha256=\"{found}\"`"))
                .help(format!("else {source}"))
        }
        TokenizerFault::TooLarge => {
            let message = format!("the tokenizer `{file}` is larger than {} MiB", MOST_TOKENIZER_BYTES >> 20);
            of(whole, message).help(source).help(without)
        }
        TokenizerFault::NotATokenizer(why) => of(whole, format!("`{file}` is no tokenizer: {}", words(why))).help(source).help(without),
        TokenizerFault::Refused(why) => of(whole, format!("the tokenizer `{file}` cannot count: {}", words(why))).help(source).help(without),
        TokenizerFault::Unreadable(why) => {
            of(whole, format!("the tokenizer `{file}` cannot be read: {}", words(why))).help(source).help(without)
        }
        // The file may be fine; what counts says that it estimates.
        TokenizerFault::NotBuilt => return None,
    })
}
