//! vLLM's OpenAI-compatible server.

mod changes;
mod data;
mod drain;
mod flags;
mod memory;
mod metrics;
mod parser;

use semver::Version;

use std::collections::BTreeMap;

use super::{Changes, Engine, Flag, FlagFault, Metrics, Setting, Signal, User};
use crate::estimate::memory::Setup;
use crate::stack::{Model, Pool};

/// vLLM.
pub(super) struct Vllm;

/// First version with `--shutdown-timeout`, without which a stop cuts running answers off
/// (KServe's gate; vLLM 0.32.0 was seen to finish a stream with it and to cut one without).
const SHUTDOWN_TIMEOUT_SINCE: Version = Version::new(0, 18, 0);

/// Home of the image's own user.
const HOME: &str = "/home/vllm";
/// Where the cache volume is mounted.
const CACHE: &str = "/models";

impl Engine for Vllm {
    fn name(&self) -> &'static str {
        "vllm"
    }

    fn releases(&self) -> &'static [Version] {
        &data::DATA.releases
    }

    fn flag(&self, version: &Version, written: &str) -> Option<&'static Flag> {
        parser::find(version, written).ok().map(|found| found.flag)
    }

    fn flag_names(&self, version: &Version) -> Vec<&'static str> {
        parser::names(version)
    }

    fn defaults(&self, version: &Version) -> BTreeMap<&'static str, &'static str> {
        changes::defaults_of(version)
    }

    fn changes(&self, from: &Version, to: &Version) -> Changes {
        changes::between(from, to)
    }

    fn default_image(&self, version: &Version) -> String {
        format!("vllm/vllm-openai:v{version}")
    }

    fn command(&self) -> &'static [&'static str] {
        // Images of old versions start another program, which knows no model as an argument.
        &["vllm", "serve"]
    }

    fn arguments(&self, model: &Model) -> Vec<String> {
        flags::arguments(model, self.drains_on_stop(&model.engine_version), self.port())
    }

    fn memory_setup<'a>(&self, model: &'a Model, pool: &Pool) -> Result<Setup<'a>, Vec<String>> {
        memory::setup(model, pool)
    }

    fn stated_cache_since(&self) -> Version {
        // `--kv-cache-memory-bytes` in `vllm/engine/arg_utils.py` of the wheels 0.10.1.1 and 0.10.2.
        Version::new(0, 10, 2)
    }

    fn environment(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            // Every cache but the weights' goes below the home.
            ("HOME", HOME),
            // PyTorch names a folder after the user, whom old images do not know by the number.
            ("USER", "vllm"),
            ("HF_HOME", CACHE),
            ("VLLM_CACHE_ROOT", "/home/vllm/.cache/vllm"),
            ("TRITON_CACHE_DIR", "/home/vllm/.triton"),
            ("VLLM_NO_USAGE_STATS", "1"),
            ("DO_NOT_TRACK", "1"),
        ]
    }

    fn user(&self) -> User {
        // The image has a user `vllm` with these numbers and is supported for members of group 0
        // only (vLLM's page on Docker, "Run as a non-root user").
        User { id: 2000, group: 0 }
    }

    fn home_path(&self) -> &'static str {
        HOME
    }

    fn cache_path(&self) -> &'static str {
        CACHE
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

    fn words(&self, version: &Version, setting: Setting) -> Option<Vec<&'static str>> {
        parser::words(version, setting)
    }

    fn argument_fault(&self, version: &Version, flag: &str, value: Option<&str>, others: &[String]) -> Option<FlagFault> {
        parser::fault(version, flag, value, others)
    }

    fn drains_on_stop(&self, version: &Version) -> bool {
        *version >= SHUTDOWN_TIMEOUT_SINCE
    }

    fn drain_command(&self, model: &Model, delay_seconds: u32) -> Option<Vec<String>> {
        if self.drains_on_stop(&model.engine_version) {
            return None;
        }
        let metrics = self.metrics(&model.engine_version);
        let gauges: Vec<&str> = [Signal::Running, Signal::Waiting].into_iter().filter_map(|s| metrics.get(s)).map(|m| m.name).collect();
        let url = format!("http://127.0.0.1:{}{}", self.port(), self.metrics_path());
        Some(drain::command(&url, &gauges, delay_seconds, model.drain_seconds))
    }
}
