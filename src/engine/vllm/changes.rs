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
    use crate::engine::Successor;

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

    #[test]
    fn a_renamed_metric_is_one_change() {
        let change = changes("0.9.1", "0.12.0").metrics;
        let renamed = ("vllm:gpu_cache_usage_perc", MetricChange::Renamed("vllm:kv_cache_usage_perc"));
        assert!(change.contains(&renamed), "{change:?}");
        assert!(!change.iter().any(|(name, _)| *name == "vllm:kv_cache_usage_perc"), "{change:?}");
    }
}
