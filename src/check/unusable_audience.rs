//! Audiences that say nothing, let nobody in, or ask for an attribute that cannot be found.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::spec::Attribute;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A022",
    name: "unusable-audience",
    severity: Severity::Error,
    docs: "An attribute of an experiment's `audience` has neither `one-of` nor `none-of`, excludes everything that it \
           lets in, or has a name that flagd does not look up as one attribute.\n\n\
           Without a list every user passes, which looks like a condition and is none. flagd takes a dot for a path \
           into an attribute, an empty name for all of them, and keeps names that begin with `$` for itself.\n\n\
           ```kdl\naudience \"plan\" { one-of \"pro\"; none-of \"pro\"; }     // nobody\n```\n\n\
           Write the values, or leave the attribute out.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, one) in &cx.spec.experiment {
        for (name, attribute) in &one.audience {
            if let Some((message, help)) = fault(name, attribute) {
                let at = Route::of(["experiment", experiment, "audience", name]);
                out.push(Diagnostic::at_key(&RULE, at, message).help(help));
            }
        }
    }
}

/// What is wrong with the attribute `name`, and what to do.
fn fault(name: &str, attribute: &Attribute) -> Option<(String, String)> {
    if name.is_empty() || name.contains('.') || name.starts_with('$') {
        let near = name.trim_start_matches('$').replace('.', "-");
        let near = if near.is_empty() { "plan".to_owned() } else { near };
        return Some((format!("flagd does not look up `{name}` as an attribute"), format!("let the application send `{near}`, and write that")));
    }
    if attribute.one_of.is_empty() && attribute.none_of.is_empty() {
        return Some((format!("the attribute `{name}` names no value, so every user passes"), "write `one-of` or `none-of` with values".into()));
    }
    let is_empty = !attribute.one_of.is_empty() && attribute.one_of.iter().all(|value| attribute.none_of.contains(value));
    is_empty.then(|| {
        let message = format!("nobody is in the audience: `none-of` has every value of `{name}` that `one-of` lets in");
        (message, "take the values out of one of the two".into())
    })
}
