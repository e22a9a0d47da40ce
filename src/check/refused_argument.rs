//! Engine arguments that the engine or the compiler would not take.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use semver::Version;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, find_secrets};
use crate::engine::{self, FlagFault};
use crate::spec::Model;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E002",
    name: "refused-argument",
    severity: Severity::Error,
    docs: "One of the engine arguments in `serve args` cannot be passed on: it is not written as `--flag` \
           or `--flag=value`, the compiler writes that flag itself, the engine's version no longer has it, \
           or it is given twice.\n\n\
           A removed flag makes the engine's parser fail, so every new pod crash-loops. Two values of one \
           flag mean that the last one wins and the other is a lie to its reader.\n\n\
           ```kdl\nserve max-model-len=8192 max-num-seqs=64 {\n    args \"--max-num-seqs=256\" \"--swap-space 4\"\n}\n```\n\n\
           Set the field that the message names, write `--flag=value` in one string, or remove the argument.",
};

static FORM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(--[A-Za-z][A-Za-z0-9_.-]*)(?:=([^\x00-\x1F\x7F]*))?$").ok());

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let mut seen: BTreeMap<String, Route> = BTreeMap::new();
        for (index, argument) in model.serve.args.iter().enumerate() {
            let at = Route::of(["model", name, "serve", "args"]).index(index);
            let Some(flag) = FORM.as_ref().and_then(|form| form.captures(argument)).and_then(|c| c.get(1)) else {
                out.push(malformed(at, name, model, argument));
                continue;
            };
            if let Some(fault) = fault(model, flag.as_str()) {
                out.push(refused(at, name, model, flag.as_str(), &fault));
                continue;
            }
            // The engine reads `--a_b` as `--a-b`, and `--no-a` as the opposite of `--a`.
            let normal = flag.as_str().replace('_', "-");
            let key = normal.strip_prefix("--no-").map_or_else(|| normal.clone(), |rest| format!("--{rest}"));
            if let Some(first) = seen.get(&key) {
                let finding = Diagnostic::at_value(&RULE, at, format!("`{key}` is decided twice")).label("the engine would take this one");
                out.push(finding.related(Place::Value(first.clone()), "and ignore this one").help("keep one of them"));
            } else {
                seen.insert(key, at);
            }
        }
    }
}

/// What the engine says about `flag`; nothing for a version that is wrong itself.
fn fault(model: &Model, flag: &str) -> Option<FlagFault> {
    let engine = engine::of(model.engine.name);
    let version = Version::parse(&model.engine.version).unwrap_or_else(|_| engine.known_versions().1);
    engine.flag_fault(&version, flag)
}

fn malformed(at: Route, name: &str, model: &Model, argument: &str) -> Diagnostic {
    let mut words = argument.split_whitespace();
    let first = words.next().unwrap_or_default();
    let flag = first.split('=').next().unwrap_or_default();
    if let Some(fault) = fault(model, flag) {
        return refused(at, name, model, flag, &fault);
    }
    let finding = Diagnostic::at_value(&RULE, at, "the argument is not of the form `--flag` or `--flag=value`");
    match words.collect::<Vec<_>>().join(" ") {
        value if first.starts_with("--") && !first.contains('=') && !value.is_empty() && find_secrets(argument).is_empty() => {
            finding.label("one string is one argument").help(format!("write `{first}={value}`"))
        }
        _ if argument.starts_with('-') && !argument.starts_with("--") => {
            finding.label("a short form").help("write the long form of the flag, so that it can be held against the fields of the spec")
        }
        _ => finding.help("write the flag and its value as one string: `--flag=value`"),
    }
}

fn refused(at: Route, name: &str, model: &Model, flag: &str, fault: &FlagFault) -> Diagnostic {
    match fault {
        FlagFault::Owned(field) => {
            Diagnostic::at_value(&RULE, at, format!("`{flag}` is written by the compiler")).label("would contradict the spec").help(
                match *field {
                    "engine" => "remove it; the Service, the probes and the metrics depend on its value".to_owned(),
                    field => format!("remove it, and say it in `{field}` of the model `{name}`"),
                },
            )
        }
        FlagFault::Removed(instead) => {
            let message = format!("{} {} has no flag `{flag}`", engine::of(model.engine.name).name(), model.engine.version);
            Diagnostic::at_value(&RULE, at, message).label("the engine would not start").help(*instead)
        }
    }
}
