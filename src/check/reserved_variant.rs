//! Variants with the name of those who take no part.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A023",
    name: "reserved-variant",
    severity: Severity::Error,
    docs: "A variant of an experiment is called `off`.\n\n\
           `off` is what a user gets who takes no part: what is live, and is not counted. A variant of that name would \
           put those users and its own into one.\n\n\
           ```kdl\nvariant \"off\" weight=50 prompt=\"v1\"     // write \"control\"\n```\n\n\
           Choose another name.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (experiment, one) in cx.spec.experiment.iter().filter(|(_, one)| one.variant.contains_key("off")) {
        let near = if one.variant.contains_key("control") { "without" } else { "control" };
        let at = Route::of(["experiment", experiment, "variant", "off"]);
        let message = format!("a variant of `{experiment}` is called `off`, which is what users get who take no part");
        out.push(Diagnostic::at_key(&RULE, at, message).help(format!("rename it, such as `variant \"{near}\"`")));
    }
}
