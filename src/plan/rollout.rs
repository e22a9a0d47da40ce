//! What a change does to the pods of each workload.

use std::collections::{BTreeMap, BTreeSet};

use super::immutable;
use super::objects::{Object, Objects, Pair};
use super::record::Side;
use super::renames::Renames;
use super::types::{Copies, Disruption, FieldChange, FreeGpus, GpuChange, Order, Restart, Rollout};
use super::words;
use super::workload::{Workload, scales};
use crate::diagnostic::redact;

/// Most reasons that are told.
const MOST_REASONS: usize = 5;

/// What the rollouts of a stack are computed from.
pub(super) struct Context<'a> {
    pub(super) old: &'a Side<'a>,
    pub(super) new: &'a Side<'a>,
    pub(super) old_objects: &'a Objects,
    pub(super) new_objects: &'a Objects,
    pub(super) renames: &'a Renames,
    pub(super) gpus: &'a BTreeMap<String, GpuChange>,
}

/// The rollout of one workload, with what a plan does not tell but a risk is made of.
pub(super) struct Move<'a> {
    pub(super) rollout: Rollout,
    pub(super) old: Option<Workload<'a>>,
    pub(super) new: Option<Workload<'a>>,
    /// Pool of the pods, and GPUs of it that are needed beside those that run.
    pub(super) needs: Option<(String, u64)>,
    /// Whether the number falls to one before an autoscaler raises it again.
    pub(super) falls_to_one: bool,
}

