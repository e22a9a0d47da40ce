//! Versions that changed since they were pinned.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::lock::{self, Change, Changed, LOCK_FILE};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-L002",
    name: "changed-version",
    severity: Severity::Error,
    docs: "A version of a prompt differs from its pin in `llmc.lock`: a text, the sampling, or, on a route, the model \
           that answers or the guardrails that check.\n\n\
           A pinned version was live, or may be at any moment. Changing it in place ships the change to all of its \
           users at once, with no version to go back to, and two answers of the same `prompt@version` are then not \
           comparable.\n\n\
           Take the change back, and make it in a new version; a version may name its own model and guardrails:\n\n\
           ```kdl\nversion \"v3\" {\n    system file=\"prompts/support.v3.md\"\n    user file=\"prompts/support.user.md\"\n    \
           sampling temperature=0.3 max-tokens=512\n    model \"llama-70b-2026\"\n}\n```\n\n\
           A version that no route serves and nobody goes back to may be removed from the spec; its pin stays.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let found = lock::changed(cx.stack);
    if found.is_empty() {
        return;
    }
    let text = cx.lock_text().unwrap_or_default();
    for Changed { prompt, version, changes } in found {
        let at = Route::of(["prompt", &prompt, "version", &version]);
        let words: Vec<String> = changes.iter().map(words).collect();
        let message = format!("`{prompt}@{version}` is pinned and was changed: {}", words.join("; "));
        let mut finding = Diagnostic::at_key(&RULE, at, message).label("a pinned version never changes");
        for change in &changes {
            let pin = ["prompts", prompt.as_str(), version.as_str()];
            let below: Vec<&str> = match (change.what, change.routes.first()) {
                (what, Some(route)) => vec!["routes", route, what],
                (what @ ("system" | "user"), None) => vec![what],
                (what, None) => vec!["sampling", what],
            };
            let range = lock::key_range(&text, &[&pin[..], &below[..]].concat());
            finding = finding.related(Place::Text { file: LOCK_FILE.to_owned(), range }, "pinned as it was");
        }
        let pinned = cx.stack.lock.prompts.get(&prompt).into_iter().flat_map(|pins| pins.keys());
        let written = cx.spec.prompt.get(&prompt).into_iter().flat_map(|prompt| prompt.version.keys());
        let next = lock::next_name(&version, pinned.chain(written));
        let outside = |what: &str| changes.iter().find(|change| change.what == what);
        let own = match (outside("model"), outside("guardrails")) {
            (Some(_), Some(_)) => " { model \"…\"; guardrails \"…\" }",
            (Some(_), None) => " { model \"…\" }",
            (None, Some(_)) => " { guardrails \"…\" }",
            (None, None) => "",
        };
        finding = finding.help(format!("take the change back, and make it in a new `version \"{next}\"{own}`"));
        if !own.is_empty() {
            finding = finding.help("blocks with the old settings stay as they are; the new version names the new ones");
        }
        out.push(finding);
    }
}

/// A change as a person says it.
fn words(change: &Change) -> String {
    let routes = match change.routes.as_slice() {
        [] => String::new(),
        [route] => format!(" on the route `{route}`"),
        routes => format!(" on the routes `{}`", routes.join("`, `")),
    };
    match (change.what, &change.old, &change.new) {
        ("system" | "user", Some(_), Some(_)) => format!("the text of `{}`", change.what),
        ("system", None, _) => "it has a `system` text now".to_owned(),
        ("system", _, None) => "its `system` text is gone".to_owned(),
        ("guardrails", Some(_), Some(_)) => format!("what the guardrails{routes} check or say"),
        ("guardrails", None, _) => format!("guardrails check it now{routes}"),
        ("guardrails", _, None) => format!("no guardrails check it any more{routes}"),
        (what, old, new) => {
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            format!("`{what}` {} -> {}{routes}", word(old), word(new))
        }
    }
}
