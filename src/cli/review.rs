//! What a reviewer is shown of a plan, for Markdown in a terminal, a comment or a pull request.

use std::path::Path;

use super::inputs;
use super::planned::{Planned, PlannedStack};
use crate::deliver::git::Repository;
use crate::plan;
use crate::plan::markdown::{self, Policies, Provenance, Review, Waived};

impl Planned {
    /// The reviews of all stacks, in their order. `command` is what applies a plan.
    pub(super) fn reviews(&self, command: &str) -> Vec<Review<'_>> {
        let pairs = self.stacks.iter().zip(&self.plan.stacks);
        pairs
            .map(|(stack, plan)| Review {
                plan,
                old: &stack.old,
                new: &stack.files,
                findings: stack.findings().cloned().collect(),
                policies: policies(stack),
                provenance: Provenance {
                    spec: plan.spec.clone(),
                    commit: commit(stack),
                    llmc_version: self.plan.llmc_version.clone(),
                    // Of this stack's plan alone, so that another's change makes no other review.
                    plan_sha256: plan::plan(vec![plan.clone()]).sha256,
                    command: command.to_owned(),
                },
            })
            .collect()
    }

    /// The plan as Markdown, for a text of at most `limit_chars` characters.
    pub(super) fn markdown(&self, limit_chars: usize) -> String {
        markdown::comment(&self.reviews("llmc apply"), &self.failed, limit_chars) + "\n"
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
    // Outside of Git a plan has no commit, and needs none.
    Some(Repository::open(inputs::parent(spec)).ok()?.last_change().ok()??.id().to_owned())
}
