//! How long a model's pod may take to start and to stop, in seconds.

/// Between the end of a pod's endpoint and the signal to its engine, in which proxies learn that
/// the endpoint is gone.
pub(super) const PRE_STOP_SECONDS: u32 = 15;
/// For the engine to end after the last answer.
const EXIT_SECONDS: u32 = 15;
/// To pull an engine's image of about ten gigabytes.
const IMAGE_PULL_SECONDS: u32 = 600;
/// Between two startup probes.
pub(super) const STARTUP_PERIOD_SECONDS: u32 = 10;

/// From the start of a pod's end to its kill: leaving the endpoints, the running answers, the end
/// of the process.
pub(super) fn grace_seconds(drain_seconds: u32) -> u32 {
    PRE_STOP_SECONDS.saturating_add(drain_seconds).saturating_add(EXIT_SECONDS)
}

/// Failed startup probes before a start counts as failed.
pub(super) fn startup_failures(startup_seconds: u32) -> u32 {
    startup_seconds.div_ceil(STARTUP_PERIOD_SECONDS).max(1)
}

/// Longest time without progress of a rollout: where the new pod waits for the old one's GPUs, it
/// is the old pod's end, the image and the start.
pub(super) fn progress_deadline_seconds(startup_seconds: u32, drain_seconds: u32) -> u32 {
    let start = startup_failures(startup_seconds).saturating_mul(STARTUP_PERIOD_SECONDS);
    grace_seconds(drain_seconds).saturating_add(IMAGE_PULL_SECONDS).saturating_add(start)
}

#[cfg(test)]
mod tests {
    use super::{STARTUP_PERIOD_SECONDS, grace_seconds, progress_deadline_seconds, startup_failures};

    #[test]
    fn the_grace_period_is_the_sum_of_its_parts() {
        assert_eq!(grace_seconds(30), 60);
        assert_eq!(grace_seconds(3600), 3630);
    }

    #[test]
    fn probes_cover_the_whole_start_and_the_deadline_covers_the_probes() {
        for startup in [0, 1, 9, 10, 11, 600, 3590, 3591, u32::MAX] {
            let probed = u64::from(startup_failures(startup)) * u64::from(STARTUP_PERIOD_SECONDS);
            assert!(probed >= u64::from(startup) && startup_failures(startup) >= 1, "{startup}");
            assert!(probed - u64::from(startup) <= 10, "{startup}");
            let deadline = u64::from(progress_deadline_seconds(startup, 30));
            assert!(deadline == probed + 60 + 600 || deadline == u64::from(u32::MAX), "{startup}");
        }
    }
}
