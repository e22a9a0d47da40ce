//! How long a model's pod may take to start and to stop.

use crate::stack::Model;

/// Seconds between the end of a pod's endpoint and the signal to its engine, in which proxies
/// learn that the endpoint is gone.
pub(super) const PRE_STOP_SECONDS: u32 = 15;
/// Seconds for the engine to end after the last answer.
const EXIT_SECONDS: u32 = 15;
/// Seconds to pull an engine's image of about ten gigabytes.
const IMAGE_PULL_SECONDS: u32 = 600;
/// Seconds between two startup probes.
pub(super) const STARTUP_PERIOD_SECONDS: u32 = 10;

/// From the start of a pod's end to its kill: leaving the endpoints, the running answers, the end
/// of the process.
pub(super) fn grace_seconds(model: &Model) -> u32 {
    PRE_STOP_SECONDS.saturating_add(model.drain_seconds).saturating_add(EXIT_SECONDS)
}

/// Failed startup probes before a start counts as failed.
pub(super) fn startup_failures(model: &Model) -> u32 {
    model.startup_seconds.div_ceil(STARTUP_PERIOD_SECONDS)
}

/// Longest time without progress of a rollout: where the new pod waits for the old one's GPUs, it
/// is the old pod's end, the image and the start.
pub(super) fn progress_deadline_seconds(model: &Model) -> u32 {
    grace_seconds(model).saturating_add(IMAGE_PULL_SECONDS).saturating_add(startup_failures(model).saturating_mul(STARTUP_PERIOD_SECONDS))
}
