//! Plans against what stands where the trees are delivered to, instead of on this machine.

use super::{Connections, this_repository};
use crate::cli::planned::{Planned, PlannedStack};
use crate::cli::{Failure, inputs, planned};
use crate::deliver::github::{Standing, Target};
use crate::plan;
use crate::spec::Deliver;

/// Folder of the repository that a stack goes into where its spec does not say.
const DEFAULT_PATH: &str = planned::GENERATED;

/// Where a stack goes, and what stands there.
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) standing: Standing,
}

/// What the spec of `stack` says of its delivery.
pub(super) fn deliver(stack: &PlannedStack) -> Option<&Deliver> {
    stack.compilation.as_ref()?.stack.as_ref()?.explicit.deliver.as_ref()
}

/// Where the tree of `stack` goes.
pub(super) fn target(stack: &PlannedStack) -> Result<Target, Failure> {
    let deliver = deliver(stack);
    let repository = match deliver.and_then(|d| d.repository.clone()) {
        Some(repository) => repository,
        None => this_repository(&stack.root)?,
    };
    let path = deliver.map_or(DEFAULT_PATH, |d| &d.path);
    Ok(Target {
        repository,
        base: deliver.and_then(|d| d.base.clone()),
        folder: format!("{path}/{}", stack.name),
        branch: branch(path, &stack.name),
    })
}

/// The one branch of a stack. Trees of one name at two paths have two, neither a folder of the other,
/// which Git would refuse.
fn branch(path: &str, stack: &str) -> String {
    if path == DEFAULT_PATH { format!("llmc/{stack}") } else { format!("llmc-{}/{stack}", path.replace('/', "-")) }
}

/// Compares the stacks of `planned` that `wanted` chooses with what stands where they are delivered
/// to. A place is none for a stack that was not chosen.
pub(super) fn compare(
    planned: &mut Planned,
    connections: &mut Connections,
    wanted: impl Fn(&PlannedStack) -> bool,
) -> Result<Vec<Option<Place>>, Failure> {
    let base = inputs::here();
    let mut places = Vec::new();
    for (stack, plan) in planned.stacks.iter_mut().zip(&mut planned.plan.stacks) {
        if !wanted(stack) {
            places.push(None);
            continue;
        }
        let target = target(stack)?;
        let standing =
            connections.to(&target.repository)?.standing(&target, &stack.files).map_err(|fault| format!("{}: {fault}", stack.name))?;
        stack.old.clone_from(&standing.tree);
        // The tree of an old name stands in a folder of its own, with a pull request of its own.
        stack.renamed_from = None;
        let shown = format!("{} of {}", target.folder, target.repository);
        *plan = stack.compare_at(&base, &shown);
        places.push(Some(Place { target, standing }));
    }
    planned.plan = plan::plan(std::mem::take(&mut planned.plan.stacks));
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::branch;

    #[test]
    fn a_branch_for_each_stack_and_path() {
        assert_eq!(branch("generated", "chat"), "llmc/chat");
        assert_eq!(branch("clusters/prod", "chat"), "llmc-clusters-prod/chat");
    }
}
