//! What a reviewer should know, in words, worst first.

mod models;
mod money;
mod pods;
mod prompts;
mod routes;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Subject;
use super::meaning::Alerts;
use super::objects::Pair;
use super::record::Side;
use super::renames::Renames;
use super::rollout::Move;
use super::types::{FieldChange, GpuChange, Risk, RiskLevel, StackPlan};
use crate::diagnostic::redact;
use crate::spec::Spec;

/// Most names that one sentence lists.
const MOST_NAMES: usize = 5;

/// What risks are judged by.
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) old: &'a Side<'a>,
    pub(super) new: &'a Side<'a>,
    pub(super) renames: &'a Renames,
    pub(super) pairs: &'a [(Pair<'a>, Vec<FieldChange>)],
    pub(super) moves: &'a [Move<'a>],
    pub(super) gpus: &'a BTreeMap<String, GpuChange>,
    pub(super) alerts: &'a Alerts,
    /// Files of the old tree that should hold an object and cannot be read.
    pub(super) unreadable: &'a BTreeSet<String>,
}

impl View<'_> {
    /// The specs of both sides, where both can be read.
    fn specs(&self) -> Option<(&Spec, &Spec)> {
        self.old.spec().zip(self.new.spec())
    }
}

/// Risks in the order in which they were found.
#[derive(Default)]
struct Found(Vec<Risk>);

impl Found {
    /// Adds a risk of the block at `route`; empty for the stack as a whole.
    fn add(&mut self, level: RiskLevel, route: &str, message: String) {
        let route = (!route.is_empty()).then(|| route.to_owned());
        self.0.push(Risk { level, message: redact(&message), route });
    }
}

/// All risks of a change, worst first, and within a level in a fixed order of subjects.
pub(super) fn risks(view: &View<'_>, plan: &StackPlan) -> Vec<Risk> {
    let mut found = Found::default();
    tree::risks(view, plan, &mut found);
    routes::risks(view, &mut found);
    pods::risks(view, &mut found);
    models::risks(view, &mut found);
    prompts::risks(view, plan, &mut found);
    money::risks(view, &mut found);
    let mut risks = found.0;
    risks.sort_by_key(|risk| risk.level);
    risks.dedup();
    risks
}

/// `` `a`, `b` and 3 more ``.
fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) if names.len() <= MOST_NAMES => format!("{} and {last}", rest.join(", ")),
        Some(_) => format!("{} and {} more", names[..MOST_NAMES - 1].join(", "), names.len() - MOST_NAMES + 1),
    }
}
