//! What differs between two releases of vLLM.

use std::collections::BTreeMap;

use semver::Version;

use super::data::DATA;
use super::metrics;
use crate::engine::{Changes, DefaultChange, Flag, FlagChange, MetricChange, ReleasedMetric};

/// Everything that differs, in either direction.
pub(super) fn between(from: &Version, to: &Version) -> Changes {
    Changes { flags: flags(from, to), metrics: metrics_between(from, to), defaults: defaults(from, to) }
}

fn flags_of(version: &Version) -> BTreeMap<&'static str, &'static Flag> {
    DATA.flags.iter().filter(|row| row.holds(version)).map(|row| (row.value.name, &row.value)).collect()
}

fn flags(from: &Version, to: &Version) -> Vec<(&'static str, FlagChange)> {
    let (old, new) = (flags_of(from), flags_of(to));
    let mut changes = Vec::new();
    for (name, before) in &old {
        let Some(after) = new.get(name) else {
            let successor = DATA.successors.iter().find(|(flag, _)| flag == name).map(|(_, successor)| successor.clone());
            changes.push((*name, FlagChange::Removed(successor.filter(|_| from < to))));
            continue;
        };
        changes.extend(flag(before, after).into_iter().map(|change| (*name, change)));
    }
    changes.extend(new.keys().filter(|name| !old.contains_key(*name)).map(|name| (*name, FlagChange::Added)));
    changes.sort_by_key(|(name, _)| *name);
    changes
}

fn flag(before: &Flag, after: &Flag) -> Vec<FlagChange> {
    let mut changes = Vec::new();
    if before.default != after.default {
        changes.push(FlagChange::Default { from: before.default, to: after.default });
    }
    let missing = |of: &Flag, among: &Flag| of.choices.iter().copied().filter(|word| !among.choices.contains(word)).collect::<Vec<_>>();
    let (gone, new) = (missing(before, after), missing(after, before));
    // An empty list of choices means that any word is taken.
    if (!gone.is_empty() && !after.choices.is_empty()) || (!new.is_empty() && !before.choices.is_empty()) {
        changes.push(FlagChange::Choices { gone, new });
    }
    if before.kind != after.kind {
        changes.push(FlagChange::Kind { from: before.kind, to: after.kind });
    }
    if after.deprecated && !before.deprecated {
        changes.push(FlagChange::Deprecated);
    }
    changes
}

fn metrics_of(version: &Version) -> BTreeMap<&'static str, &'static ReleasedMetric> {
    let there = DATA.metrics.iter().filter(|row| row.holds(version) && row.value.shown != "hidden");
    there.map(|row| (row.value.name, &row.value)).collect()
}

