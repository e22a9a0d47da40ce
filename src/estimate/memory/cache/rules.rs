//! Which rules a version of vLLM follows.
//!
//! Every method names one rule, the versions that have it and the file of the package `vllm` in which
//! it stands. They were found by comparing the functions of the 49 releases from 0.8.0 to 0.33.0.

use semver::Version;

/// The rules of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    version: (u64, u64, u64),
}

impl Rules {
    /// The rules of `version`, or why they are not known.
    pub(super) fn of(version: &Version) -> Result<Self, String> {
        let rules = Self { version: (version.major, version.minor, version.patch) };
        if rules.since(0, 8, 0) && !rules.since(0, 34, 0) {
            Ok(rules)
        } else {
            Err(format!("how vLLM {version} lays out its cache (known: 0.8.0 to 0.33.0)"))
        }
    }

    /// Whether the version is this one or a later one.
    pub(super) fn since(self, major: u64, minor: u64, patch: u64) -> bool {
        self.version >= (major, minor, patch)
    }

    /// Windows have a cache of their own, 0.8.3 (`v1/worker/gpu_model_runner.py`, `get_kv_cache_spec`).
    pub(super) fn has_windows(self) -> bool {
        self.since(0, 8, 3)
    }

    /// Chunks have a cache of their own, 0.10.0 (same place).
    pub(super) fn has_chunks(self) -> bool {
        self.since(0, 10, 0)
    }

    /// Layers of several kinds share one pool in groups, 0.9.1 (`v1/core/kv_cache_utils.py`). Since
    /// 0.10.1 the groups are off for models with chunks (`config/vllm.py`, `__post_init__`).
    pub(super) fn has_groups(self, chunks: bool) -> bool {
        self.since(0, 9, 1) && !(chunks && self.since(0, 10, 1))
    }

    /// Groups are made for the whole model and then cut by stage, 0.11.0 (`get_kv_cache_configs`);
    /// before, each stage made its own.
    pub(super) fn groups_whole_model(self) -> bool {
        self.since(0, 11, 0)
    }

    /// Layers of one kind may differ in size and still be one group, 0.11.0 (`UniformTypeKVCacheSpecs`).
    pub(super) fn mixes_sizes(self) -> bool {
        self.since(0, 11, 0)
    }

    /// A stage of such a group counts only its own layers, 0.17.0 (`_project_kv_cache_groups_to_worker`).
    pub(super) fn cuts_mixed_groups(self) -> bool {
        self.since(0, 17, 0)
    }

    /// Attention comes before states in the order of layers, until 0.11.0 (`get_kv_cache_spec`).
    pub(super) fn states_come_last(self) -> bool {
        !self.since(0, 11, 1)
    }

    /// The group is as large as the largest kind when that is not much more than the smallest: below
    /// 5/4 of it in 0.12.0, below 3/2 in 0.18.0 (`_get_kv_cache_groups_uniform_page_size`).
    pub(super) fn close_counts(self) -> Option<(u64, u64)> {
        if self.since(0, 18, 0) {
            Some((3, 2))
        } else if self.since(0, 12, 0) {
            Some((5, 4))
        } else {
            None
        }
    }

    /// Pages of different sizes are made equal by larger blocks, 0.12.0 (`unify_kv_cache_spec_page_size`).
    pub(super) fn equalizes_pages(self) -> bool {
        self.since(0, 12, 0)
    }

    /// Pages of attention that no whole factor makes equal are padded, 0.24.0 (same function).
    pub(super) fn pads_attention_pages(self) -> bool {
        self.since(0, 24, 0)
    }

    /// Pages of states are padded there too, 0.26.0.
    pub(super) fn pads_state_pages(self) -> bool {
        self.since(0, 26, 0)
    }

    /// Tokens of several steps at once count for windows, 0.26.0 (`config/vllm.py`, `max_in_flight_tokens`).
    pub(super) fn counts_steps_in_flight(self) -> bool {
        self.since(0, 26, 0)
    }

    /// Steps overlap unless told otherwise, 0.14.0 (`config/vllm.py`, `__post_init__`).
    pub(super) fn overlaps_steps(self) -> bool {
        self.since(0, 14, 0)
    }

    /// Prefixes are kept by default in models with states, 0.26.0 (`config/model.py`,
    /// `is_prefix_caching_supported`).
    pub(super) fn keeps_prefixes_of_states(self) -> bool {
        self.since(0, 26, 0)
    }

    /// The longest request can be left to the engine (`-1`), 0.14.0 (`_auto_fit_max_model_len`).
    pub(super) fn fits_length(self) -> bool {
        self.since(0, 14, 0)
    }

    /// How the check of one request counts (`_check_enough_kv_cache_memory` and what it is given).
    pub(super) fn need(self) -> Need {
        if self.since(0, 29, 0) {
            Need::Blocks
        } else if self.since(0, 19, 0) {
            Need::Groups
        } else if self.since(0, 14, 0) {
            Need::FirstGroup
        } else {
            Need::Layers
        }
    }

    /// The check counts the groups of the whole model on each stage, 0.14.0 to 0.16.0.
    pub(super) fn checks_whole_model(self) -> bool {
        self.since(0, 14, 0) && !self.since(0, 17, 0)
    }

    /// One block is held back in the checks, 0.29.0 (`get_kv_cache_configs`: the null block).
    pub(super) fn holds_back_a_block(self) -> bool {
        self.since(0, 29, 0)
    }

    /// States limit the requests when whole steps are captured as graphs, 0.20.0
    /// (`config/compilation.py`, `resolve_cudagraph_mode_and_sizes`).
    pub(super) fn checks_states(self) -> bool {
        self.since(0, 20, 0)
    }

    /// How the size in tokens is logged.
    pub(super) fn logged(self) -> Logged {
        if self.since(0, 20, 1) {
            Logged::Concurrency
        } else if self.since(0, 9, 1) {
            Logged::SmallestBlock
        } else {
            Logged::Blocks
        }
    }
}

/// What one request of full length is said to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The pages of each layer, as they are before layers are grouped.
    Layers,
    /// Blocks of the first group, times the pages of a group.
    FirstGroup,
    /// Blocks of every group, times the pages of a group; layer by layer with one group of several sizes.
    Groups,
    /// Blocks of every group, times the bytes of a block.
    Blocks,
}

/// How "GPU KV cache size: N tokens" is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logged {
    /// Blocks times their tokens; concurrency is that divided by the longest request.
    Blocks,
    /// Blocks over groups, rounded down, times the smallest block.
    SmallestBlock,
    /// Concurrency times the longest request (`get_kv_cache_capacity`).
    Concurrency,
}
