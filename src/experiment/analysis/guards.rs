//! What must not get worse: is the loss surely below what is let pass?
//!
//! With `w` for what is let pass, as a share of the control's mean, the loss exceeds it by a difference of the
//! arm's mean from the control's times 1 + w (1 - w where more is better). That is Welch's test with a scaled
//! control, so that the control's own error counts. It is one-sided and is not corrected for other guards:
//! each is a question of its own.

use super::compare::interval;
use super::{Data, GuardState, Guarded, Question, Statistics};
use crate::spec::Better;
use crate::stack::improvement;
use crate::statistics::welch::welch;
use crate::statistics::{Moments, StatisticsError};

/// Each guard of each arm.
pub(super) fn all(question: &Question<'_>, data: &Data) -> Vec<Guarded> {
    let experiment = question.experiment;
    let sample = |name: &str, arm: &str| data.samples.get(name).and_then(|arms| arms.get(arm)).filter(|sample| sample.count() > 0);
    let mut guarded = Vec::new();
    for (name, guard) in &experiment.guards {
        for (arm, _) in experiment.treatments().filter(|(_, arm)| arm.active_parts > 0) {
            let (control, treatment) = (sample(name, &experiment.control), sample(name, arm));
            let mut found = Guarded {
                guard: name.clone(),
                arm: arm.clone(),
                better: improvement(name, guard).unwrap_or(Better::Higher),
                worse_by: guard.worse_by,
                state: GuardState::NotMeasured,
                control: control.map(Statistics::from),
                treatment: treatment.map(Statistics::from),
                loss: None,
                loss_low: None,
                loss_high: None,
            };
            if let (Some(control), Some(treatment)) = (control, treatment) {
                judge(question, &mut found, control, treatment);
            }
            guarded.push(found);
        }
    }
    guarded
}

fn judge(question: &Question<'_>, found: &mut Guarded, control: &Moments, treatment: &Moments) {
    let alpha = question.experiment.alpha;
    // Above 0 where more is worse.
    let sign = if found.better == Better::Lower { 1.0 } else { -1.0 };
    let scale = 1.0 + sign * found.worse_by * if control.mean() < 0.0 { -1.0 } else { 1.0 };
    let size = control.mean().abs();
    let scaled = Moments::of(control.count(), control.mean() * scale, control.variance().unwrap_or_default() * scale * scale);
    let excess = sign * (treatment.mean() - scaled.mean());
    let is_share = size > 0.0;
    found.loss = is_share.then(|| sign * (treatment.mean() - control.mean()) / size);
    found.state = GuardState::NotKnown;
    let limits = welch(&scaled, treatment).and_then(|test| {
        // A two-sided interval of twice alpha has alpha beyond each end; the one for every look is not halved.
        let tau = question.is_sequential.then_some(found.worse_by * size);
        interval(&test, if tau.is_some() { alpha } else { (2.0 * alpha).min(0.999) }, tau)
    });
    match limits {
        Ok((low, high)) => {
            let (low, high) = if sign > 0.0 { (low, high) } else { (-high, -low) };
            if high < 0.0 {
                found.state = GuardState::Held;
            } else if low > 0.0 {
                found.state = GuardState::Exceeded;
            }
            let as_share = |excess: f64| is_share.then(|| found.worse_by + excess / size);
            (found.loss_low, found.loss_high) = (as_share(low), as_share(high));
        }
        // Where no user differs from another, what is seen is what is.
        Err(StatisticsError::NoVariance) if excess <= 0.0 => found.state = GuardState::Held,
        Err(_) => {}
    }
}
