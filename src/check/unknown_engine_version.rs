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
    docs: "An engine's version is not an exact version, or not a release whose flags and metrics llmc knows.\n\n\
           Engines remove flags and rename metrics between releases: pods then fail at their start, and \
           dashboards, alerts and autoscalers go silent (vLLM renamed its KV-cache gauge in 0.9.2). So \
           nothing is compiled for a version that nobody has looked at.\n\n\
           ```kdl\nengine \"vllm\" version=\"latest\"      // write version=\"0.32.0\"\n```\n\n\
           Give an exact version that the message names; post releases and release candidates are none.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let at = Route::of(["model", name, "engine", "version"]);
        let engine = engine::of(model.engine.name);
        let releases = engine.releases();
        let (Some(oldest), Some(newest)) = (releases.first(), releases.last()) else { continue };
        let written = &model.engine.version;
        let known = format!("known are releases from {oldest} to {newest}");
        match Version::parse(written) {
            Err(_) => {
                let finding = Diagnostic::at_value(&RULE, at, format!("`{written}` is not an exact version of {}", engine.name()));
                let nearest = repaired(written).and_then(|v| engine::nearest(releases, &v).pop()).unwrap_or_else(|| newest.clone());
                out.push(finding.label(known).help(format!("write `version=\"{nearest}\"`")));
            }
            Ok(version) if !releases.contains(&version) => {
                let message = format!("the flags and metrics of {} {version} are not known", engine.name());
                let nearest: Vec<String> = engine::nearest(releases, &version).iter().map(|v| format!("`version=\"{v}\"`")).collect();
                let help = format!("the nearest known: {}", nearest.join(" and "));
                out.push(Diagnostic::at_value(&RULE, at, message).label(known).help(help));
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
