//! What a reviewer is shown of a plan, for Markdown in a terminal, a comment or a pull request.

use std::collections::BTreeMap;
use std::path::Path;

use super::planned::Planned;
use crate::deliver::git::Repository;
use crate::diagnostic::{Finding, Severity};
use crate::plan::markdown::{self, GITHUB_LIMIT_CHARS, Policies, Provenance, Review};

/// What a review needs beside the plan.
pub(super) struct Beside {
    warnings: Vec<Finding>,
    policies: Policies,
    provenance: Provenance,
}

impl Planned {
    /// What each stack's review needs beside its plan, in the order of the stacks.
    pub(super) fn beside(&self) -> Vec<Beside> {
        let mut commits: BTreeMap<&Path, Option<String>> = BTreeMap::new();
        let pairs = self.stacks.iter().zip(&self.plan.stacks);
        pairs
            .map(|(stack, plan)| {
                let commit = commits.entry(&stack.root).or_insert_with(|| {
                    // Outside of Git a plan has no commit, and needs none.
                    Some(Repository::open(&stack.root).ok()?.commit("HEAD").ok()?.id().to_owned())
                });
                let findings = stack.compilation.iter().flat_map(|compilation| &compilation.findings);
                Beside {
                    warnings: findings.filter(|finding| finding.rule.severity == Severity::Warning).cloned().collect(),
                    policies: Policies::default(),
                    provenance: Provenance {
                        spec: plan.spec.clone().unwrap_or_default(),
                        commit: commit.clone(),
                        llmc_version: self.plan.llmc_version.clone(),
                        plan_sha256: self.plan.sha256.clone(),
                        command: if plan.spec.is_some() { format!("llmc apply {}", stack.name) } else { "llmc apply".to_owned() },
                    },
                }
            })
            .collect()
    }

    /// The reviews of all stacks, with what [`Planned::beside`] gave.
    pub(super) fn reviews<'a>(&'a self, beside: &'a [Beside]) -> Vec<Review<'a>> {
        let stacks = self.stacks.iter().zip(&self.plan.stacks).zip(beside);
        stacks
            .map(|((stack, plan), beside)| Review {
                plan,
                old: &stack.old,
                new: &stack.files,
                warnings: &beside.warnings,
                policies: &beside.policies,
                provenance: &beside.provenance,
            })
            .collect()
    }

    /// The plan as Markdown, no longer than GitHub takes in one text.
    pub(super) fn markdown(&self) -> String {
        let beside = self.beside();
        let comment = markdown::comment(&self.reviews(&beside), "", "", GITHUB_LIMIT_CHARS);
        // The first line is the marker by which a comment is found again.
        comment.split_once('\n').map(|(_, text)| text.to_owned() + "\n").unwrap_or_default()
    }
}