fn metrics_between(from: &Version, to: &Version) -> Vec<(&'static str, MetricChange)> {
    let (old, new) = (metrics_of(from), metrics_of(to));
    let renames = metrics::renames(from, to);
    let mut changes: Vec<(&'static str, MetricChange)> = Vec::new();
    for (name, before) in &old {
        // Both names may be there for some releases; the signal follows the new one.
        if let Some(renamed) = renames.get(name) {
            changes.push((*name, MetricChange::Renamed(renamed)));
        }
        match new.get(name) {
            None if renames.contains_key(name) => {}
            None => changes.push((*name, MetricChange::Removed)),
            Some(after) => {
                if before.labels != after.labels {
                    changes.push((*name, MetricChange::Labels { from: before.labels, to: after.labels }));
                }
                if before.buckets != after.buckets {
                    changes.push((*name, MetricChange::Buckets { from: before.buckets, to: after.buckets }));
                }
            }
        }
    }
    let added = new.keys().filter(|name| !old.contains_key(*name) && !renames.values().any(|renamed| renamed == *name));
    changes.extend(added.map(|name| (*name, MetricChange::Added)));
    changes.sort_by_key(|(name, _)| *name);
    changes
}

/// Defaults that are decided in code, by setting.
pub(super) fn defaults_of(version: &Version) -> BTreeMap<&'static str, &'static str> {
    DATA.defaults.iter().filter(|row| row.holds(version)).map(|row| row.value).collect()
}

fn defaults(from: &Version, to: &Version) -> Vec<DefaultChange> {
    let (old, new) = (defaults_of(from), defaults_of(to));
    let both = old.iter().filter_map(|(setting, before)| Some((*setting, *before, *new.get(setting)?)));
    both.filter(|(_, before, after)| before != after).map(|(setting, from, to)| DefaultChange { setting, from, to }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::engine::Successor;
    use crate::estimate::memory::{Setup, overhead, prove};

    fn changes(from: &str, to: &str) -> Changes {
        let version = |text| Version::parse(text).expect("a version");
        between(&version(from), &version(to))
    }

    #[test]
    fn a_release_does_not_differ_from_itself() {
        for version in &DATA.releases {
            assert_eq!(between(version, version), Changes::default(), "{version}");
        }
    }

    #[test]
    fn an_upgrade_and_the_way_back() {
        let up = changes("0.11.0", "0.33.0");
        assert!(
            up.flags.contains(&("--swap-space", FlagChange::Removed(Some(Successor::Drop("the V1 engine does not swap to CPU memory")))))
        );
        assert!(up.flags.contains(&("--shutdown-timeout", FlagChange::Added)));
        assert!(up.flags.contains(&("--gpu-memory-utilization", FlagChange::Default { from: Some("0.9"), to: Some("0.92") })));
        assert!(up.metrics.contains(&("vllm:time_per_output_token_seconds", MetricChange::Removed)));
        assert!(up.defaults.contains(&DefaultChange { setting: "gpu-memory-utilization", from: "0.9", to: "0.92" }));
        let down = changes("0.33.0", "0.11.0");
        assert!(down.flags.contains(&("--swap-space", FlagChange::Added)));
        assert!(down.flags.contains(&("--shutdown-timeout", FlagChange::Removed(None))));
    }

    /// The words of the table and the rules of the memory proof are two places; each release holds them
    /// against each other.
    #[test]
    fn the_memory_proof_follows_the_defaults_of_each_release() {
        let facts = catalog::model("meta-llama/Llama-3.1-8B-Instruct").expect("a model of the catalogue");
        for (version, card) in DATA.releases.iter().flat_map(|version| ["h100-80gb-sxm", "b200-180gb-sxm"].map(|card| (version, card))) {
            let defaults = defaults_of(version);
            let mut setup = Setup::new(version.clone(), facts, catalog::gpu(card).expect("a GPU of the catalogue").into());
            let most = if card.starts_with("b200") { 1024 } else { 512 };
            for requests in [100, 256, 1024] {
                setup.max_num_seqs = requests;
                let by_eight_to = |most: u64| [1, 2, 4].into_iter().chain((8..=most).step_by(8)).collect::<Vec<_>>();
                let wider =
                    |most: u64| [1, 2, 4].into_iter().chain((8..256.min(most + 1)).step_by(8)).chain((256..=most).step_by(16)).collect();
                let sizes: Vec<u64> = match defaults["cudagraph-capture-sizes"] {
                    "1, 2, 4, then by 8 up to 512" => by_eight_to(512),
                    "1, 2, 4, then by 8 up to 2 * max-num-seqs, at most 512" => by_eight_to(512.min(2 * requests)),
                    "1, 2, 4, by 8 up to 256, by 16 up to 2 * max-num-seqs, at most 512" => wider(512.min(2 * requests)),
                    "1, 2, 4, by 8 up to 256, by 16 up to 2 * max-num-seqs, at most 512 (1024 on B200)" => wider(most.min(2 * requests)),
                    other => panic!("{version}: the proof has no rule for {other}"),
                };
                assert_eq!(overhead::captured(&setup), sizes, "{version} on {card} with {requests} requests");
            }
            let counts_graphs = overhead::per_stage(&setup).expect("an overhead")[0].graphs_in_budget;
            assert_eq!(counts_graphs, defaults["memory-profiler-estimates-cudagraphs"] == "on", "{version}");
            assert_eq!(defaults["block-size"], "16", "{version}: the cache is cut into blocks of 16 tokens");
            // What overlaps shows where the proof counts steps in flight, and nowhere else.
            let with = |overlaps| prove(&Setup { async_scheduling: overlaps, ..setup.clone() });
            let by_default = with(Some(!defaults["async-scheduling"].starts_with("off")));
            assert_eq!(with(None), by_default, "{version}: async-scheduling");
        }
    }

    #[test]
    fn a_renamed_metric_is_one_change() {
        let change = changes("0.9.1", "0.12.0").metrics;
        let renamed = ("vllm:gpu_cache_usage_perc", MetricChange::Renamed("vllm:kv_cache_usage_perc"));
        assert!(change.contains(&renamed), "{change:?}");
        assert!(!change.iter().any(|(name, _)| *name == "vllm:kv_cache_usage_perc"), "{change:?}");
    }
}