/// The rollouts of every workload that changes, sorted by name. `fields` are those of each pair.
pub(super) fn moves<'a>(cx: &Context<'a>, pairs: &[(Pair<'a>, Vec<FieldChange>)]) -> Vec<Move<'a>> {
    let replaced: BTreeSet<&str> = pairs
        .iter()
        .filter_map(|(pair, _)| pair.old.zip(pair.new))
        .filter(|(old, new)| old.kind == "PersistentVolumeClaim" && old.name == new.name && immutable::field(old, new).is_some())
        .map(|(_, new)| new.name.as_str())
        .collect();
    let mut moves: Vec<Move<'a>> = pairs.iter().filter_map(|(pair, fields)| cx.one(pair, fields, pairs, &replaced)).collect();
    moves.sort_by(|a, b| (&a.rollout.name, &a.rollout.route).cmp(&(&b.rollout.name, &b.rollout.route)));
    moves
}

impl<'a> Context<'a> {
    fn one(
        &self,
        pair: &Pair<'a>,
        fields: &[FieldChange],
        pairs: &[(Pair<'a>, Vec<FieldChange>)],
        replaced: &BTreeSet<&str>,
    ) -> Option<Move<'a>> {
        let old = pair.old.and_then(|object| Workload::of(object, &self.old_objects.list));
        let new = pair.new.and_then(|object| Workload::of(object, &self.new_objects.list));
        let shown = new.as_ref().or(old.as_ref())?;
        let (route, name) = (shown.route(), shown.block.to_owned());
        let renamed_from = old.as_ref().filter(|old| old.block != name).map(|old| old.block.to_owned());
        let scaling = pairs.iter().filter(|(pair, _)| {
            let of =
                |scaled: Option<&Object>, workload: Option<&Workload<'_>>| scaled.zip(workload).is_some_and(|(s, w)| scales(s, w.object));
            of(pair.old, old.as_ref()) || of(pair.new, new.as_ref())
        });
        let bounds = scaling.flat_map(|(_, fields)| fields).filter(|field| field.path.ends_with("ReplicaCount"));
        let (disruption, mut because, falls_to_one) = match (&old, &new) {
            (None, Some(new)) => (Disruption::Start(self.restart(None, new, Order::NewFirst, false)), vec!["it is new".to_owned()], false),
            (Some(old), None) => {
                let freed_gpus = old.copies.min.saturating_mul(old.gpus);
                (Disruption::Stop { pods: old.copies, freed_gpus }, vec!["it is removed".to_owned()], false)
            }
            (Some(old), Some(new)) => {
                // Whoever applies drops a field that it alone set, and the default is 1; see "Migrating
                // Deployments and StatefulSets to horizontal autoscaling" in Kubernetes' documentation.
                let falls_to_one = !old.is_scaled && new.is_scaled && old.copies.min > 1;
                let (disruption, because) = self.changed(old, new, fields, bounds, replaced)?;
                (disruption, because, falls_to_one)
            }
            (None, None) => return None,
        };
        if falls_to_one {
            because.push("`replicas` is left to the autoscaler, so the number falls to 1 until it acts".into());
        }
        // The names are a hand's work where the old tree is.
        let because = because.iter().map(|reason| redact(reason)).collect();
        let (route, name, renamed_from) = (redact(&route), redact(&name), renamed_from.map(|old| redact(&old)));
        let needs = new.as_ref().and_then(|new| Some((self.pool(self.new, new)?, self.needed(old.as_ref(), new, &disruption))));
        let needs = needs.filter(|(_, needed)| *needed > 0);
        Some(Move { rollout: Rollout { route, name, renamed_from, disruption, because }, old, new, needs, falls_to_one })
    }

    /// What becomes of a workload that was there and stays, and why; `None` where nothing does.
    fn changed<'f>(
        &self,
        old: &Workload<'_>,
        new: &Workload<'_>,
        fields: &'f [FieldChange],
        bounds: impl Iterator<Item = &'f FieldChange>,
        replaced: &BTreeSet<&str>,
    ) -> Option<(Disruption, Vec<String>)> {
        let within = |part: &str| -> Vec<&FieldChange> {
            let fields = words::telling(fields).into_iter();
            fields
                .filter(|field| field.path == part || field.path.strip_prefix(part).is_some_and(|rest| rest.starts_with(['.', '['])))
                .collect()
        };
        if let Some(field) = immutable::field(old.object, new.object) {
            let (reason, order) = match field.as_str() {
                "metadata.name" => (format!("its name changes from `{}` to `{}`", old.object.name, new.object.name), Order::SideBySide),
                "metadata.namespace" => {
                    (format!("it moves from `{}` to `{}`", old.object.full_name(), new.object.full_name()), Order::SideBySide)
                }
                field => (format!("`{field}` cannot be changed in place"), Order::OldFirst),
            };
            return Some((Disruption::Replace(self.restart(Some(old), new, order, false)), vec![reason]));
        }
        if let Some(claim) = new.claims.iter().find(|claim| replaced.contains(**claim)) {
            let reason = format!("its volume `{claim}` is replaced, which waits for the pods that mount it to end");
            return Some((Disruption::Replace(self.restart(Some(old), new, Order::OldFirst, false)), vec![reason]));
        }
        if old.object.value.pointer("/spec/template") != new.object.value.pointer("/spec/template") {
            let (surge, _) = new.rolling(new.copies.max);
            let order = if surge > 0 { Order::NewFirst } else { Order::OldFirst };
            return Some((Disruption::RollingRestart(self.restart(Some(old), new, order, true)), reasons(within("spec.template"))));
        }
        let bounds: Vec<&FieldChange> = within("spec.replicas").into_iter().chain(bounds).collect();
        if old.copies != new.copies || old.is_scaled != new.is_scaled {
            return Some((Disruption::Scale { from: old.copies, to: new.copies }, reasons(bounds)));
        }
        (!fields.is_empty()).then(|| (Disruption::None, reasons(words::telling(fields))))
    }

    /// Starting the pods of `new`, where those of `old` run: a few after the other when `is_rolling`,
    /// else all at once after all of the old.
    fn restart(&self, old: Option<&Workload<'_>>, new: &Workload<'_>, order: Order, is_rolling: bool) -> Restart {
        let pods = new.copies;
        let (surge, unavailable) = new.rolling(pods.max);
        let start = match order {
            Order::OldFirst => new.startup_seconds.saturating_add(new.grace_seconds),
            Order::NewFirst | Order::SideBySide => new.startup_seconds,
        };
        let rounds = if is_rolling { pods.max.div_ceil(surge.saturating_add(unavailable).max(1)) } else { 1 };
        // At the least number of pods, those that may be missing may be all.
        let (_, missing) = new.rolling(pods.min);
        let is_outage = match order {
            Order::SideBySide => true,
            Order::OldFirst | Order::NewFirst => old.is_some() && (!is_rolling || missing >= pods.min.max(1)),
        };
        let minutes = |seconds: u64| seconds.div_ceil(60);
        let disruption = |free_gpus| Restart {
            pods,
            gpus_per_pod: new.gpus,
            gpu_seconds: pods.max.saturating_mul(new.gpus).saturating_mul(new.startup_seconds),
            minutes_until_ready: minutes(rounds.saturating_mul(start)),
            order,
            outage_minutes: is_outage.then(|| minutes(start)),
            free_gpus,
        };
        if new.gpus == 0 {
            return disruption(None);
        }
        let pool = self.pool(self.new, new);
        let free = pool.as_ref().and_then(|pool| self.gpus.get(pool)).map_or(0, free);
        let needed = self.needed(old, new, &Disruption::RollingRestart(disruption(None)));
        disruption(Some(FreeGpus { pool, needed, free }))
    }

    /// GPUs of the new pods' pool that `disruption` needs beside those that run, at the greatest
    /// number of pods.
    fn needed(&self, old: Option<&Workload<'_>>, new: &Workload<'_>, disruption: &Disruption) -> u64 {
        let after = new.copies.max.saturating_mul(new.gpus);
        let Some(old) = old else { return after };
        let pool = self.pool(self.old, old).map(|pool| self.renames.pool.get(&pool).cloned().unwrap_or(pool));
        if pool != self.pool(self.new, new) {
            return after;
        }
        let more = after.saturating_sub(old.copies.max.saturating_mul(old.gpus));
        match disruption {
            Disruption::None | Disruption::Stop { .. } => 0,
            Disruption::Scale { .. } => more,
            Disruption::Start(restart) | Disruption::Replace(restart) | Disruption::RollingRestart(restart) => match restart.order {
                Order::SideBySide => after,
                Order::OldFirst => more,
                Order::NewFirst => more.saturating_add(new.rolling(new.copies.max).0.saturating_mul(new.gpus)),
            },
        }
    }

    /// The pool that the pods of a model run on.
    fn pool(&self, side: &Side<'_>, workload: &Workload<'_>) -> Option<String> {
        let spec = side.spec().filter(|_| workload.component == Some("model"))?;
        spec.model.get(workload.block).map(|model| model.place.pool.clone())
    }
}

/// GPUs that are free in a pool with all copies running as they stand, with the nodes that are new.
pub(super) fn free(pool: &GpuChange) -> u64 {
    pool.available[0].max(pool.available[1]).saturating_sub(pool.max[0])
}

fn reasons(fields: Vec<&FieldChange>) -> Vec<String> {
    let more = fields.len().saturating_sub(MOST_REASONS);
    let mut reasons: Vec<String> = fields.into_iter().take(MOST_REASONS).map(words::change).collect();
    if more > 0 {
        reasons.push(words::count(more, "more field"));
    }
    reasons
}

impl Move<'_> {
    /// Number of pods before and after.
    pub(super) fn copies(&self) -> (Option<Copies>, Option<Copies>) {
        (self.old.as_ref().map(|old| old.copies), self.new.as_ref().map(|new| new.copies))
    }
}
