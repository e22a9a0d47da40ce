//! Prompts without a version to go back to.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P007",
    name: "no-rollback",
    severity: Severity::Error,
    docs: "A prompt names no version to go back to.\n\n\
           When a new version misbehaves, somebody on call must know at once which one was good, and its ConfigMap \
           and its guardrails must stand already. A rollback is then one edit that restarts nothing; without it \
           somebody looks through the history of Git while users read wrong answers.\n\n\
           ```kdl\nprompt \"support\" {\n    version \"v1\" { … }\n    version \"v2\" { … }\n    live \"v2\"\n    \
           rollback \"v1\"\n}\n```\n\n\
           Name the version that was live before. While there is only one, name that.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, prompt) in &cx.spec.prompt {
        let at = Route::of(["prompt", name]);
        if prompt.rollback.is_some() || cx.document.mentions(&at.key("rollback")) {
            continue;
        }
        // What the live version was made from, if the lock knows it; else another version that the spec has.
        let pinned = cx.stack.lock.prompts.get(name).and_then(|pins| pins.get(&prompt.live)?.parent.as_ref());
        let others = prompt.version.keys().rev().filter(|version| **version != prompt.live);
        let good = pinned.into_iter().chain(others).find(|version| prompt.version.contains_key(*version)).unwrap_or(&prompt.live);
        let finding = Diagnostic::at_value(&RULE, at.key("live"), format!("the prompt `{name}` names no version to go back to"));
        let finding = finding.label("nothing is named for when it misbehaves");
        let why = if *good == prompt.live { ", which is the only one" } else { "" };
        out.push(finding.help(format!("write `rollback \"{good}\"` beside it{why}")));
    }
}
