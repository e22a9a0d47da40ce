//! vLLM's OpenAI-compatible server.

mod flags;
mod metrics;

use semver::Version;

use super::{Engine, FlagFault, Metrics};
use crate::stack::Model;

/// vLLM.
pub(super) struct Vllm;

/// First version with `--shutdown-timeout`, without which a stop cuts running answers off
/// (KServe's gate; vLLM 0.32.0 was seen to finish a stream with it and to cut one without).
const SHUTDOWN_TIMEOUT_SINCE: Version = Version::new(0, 18, 0);

impl Engine for Vllm {
    fn name(&self) -> &'static str {
        "vllm"
    }

    fn known_versions(&self) -> (Version, Version) {
        (Version::new(0, 8, 5), Version::new(0, 32, 0))
    }

    fn default_image(&self, version: &Version) -> String {
        format!("vllm/vllm-openai:v{version}")
    }

    fn arguments(&self, model: &Model) -> Vec<String> {
        flags::arguments(model, self.drains_on_stop(&model.engine_version), self.port())
    }

    fn environment(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            // A non-root user has no home of its own in the image; every cache goes below this.
            ("HOME", "/home/vllm"),
            ("HF_HOME", "/models"),
            ("VLLM_CACHE_ROOT", "/home/vllm/.cache/vllm"),
            ("TRITON_CACHE_DIR", "/home/vllm/.triton"),
            ("VLLM_NO_USAGE_STATS", "1"),
            ("DO_NOT_TRACK", "1"),
        ]
    }

    fn hub_token_variable(&self) -> &'static str {
        "HF_TOKEN"
    }

    fn port(&self) -> u16 {
        8000
    }

    fn health_path(&self) -> &'static str {
        // Opens only after the engine is initialised and answers 503 once it is dead, while
        // `/v1/models` stays 200 then (vllm#50282, gpustack#6203).
        "/health"
    }

    fn metrics_path(&self) -> &'static str {
        // Without a slash at the end: `/metrics/` answers with `vllm_` in place of `vllm:`.
        "/metrics"
    }

    fn metrics(&self, version: &Version) -> Metrics {
        metrics::of(version)
    }

    fn flag_fault(&self, version: &Version, flag: &str) -> Option<FlagFault> {
        flags::fault(version, flag)
    }

    fn drains_on_stop(&self, version: &Version) -> bool {
        *version >= SHUTDOWN_TIMEOUT_SINCE
    }
}
