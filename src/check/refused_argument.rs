//! Engine arguments that the engine or the compiler would not take.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use semver::Version;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity, did_you_mean, find_secrets};
use crate::engine::{self, FlagFault, FlagKind};
use crate::spec::Model;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E002",
    name: "refused-argument",
    severity: Severity::Error,
    docs: "One of the engine arguments in `serve args` cannot be passed on: it is not written as `--flag` \
           or `--flag=value`, the compiler writes that flag itself, this version of the engine does not have \
           it, it takes no such value, or it is given twice.\n\n\
           An argument that the engine's parser refuses makes every new pod crash-loop. Two values of one \
           flag mean that the last one wins and the other is a lie to its reader. The flags of every release \
           were read from the engine's own packages.\n\n\
           ```kdl\nserve max-model-len=8192 max-num-seqs=64 {\n    args \"--max-num-seqs=256\" \"--swap-space 4\"\n}\n```\n\n\
           Set the field that the message names, write `--flag=value` in one string, or remove the argument.",
};

static FORM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(--[A-Za-z][A-Za-z0-9_.-]*\+?)(?:=([^\x00-\x1F\x7F]*))?$").ok());

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let mut seen: BTreeMap<String, Route> = BTreeMap::new();
        for (index, argument) in model.serve.args.iter().enumerate() {
            let at = Route::of(["model", name, "serve", "args"]).index(index);
            let form = FORM.as_ref().and_then(|form| form.captures(argument));
            let Some(flag) = form.as_ref().and_then(|c| c.get(1)).map(|m| m.as_str()) else {
                out.push(malformed(at, name, model, argument));
                continue;
            };
            let value = form.as_ref().and_then(|c| c.get(2)).map(|m| m.as_str());
            if let Some(fault) = fault(model, flag, value) {
                out.push(refused(at, name, model, flag, value, &fault));
                continue;
            }
            let Some(key) = key(model, flag) else { continue };
            if let Some(first) = seen.get(&key) {
                let finding = Diagnostic::at_value(&RULE, at, format!("`{key}` is decided twice")).label("the engine would take this one");
                out.push(finding.related(Place::Value(first.clone()), "and ignore this one").help("keep one of them"));
            } else {
                seen.insert(key, at);
            }
        }
    }
}

/// The version whose options count; the newest where it is wrong itself, which another rule says.
fn version(model: &Model) -> Option<Version> {
    let releases = engine::of(model.engine.name).releases();
    Version::parse(&model.engine.version).ok().filter(|v| releases.contains(v)).or_else(|| releases.last().cloned())
}

/// What the engine says about an argument.
fn fault(model: &Model, flag: &str, value: Option<&str>) -> Option<FlagFault> {
    engine::of(model.engine.name).argument_fault(&version(model)?, flag, value, &model.serve.args)
}

/// What must not be decided twice; `None` for an option that may be given again. A key of an
/// option's JSON, as in `--x.a`, is decided by itself.
fn key(model: &Model, flag: &str) -> Option<String> {
    let found = engine::of(model.engine.name).flag(&version(model)?, flag)?;
    match flag.split_once('.') {
        _ if found.kind == FlagKind::Repeated || flag.ends_with('+') => None,
        Some((_, keys)) => Some(format!("{}.{keys}", found.name)),
        None => Some(found.name.to_owned()),
    }
}

fn malformed(at: Route, name: &str, model: &Model, argument: &str) -> Diagnostic {
    let mut words = argument.split_whitespace();
    let first = words.next().unwrap_or_default();
    let flag = first.split('=').next().unwrap_or_default();
    // A value that stands apart is another mistake than a missing one.
    if let Some(fault) = fault(model, flag, None).filter(|fault| *fault != FlagFault::NeedsValue && flag.starts_with('-')) {
        return refused(at, name, model, flag, None, &fault);
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

fn refused(at: Route, name: &str, model: &Model, flag: &str, value: Option<&str>, fault: &FlagFault) -> Diagnostic {
    let engine = engine::of(model.engine.name);
    let absent = |help: String| {
        let message = format!("{} {} has no flag `{flag}`", engine.name(), model.engine.version);
        Diagnostic::at_value(&RULE, at.clone(), message).label("the engine would not start").help(help)
    };
    let wrong = |message: String, help: String| Diagnostic::at_value(&RULE, at.clone(), message).label("the engine would not start").help(help);
    match fault {
        FlagFault::Owned(field) => {
            let finding = Diagnostic::at_value(&RULE, at, format!("`{flag}` is written by the compiler")).label("would contradict the spec");
            finding.help(match *field {
                "engine" => "remove it; the Service, the probes and the metrics depend on its value".to_owned(),
                field => format!("remove it, and say it in `{field}` of the model `{name}`"),
            })
        }
        FlagFault::Removed { release, successor } => {
            absent(successor.as_ref().map_or_else(|| "remove it".to_owned(), ToString::to_string)).help(format!("{release} removed it"))
        }
        FlagFault::Later { release } => absent(format!("remove it, or use {release} or a later version")),
        FlagFault::Unknown { near: Some(near) } => absent(format!("did you mean `{near}`?")),
        FlagFault::Unknown { near: None } => {
            let names = version(model).map(|v| engine.flag_names(&v)).unwrap_or_default();
            let near = did_you_mean(&flag.replace('_', "-"), names).map(|near| format!("did you mean `{near}`?"));
            absent(near.unwrap_or_else(|| "remove it; no version that is known has it".to_owned()))
        }
        FlagFault::Ambiguous(names) => {
            wrong(format!("`{flag}` is the beginning of more than one flag"), format!("write one of `{} in full", shown(names)))
        }
        FlagFault::TakesNothing { opposite } => {
            let help = opposite.as_ref().map_or_else(|| "remove it, which says the same".to_owned(), |o| format!("write `{o}`"));
            wrong(format!("`{flag}` takes no value"), help)
        }
        FlagFault::NeedsValue => wrong(format!("`{flag}` needs a value"), format!("write `{flag}=…` in one string")),
        FlagFault::NotAWord { words } => {
            let near = did_you_mean(value.unwrap_or_default(), words.iter().copied());
            let help = near.map_or_else(|| format!("it is one of `{}", shown(words)), |near| format!("did you mean `{flag}={near}`?"));
            wrong(format!("{} {} takes no such word for `{flag}`", engine.name(), model.engine.version), help)
        }
        FlagFault::NotOfType(form) => wrong(format!("the value of `{flag}` is not {form}"), format!("write {form} after the `=`")),
    }
}

/// Names for a message, the first of many.
fn shown(names: &[&str]) -> String {
    const MOST: usize = 12;
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}`{more}", names.iter().take(MOST).copied().collect::<Vec<_>>().join("`, `"))
}
