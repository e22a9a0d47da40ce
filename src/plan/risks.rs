//! What a reviewer should know, in words, worst first.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Subject;
use super::record::Side;
use super::renames::Renames;
use super::rollout::Move;
use super::types::{GpuChange, Risk, StackPlan};

/// What risks are judged by.
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) old: &'a Side<'a>,
    pub(super) new: &'a Side<'a>,
    pub(super) renames: &'a Renames,
    pub(super) moves: &'a [Move<'a>],
    pub(super) gpus: &'a BTreeMap<String, GpuChange>,
    pub(super) unreadable: &'a BTreeSet<String>,
}

pub(super) fn risks(_view: &View<'_>, _plan: &StackPlan) -> Vec<Risk> {
    Vec::new()
}
