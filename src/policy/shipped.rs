//! The policies that ship with llmc.

/// Their files, by the path that they have in llmc's own repository.
pub(super) const FILES: &[(&str, &str)] = &[
    ("policies/assignment_kept.rego", include_str!("../../policies/assignment_kept.rego")),
    ("policies/assignment_kept_test.rego", include_str!("../../policies/assignment_kept_test.rego")),
    ("policies/compromised.rego", include_str!("../../policies/compromised.rego")),
    ("policies/compromised_test.rego", include_str!("../../policies/compromised_test.rego")),
    ("policies/containers.rego", include_str!("../../policies/containers.rego")),
    ("policies/containers_test.rego", include_str!("../../policies/containers_test.rego")),
    ("policies/experiment.rego", include_str!("../../policies/experiment.rego")),
    ("policies/experiment_test.rego", include_str!("../../policies/experiment_test.rego")),
    ("policies/gpu_memory.rego", include_str!("../../policies/gpu_memory.rego")),
    ("policies/gpu_memory_test.rego", include_str!("../../policies/gpu_memory_test.rego")),
    ("policies/guardrails_kept.rego", include_str!("../../policies/guardrails_kept.rego")),
    ("policies/guardrails_kept_test.rego", include_str!("../../policies/guardrails_kept_test.rego")),
    ("policies/pinned_images.rego", include_str!("../../policies/pinned_images.rego")),
    ("policies/pinned_images_test.rego", include_str!("../../policies/pinned_images_test.rego")),
    ("policies/pinned_revisions.rego", include_str!("../../policies/pinned_revisions.rego")),
    ("policies/pinned_revisions_test.rego", include_str!("../../policies/pinned_revisions_test.rego")),
    ("policies/production.rego", include_str!("../../policies/production.rego")),
    ("policies/production_test.rego", include_str!("../../policies/production_test.rego")),
    ("policies/prompt_rollout.rego", include_str!("../../policies/prompt_rollout.rego")),
    ("policies/prompt_rollout_test.rego", include_str!("../../policies/prompt_rollout_test.rego")),
    ("policies/route.rego", include_str!("../../policies/route.rego")),
    ("policies/route_test.rego", include_str!("../../policies/route_test.rego")),
    ("policies/weight_jump.rego", include_str!("../../policies/weight_jump.rego")),
    ("policies/weight_jump_test.rego", include_str!("../../policies/weight_jump_test.rego")),
];

/// Last word of the packages that only these files may have.
pub(super) const WORD: &str = "llmc";
