//! Engine versions whose flags and metrics are not known.

use semver::Version;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::engine;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-E001",
    name: "unknown-engine-version",
    severity: Severity::Error,
    docs: "An engine's version is not an exact version, or not one whose flags and metrics llmc knows.\n\n\
           Engines remove flags and rename metrics between releases: pods then fail at their start, and \
           dashboards, alerts and autoscalers go silent (vLLM renamed its KV-cache gauge in 0.9.2). So \
           nothing is compiled for a version that nobody has looked at.\n\n\
           ```kdl\nengine \"vllm\" version=\"latest\"      // write version=\"0.32.0\"\n```\n\n\
           Give an exact version in the range that the message names.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let at = Route::of(["model", name, "engine", "version"]);
        let engine = engine::of(model.engine.name);
        let (oldest, newest) = engine.known_versions();
        let written = &model.engine.version;
        let known = format!("known are {oldest} to {newest}");
        match Version::parse(written) {
            Err(_) => {
                let finding = Diagnostic::at_value(&RULE, at, format!("`{written}` is not an exact version of {}", engine.name()));
                let nearest = repaired(written).map_or_else(|| newest.clone(), |v| v.clamp(oldest.clone(), newest.clone()));
                out.push(finding.label(known).help(format!("write `version=\"{nearest}\"`")));
            }
            Ok(version) if version < oldest || version > newest || !version.pre.is_empty() => {
                let message = format!("the flags and metrics of {} {version} are not known", engine.name());
                // A release candidate counts as its release.
                let release = Version::new(version.major, version.minor, version.patch);
                let nearest = release.clamp(oldest, newest);
                out.push(Diagnostic::at_value(&RULE, at, message).label(known).help(format!("the nearest known is `version=\"{nearest}\"`")));
            }
            Ok(_) => {}
        }
    }
}

/// The version that was meant by `v0.32.0`, `0.32` or `0.9.0.1`.
fn repaired(written: &str) -> Option<Version> {
    let numbers = written.trim_start_matches(['v', '=', ' ']).split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    match numbers.as_slice() {
        [major, minor] => Some(Version::new(*major, *minor, 0)),
        [major, minor, patch, ..] => Some(Version::new(*major, *minor, *patch)),
        _ => None,
    }
}
