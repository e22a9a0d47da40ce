//! Plans against what stands where the trees are delivered to, instead of on this machine.

use super::{Connections, this_repository};
use crate::cli::planned::{Planned, PlannedStack};
use crate::cli::{Failure, inputs, planned};
use crate::deliver::github::{Fault, Standing, Target};
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

/// What was compared with what stands where it is delivered to.
pub(super) struct Compared {
    /// Where each stack goes, in the order of the stacks; none for one that was not chosen.
    pub(super) places: Vec<Option<Place>>,
    /// Names of the stacks that are no longer in the plan, since what stands could not be read.
    pub(super) unread: Vec<(String, Fault)>,
}

/// Whether the tree of `stack` goes elsewhere than into `generated/` of the repository of its spec.
pub(super) fn is_elsewhere(stack: &PlannedStack) -> bool {
    deliver(stack).is_some_and(|d| d.repository.is_some() || d.base.is_some() || d.path != DEFAULT_PATH)
}

/// Compares the stacks of `planned` that `wanted` chooses with what stands where they are delivered
/// to. A stack whose place cannot be read leaves the plan and stops no other.
pub(super) fn compare(
    planned: &mut Planned,
    connections: &mut Connections,
    wanted: impl Fn(&PlannedStack) -> bool,
) -> Result<Compared, Failure> {
    let base = inputs::here();
    let mut compared = Compared { places: Vec::new(), unread: Vec::new() };
    let (mut stacks, mut plans) = (Vec::new(), Vec::new());
    for (mut stack, plan) in std::mem::take(&mut planned.stacks).into_iter().zip(std::mem::take(&mut planned.plan.stacks)) {
        if !wanted(&stack) {
            compared.places.push(None);
            stacks.push(stack);
            plans.push(plan);
            continue;
        }
        let target = target(&stack)?;
        let standing = match connections.to(&target.repository)?.standing(&target, &stack.files) {
            Ok(standing) => standing,
            Err(fault) if fault.is_of_server() => return Err(fault.into()),
            Err(fault) => {
                compared.unread.push((stack.name.clone(), fault));
                continue;
            }
        };
        stack.old.clone_from(&standing.tree);
        stack.renamed_from = None;
        plans.push(stack.compare_at(&base, &format!("{} of {}", target.folder, target.repository)));
        stacks.push(stack);
        compared.places.push(Some(Place { target, standing }));
    }
    planned.stacks = stacks;
    planned.plan = plan::plan(plans);
    Ok(compared)
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
