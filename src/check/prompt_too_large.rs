//! Prompts that do not fit a ConfigMap.

use super::support::template::templates;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P005",
    name: "prompt-too-large",
    severity: Severity::Error,
    docs: "The templates of one version of a prompt have more than 900 KiB together.\n\n\
           A version is delivered as one ConfigMap, which the API server refuses above 1 MiB; its names, \
           labels and encoding need some of that.\n\n\
           ```kdl\nversion \"v1\" { system file=\"handbook.md\"; … }     // 1.2 MiB\n```\n\n\
           Shorten the templates; long documents are looked up for each request and passed in as a variable.",
};

/// Most bytes of the templates of one version.
const MOST_BYTES: usize = 900 * 1024;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for prompt in cx.stack.prompts.values() {
        for (name, version) in &prompt.versions {
            let bytes: usize = templates(version).map(|(_, text)| text.text.len()).sum();
            if bytes <= MOST_BYTES {
                continue;
            }
            let at = Route::of(["prompt", &prompt.name, "version", name]);
            let kib = bytes.div_ceil(1024);
            let message = format!("the templates of `{}` version `{name}` have {kib} KiB; {} fit a ConfigMap", prompt.name, MOST_BYTES / 1024);
            let mut finding = Diagnostic::at_key(&RULE, at.clone(), message);
            for (field, text) in templates(version) {
                finding = finding.related(Place::Value(at.key(field).key("file")), format!("{} KiB", text.text.len().div_ceil(1024)));
            }
            let over = (bytes - MOST_BYTES).div_ceil(1024);
            out.push(finding.help(format!("take out at least {over} KiB; pass long documents in as a variable")));
        }
    }
}
