//! The tree that stands, and the stack as a whole.

use super::{Found, View, list};
use crate::plan::record::Record;
use crate::plan::types::{RiskLevel, StackPlan};
use crate::spec::{Spec, Stage};

pub(super) fn risks(view: &View<'_>, plan: &StackPlan, found: &mut Found) {
    if let Record::Unreadable(why) = &view.old.record {
        let message = "what this change means cannot be told, only which files and objects it changes: the tree that stands does not say what it was compiled from";
        found.add(RiskLevel::High, "", format!("{message} ({why})"));
    }
    if view.new.is_empty() && !view.old.is_empty() {
        let routes = view.old.spec().map(|spec| spec.route.keys().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        let routes = if routes.is_empty() { String::new() } else { format!(", with {}", list(routes)) };
        found.add(RiskLevel::High, "", format!("the stack `{}` is removed{routes}", view.subject.stack));
    }
    moved(view, found);
    let edited: Vec<&str> = plan.files.iter().filter(|file| file.edited).map(|file| file.path.as_str()).collect();
    if !edited.is_empty() {
        found.add(RiskLevel::Medium, "", format!("{} would be overwritten, and llmc did not write it as it stands", list(edited)));
    }
    for path in view.unreadable {
        let message =
            format!("`{path}` of the tree that stands cannot be read as Kubernetes objects, so what its change does is not known");
        found.add(RiskLevel::Medium, "", message);
    }
    let version = view.old.manifest.as_ref().map(|manifest| manifest.llmc_version.as_str());
    if let Some(version) = version.filter(|version| *version != env!("CARGO_PKG_VERSION") && !view.new.is_empty()) {
        let message = format!(
            "the tree that stands was compiled by llmc {version}, so changes may come from llmc {} alone",
            env!("CARGO_PKG_VERSION")
        );
        found.add(RiskLevel::Low, "", message);
    }
    if let Some(new) = view.new.spec() {
        waivers(view.old.spec(), new, found);
    }
    if let Some((old, new)) = view.specs() {
        if rank(new.stage) < rank(old.stage) {
            found.add(RiskLevel::Medium, "/stage", "the stage is lowered, so policies are less strict".into());
        }
        for caller in new.callers.iter().filter(|caller| !old.callers.contains(caller)) {
            found.add(RiskLevel::Medium, "/callers", format!("pods of the namespace `{caller}` may call the stack"));
        }
        for caller in old.callers.iter().filter(|caller| !new.callers.contains(caller)) {
            found.add(RiskLevel::Medium, "/callers", format!("pods of the namespace `{caller}` may no longer call the stack"));
        }
    }
}

fn rank(stage: Stage) -> u8 {
    match stage {
        Stage::Development => 0,
        Stage::Staging => 1,
        Stage::Production => 2,
    }
}

/// Another name or namespace: every object is another one.
fn moved(view: &View<'_>, found: &mut Found) {
    if view.new.is_empty() {
        return;
    }
    let old_name = view.old.spec().map(|spec| spec.stack.as_str()).or(view.subject.renamed_from);
    if let Some(old) = old_name.filter(|old| *old != view.subject.stack) {
        let message = format!(
            "the stack is renamed from `{old}` to `{}`: every object is created anew and every Service has another address",
            view.subject.stack
        );
        found.add(RiskLevel::High, "/stack", message);
    }
    let Some((old, new)) = view.specs().filter(|(old, new)| old.namespace != new.namespace) else { return };
    let models = new.model.values().filter_map(|model| model.token_secret.as_ref());
    let mut secrets: Vec<&str> =
        models.chain(new.external.values().map(|external| &external.token_secret)).map(|secret| secret.name.as_str()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    let secrets = if secrets.is_empty() { String::new() } else { format!(", and the Secrets {} must exist there", list(secrets)) };
    let message = format!(
        "the stack moves from the namespace `{}` to `{}`: every object is created anew, every Service has another address{secrets}",
        old.namespace, new.namespace
    );
    found.add(RiskLevel::High, "/namespace", message);
}

fn waivers(old: Option<&Spec>, new: &Spec, found: &mut Found) {
    for (policy, waiver) in &new.waive {
        let before = old.and_then(|old| old.waive.get(policy));
        let route = format!("/waive/{policy}");
        match before {
            None => {
                let message =
                    format!("the policy `{policy}` is waived until {}: {} answers for it ({})", waiver.until, waiver.owner, waiver.reason);
                found.add(RiskLevel::Medium, &route, message);
            }
            Some(before) if before.until < waiver.until => {
                found.add(
                    RiskLevel::Low,
                    &route,
                    format!("the policy `{policy}` is waived until {}, before until {}", waiver.until, before.until),
                );
            }
            Some(_) => {}
        }
    }
}
