//! Names that the guardrails server keeps for itself.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-G005",
    name: "reserved-name",
    severity: Severity::Error,
    docs: "Guardrails, or a guarded route, have a name that the NeMo Guardrails server does not serve: \
           `config`, or one that begins with `.` or `_`.\n\n\
           The server offers each folder below its root as a configuration. A folder that begins with `.` or \
           `_` is left out, and one named `config` is taken for the root itself, so requests for it fail.\n\n\
           ```kdl\nguardrails \"config\" { … }\n```\n\n\
           Choose another name.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let guardrails = cx.spec.guardrails.keys().map(|name| ("guardrails", name));
    let of_a_version = |prompt: &String| cx.spec.prompt.get(prompt).is_some_and(|prompt| prompt.version.values().any(|v| v.guardrails.is_some()));
    let is_guarded = |route: &crate::spec::Route| route.guardrails.is_some() || of_a_version(&route.prompt);
    let routes = cx.spec.route.iter().filter(|(_, route)| is_guarded(route)).map(|(name, _)| ("route", name));
    for (block, name) in guardrails.chain(routes).filter(|(_, name)| *name == "config" || name.starts_with(['.', '_'])) {
        let message = format!("the guardrails server does not serve a configuration named `{name}`");
        let rest = name.trim_start_matches(['.', '_']);
        let near = if rest.is_empty() || rest == "config" { "default" } else { rest };
        out.push(Diagnostic::at_key(&RULE, Route::of([block, name]), message).help(format!("rename it, such as `{block} \"{near}\"`")));
    }
}
