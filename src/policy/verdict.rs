//! What policies found.

use std::collections::{BTreeMap, BTreeSet};

use super::result::Remark;
use crate::diagnostic::{Diagnostic, Finding};

/// Most findings of one policy that are kept; the others are counted.
const MOST_REMARKS: usize = 50;

/// What every policy of a moment found, before waivers. Policies are named by their place in the set.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) evaluated: BTreeSet<usize>,
    pub(super) excepted: BTreeSet<usize>,
    pub(super) remarks: BTreeMap<usize, Remarks>,
    pub(super) faults: Vec<Finding>,
}

/// What one policy found.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// The first findings.
    pub(super) shown: Vec<Remark>,
    /// Number of the others.
    pub(super) more: usize,
}

impl Judgement {
    pub(super) fn add(&mut self, policy: usize, remark: Remark) {
        let remarks = self.remarks.entry(policy).or_default();
        if remarks.shown.contains(&remark) {
            return;
        }
        if remarks.shown.len() < MOST_REMARKS { remarks.shown.push(remark) } else { remarks.more += 1 }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.evaluated.extend(other.evaluated);
        self.excepted.extend(other.excepted);
        self.remarks.extend(other.remarks);
        self.faults.extend(other.faults);
    }
}

/// What policies found, after waivers.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is refused or remarked, by routes of the spec.
    pub diagnostics: Vec<Diagnostic>,
    /// Policies that gave no verdict, in their files.
    pub faults: Vec<Finding>,
    /// Which policies were asked, for a reviewer.
    pub applied: Applied,
}

/// Which policies were asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Names of those that were evaluated, sorted.
    pub evaluated: BTreeSet<String>,
    /// Names of those that an exception of the repository's `policies/` kept from at least one input.
    pub excepted: BTreeSet<String>,
    /// Findings that a waiver of the spec let through, sorted by policy.
    pub waived: Vec<Waived>,
}

impl Applied {
    /// Adds what another moment applied.
    pub fn extend(&mut self, other: Self) {
        self.evaluated.extend(other.evaluated);
        self.excepted.extend(other.excepted);
        self.waived.extend(other.waived);
        self.waived.sort_by(|a, b| a.policy.cmp(&b.policy));
    }
}

/// Findings of one policy that a waiver let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// Name of the policy.
    pub policy: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Last day on which it holds, as `2027-01-31`.
    pub until: String,
    /// What was let through; at most 50 of them.
    pub messages: Vec<String>,
}
