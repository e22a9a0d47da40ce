//! What a reviewer is shown of a plan, for Markdown in a terminal, a comment or a pull request.

use std::path::Path;

use super::planned::{Planned, PlannedStack};
use crate::deliver::git::Repository;
use crate::diagnostic::Finding;
use crate::plan;
use crate::plan::markdown::{self, GITHUB_LIMIT_CHARS, Policies, Provenance, Review, Waived};

/// What a review needs beside the plan.
pub(super) struct Beside {
    findings: Vec<Finding>,
    policies: Policies,
    provenance: Provenance,
}

impl Planned {
    /// What each stack's review needs beside its plan, in the order of the stacks. `command` is
    /// what applies a plan.
    pub(super) fn beside(&self, command: &str) -> Vec<Beside> {
        let pairs = self.stacks.iter().zip(&self.plan.stacks);
        pairs
            .map(|(stack, plan)| Beside {
                findings: stack.findings().cloned().collect(),
                policies: policies(stack),
                provenance: Provenance {
                    spec: plan.spec.clone().unwrap_or_default(),
                    commit: commit(stack),
                    llmc_version: self.plan.llmc_version.clone(),
                    // Of this stack's plan alone, so that another's change makes no other review.
                    plan_sha256: plan::plan(vec![plan.clone()]).sha256,
                    command: command.to_owned(),
                },
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
                findings: &beside.findings,
                policies: &beside.policies,
                provenance: &beside.provenance,
            })
            .collect()
    }

    /// The plan as a comment that is found again by `tag`, no longer than GitHub takes.
    pub(super) fn comment(&self, tag: &str, valid_at: &str) -> String {
        let beside = self.beside("llmc apply");
        markdown::comment(&self.reviews(&beside), &self.failed, tag, valid_at, GITHUB_LIMIT_CHARS)
    }

    /// The plan as Markdown, no longer than GitHub takes in one text.
    pub(super) fn markdown(&self) -> String {
        // The first line is the marker by which a comment is found again.
        self.comment("", "").split_once('\n').map(|(_, text)| text.to_owned() + "\n").unwrap_or_default()
    }
}

/// The policies that the stack and its plan were judged by.
fn policies(stack: &PlannedStack) -> Policies {
    let applied = stack.applied();
    let waived = applied.waived.into_iter().map(|waived| Waived {
        policy: waived.policy,
        owner: waived.owner,
        reason: waived.reason,
        until: waived.until,
        message: waived.messages.join("; "),
    });
    Policies { evaluated: applied.evaluated.into_iter().collect(), waived: waived.collect() }
}

/// The last commit that changed the folder of the spec, if that is what was compiled. With the
/// repository's newest commit, each commit to anything would make another review.
fn commit(stack: &PlannedStack) -> Option<String> {
    let spec = Path::new(&stack.compilation.as_ref()?.spec_path);
    let folder = spec.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Outside of Git a plan has no commit, and needs none.
    Some(Repository::open(folder).ok()?.last_change().ok()??.id().to_owned())
}
