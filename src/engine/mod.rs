//! Serving engines: flags, probes, metrics and limits of each, behind one trait.
//!
//! Emitters never ask which engine they deal with; they ask the engine. Adding one is a folder
//! here, a variant of [`EngineName`], and a line in [`of`].

mod metrics;
mod release;
mod vllm;

use std::collections::BTreeMap;

use semver::Version;

pub use metrics::{Metric, MetricKind, Metrics, Signal};
pub use release::{Changes, DefaultChange, Flag, FlagChange, FlagFault, FlagKind, MetricChange, ReleasedMetric, Successor, ValueType};

use crate::estimate::memory::Setup;
use crate::stack::{EngineName, Model, Pool};

/// What the compiler needs to know about a serving engine.
pub trait Engine: Sync {
    /// Its name, for labels and messages.
    fn name(&self) -> &'static str;
    /// Releases whose flags and metrics are known, ascending and at least one.
    fn releases(&self) -> &'static [Version];
    /// The option that `written` means to a version: its name, another name, its other side, the
    /// beginning of its name, or one key of its JSON.
    fn flag(&self, version: &Version, written: &str) -> Option<&'static Flag>;
    /// Names of all options of a version, sorted.
    fn flag_names(&self, version: &Version) -> Vec<&'static str>;
    /// What a version assumes where its code decides, by setting.
    fn defaults(&self, version: &Version) -> BTreeMap<&'static str, &'static str>;
    /// What differs between two releases, in either direction.
    fn changes(&self, from: &Version, to: &Version) -> Changes;
    /// The project's own image of a version.
    fn default_image(&self, version: &Version) -> String;
    /// The program of the container, so that an image's own entry point does not decide it.
    fn command(&self) -> &'static [&'static str];
    /// The complete argument list of the container.
    fn arguments(&self, model: &Model) -> Vec<String>;
    /// Environment of the container, without secrets.
    fn environment(&self) -> Vec<(&'static str, &'static str)>;
    /// What the memory proof is asked about `model` on the GPUs of `pool`.
    ///
    /// # Errors
    /// What is not known about the model, in words.
    fn memory_setup<'a>(&self, model: &'a Model, pool: &Pool) -> Result<Setup<'a>, Vec<String>>;
    /// First version that takes the size of the KV cache in bytes.
    fn stated_cache_since(&self) -> Version;
    /// Numeric user and group that the image is prepared for; the user is never root.
    fn user(&self) -> User;
    /// Folder that must be writable and may be lost with a pod: home, and compiled kernels.
    fn home_path(&self) -> &'static str;
    /// Folder of the downloaded weights, which should outlive a pod.
    fn cache_path(&self) -> &'static str;
    /// Variable that holds the token of the model hub.
    fn hub_token_variable(&self) -> &'static str;
    /// Port of the API and the metrics.
    fn port(&self) -> u16;
    /// Path that answers 200 once requests are served, and fails when the engine is dead.
    fn health_path(&self) -> &'static str;
    /// Path of the metrics.
    fn metrics_path(&self) -> &'static str;
    /// What a version measures, and under which names.
    fn metrics(&self, version: &Version) -> Metrics;
    /// Why an argument, `flag` with its dashes and its value if it has one, must not be among
    /// `others`, a model's own arguments.
    fn argument_fault(&self, version: &Version, flag: &str, value: Option<&str>, others: &[String]) -> Option<FlagFault>;
    /// The words that a setting takes in a version; `None` where they are not known.
    fn words(&self, version: &Version, setting: Setting) -> Option<Vec<&'static str>>;
    /// Whether running answers are finished on SIGTERM by the engine itself.
    fn drains_on_stop(&self, version: &Version) -> bool;
    /// Command that waits `delay_seconds` and then, for at most the model's drain time, until no
    /// answer is running; for a version that does not drain by itself.
    fn drain_command(&self, model: &Model, delay_seconds: u32) -> Option<Vec<String>>;
}

/// Whom the container's processes run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Numeric user.
    pub id: u32,
    /// Numeric group, which also owns the volumes.
    pub group: u32,
}

/// A setting that takes one of a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// How weights are quantized.
    Quantization,
    /// Type of the KV cache.
    KvCacheDtype,
}

/// The engine of that name.
pub fn of(name: EngineName) -> &'static dyn Engine {
    match name {
        EngineName::Vllm => &vllm::Vllm,
    }
}

/// The releases next to `version`: the last before it and the first after it, or itself. A release
/// candidate counts as its release.
pub fn nearest(releases: &[Version], version: &Version) -> Vec<Version> {
    let version = Version::new(version.major, version.minor, version.patch);
    if releases.contains(&version) {
        return vec![version];
    }
    let before = releases.iter().rev().find(|r| **r < version);
    let after = releases.iter().find(|r| **r > version);
    before.into_iter().chain(after).cloned().collect()
}
