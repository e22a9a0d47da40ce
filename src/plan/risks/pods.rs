//! Rollouts: outages, GPUs that are missing, volumes that are made anew.

use std::collections::BTreeMap;

use super::{Found, View, list};
use crate::plan::immutable;
use crate::plan::rollout::{Move, free};
use crate::plan::types::{Disruption, Order, RiskLevel};
use crate::plan::words;

pub(super) fn risks(view: &View<'_>, found: &mut Found) {
    for one in view.moves {
        outage(one, found);
    }
    gpus(view, found);
    volumes(view, found);
    for one in view.moves {
        copies(one, found);
    }
}

/// What runs, such as `` `llama-70b` ``.
fn name(one: &Move<'_>) -> String {
    let is_guardrails = one.rollout.route.starts_with("/guardrails/");
    format!("{}`{}`", if is_guardrails { "the guardrails server " } else { "" }, one.rollout.name)
}

fn outage(one: &Move<'_>, found: &mut Found) {
    let (Disruption::RollingRestart(restart) | Disruption::Replace(restart)) = &one.rollout.disruption else { return };
    let Some(minutes) = restart.outage_minutes else { return };
    let name = name(one);
    let message = match restart.order {
        Order::SideBySide => format!(
            "{name} serves nobody for up to {minutes} min: Argo CD and Flux delete the old pods without waiting for the new ones to be ready"
        ),
        Order::OldFirst | Order::NewFirst => {
            format!("{name} serves nobody for up to {minutes} min: its last old pod ends before a new one is ready")
        }
    };
    found.add(RiskLevel::High, &one.rollout.route, message);
}

/// Pools that cannot hold all that runs and starts at once.
fn gpus(view: &View<'_>, found: &mut Found) {
    let mut by_pool: BTreeMap<&str, Vec<(&Move<'_>, u64)>> = BTreeMap::new();
    for one in view.moves {
        if let Some((pool, needed)) = &one.needs {
            by_pool.entry(pool).or_default().push((one, *needed));
        }
    }
    for (pool, moves) in by_pool {
        let needed = moves.iter().fold(0, |sum: u64, (_, needed)| sum.saturating_add(*needed));
        let free = view.gpus.get(pool).map_or(0, free);
        if needed <= free {
            continue;
        }
        let names = list(moves.iter().map(|(one, _)| one.rollout.name.as_str()));
        let stops = view.moves.iter().filter(|one| matches!(one.rollout.disruption, Disruption::Stop { .. }));
        let stops: Vec<&str> = stops.map(|one| one.rollout.name.as_str()).collect();
        let until = if stops.is_empty() { String::new() } else { format!(" until {} has stopped", list(stops)) };
        let is_rolling =
            |(one, _): &(&Move<'_>, u64)| matches!(one.rollout.disruption, Disruption::RollingRestart(_) | Disruption::Scale { .. });
        let level = if moves.iter().all(is_rolling) { RiskLevel::Medium } else { RiskLevel::High };
        let verb = if free == 1 { "is" } else { "are" };
        let message = format!(
            "{names}: {} must be free in pool `{pool}` beside those in use, and {free} {verb}{until}; pods wait until they are",
            words::count(needed, "GPU")
        );
        found.add(level, &format!("/pool/{pool}"), message);
    }
}

/// Objects that cannot be changed in place, and claims that are made anew with the weights in them.
fn volumes(view: &View<'_>, found: &mut Found) {
    for (pair, _) in view.pairs {
        let Some((old, new)) = pair.old.zip(pair.new) else { continue };
        let Some(field) = immutable::field(old, new) else { continue };
        let block = new.label("app.kubernetes.io/name").unwrap_or(&new.name);
        let route = if new.label("app.kubernetes.io/component") == Some("model") { format!("/model/{block}") } else { String::new() };
        let is_same = old.full_name() == new.full_name();
        let by_hand = "Argo CD and Flux stop there, so delete it when its pods may end";
        let message = match (new.kind.as_str(), is_same) {
            ("PersistentVolumeClaim", true) => {
                format!(
                    "the volume of `{block}` is replaced, since `{field}` cannot be changed in place: {by_hand}; the weights are downloaded again"
                )
            }
            ("PersistentVolumeClaim", false) => format!("the volume of `{block}` is a new one: the weights are downloaded again"),
            (kind, true) => format!("{kind} `{}` is replaced, since `{field}` cannot be changed in place: {by_hand}", new.full_name()),
            (_, false) => continue,
        };
        found.add(RiskLevel::Medium, &route, message);
    }
}

fn copies(one: &Move<'_>, found: &mut Found) {
    let (name, route) = (name(one), &one.rollout.route);
    let (before, after) = one.copies();
    if let (true, Some(before), Some(new)) = (one.falls_to_one, before, &one.new) {
        let message = format!(
            "{name} falls from {} copies to 1 for up to {} min: without `replicas` its Deployment has one until the autoscaler's are ready",
            before.min,
            new.startup_seconds.div_ceil(60)
        );
        found.add(RiskLevel::Medium, route, message);
    }
    if let (Some(before), Some(after)) = (before, after) {
        if before.min >= 2 && after.min < 2 {
            let message =
                format!("{name} may run as a single copy, before as {}: the end of one pod or node is an outage", words::copies(before));
            found.add(RiskLevel::Medium, route, message);
        } else if after.max < before.max {
            found.add(RiskLevel::Low, route, format!("{name} has at most {} copies, before {}", after.max, before.max));
        }
    }
}
