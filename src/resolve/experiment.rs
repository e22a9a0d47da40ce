//! Experiments: weights and steps to whole parts of all users.

use std::collections::BTreeMap;

use crate::spec::{self, Spec};
use crate::stack::{Arm, Experiment, PARTS};

/// The experiment `name`; none where it names something that is not there, or where its weights are no
/// shares of all users, which checks report.
pub(super) fn resolve(name: &str, experiment: &spec::Experiment, spec: &Spec) -> Option<Experiment> {
    let route = spec.route.get(&experiment.route)?;
    let prompt = spec.prompt.get(&route.prompt)?;
    let control = experiment.variant.get(&experiment.control)?;
    let others_percent = 100.0 - control.weight;
    let ramp = if experiment.ramp.is_empty() { vec![others_percent] } else { experiment.ramp.clone() };
    let step_percent = *ramp.get(usize::try_from(experiment.step).ok()?.checked_sub(1)?)?;
    let mut arms = BTreeMap::new();
    for (arm, variant) in &experiment.variant {
        prompt.version.get(&variant.prompt)?;
        let slot_parts = parts(variant.weight)?;
        // Rounded down, so that a larger step never takes a part away and no arm leaves its slot.
        let active = (f64::from(slot_parts) * (step_percent / others_percent).min(1.0) + 1e-9).floor();
        arms.insert(arm.clone(), Arm { version: variant.prompt.clone(), slot_parts, active_parts: active as u32 });
    }
    let is_whole = arms.values().map(|arm| u64::from(arm.slot_parts)).sum::<u64>() == u64::from(PARTS);
    is_whole.then(|| Experiment {
        name: name.to_owned(),
        route: experiment.route.clone(),
        prompt: route.prompt.clone(),
        state: experiment.state,
        arms,
        control: experiment.control.clone(),
        metrics: experiment.metric.clone(),
        guards: experiment.guard.clone(),
        power: experiment.power,
        alpha: experiment.alpha,
        at_least: experiment.at_least,
        users_per_day: experiment.users_per_day,
        ramp,
        step: experiment.step,
        revision: experiment.revision,
        holdout: experiment.holdout.clone(),
        audience: experiment.audience.clone(),
        starts: experiment.starts,
        ends: experiment.ends,
    })
}

/// `percent` in whole parts; none where it is none.
fn parts(percent: f64) -> Option<u32> {
    let parts = percent * f64::from(PARTS) / 100.0;
    ((parts - parts.round()).abs() < 1e-6 && parts >= 1.0).then(|| parts.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn percents_are_whole_parts_or_none() {
        assert_eq!([parts(30.0), parts(0.01), parts(33.33), parts(29.9)], [Some(3000), Some(1), Some(3333), Some(2990)]);
        assert_eq!([parts(0.005), parts(33.333), parts(-1.0), parts(f64::NAN)], [None; 4]);
    }
}
