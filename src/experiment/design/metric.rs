//! The design of one metric.

use crate::spec::{Better, Metric};
use crate::stack::Experiment;
use crate::statistics::power::{self, Size};
use crate::statistics::{Sides, StatisticsError, proportions};

/// What one metric needs by itself.
#[derive(Clone, Debug)]
pub struct MetricDesign {
    /// Samples of the control and of the smallest other arm, exactly.
    pub size: Size,
    /// Effect of interest: standard deviations of a mean (Cohen's d), or radians of a share (Cohen's h).
    pub effect: f64,
    /// Whether it is a share of users.
    pub is_share: bool,
    /// What is seen at the planned end; none where no traffic is stated.
    pub at_end: Option<AtEnd>,
}

/// What a metric shows at some time.
#[derive(Clone, Copy, Debug)]
pub struct AtEnd {
    /// Probability to see the smallest effect of interest.
    pub power: f64,
    /// The smallest effect, in the metric's unit, that is seen with the power that is asked for; none where
    /// there are too few samples for any.
    pub smallest_effect: Option<f64>,
}

/// Number of comparisons of `experiment`.
pub fn comparisons(experiment: &Experiment) -> usize {
    (experiment.metrics.len() * experiment.treatments().count()).max(1)
}

/// The share of users that is the smallest effect away from the baseline, in the direction that is better.
fn moved(metric: &Metric) -> f64 {
    match metric.better {
        Better::Higher => metric.baseline + metric.minimum_effect,
        Better::Lower => metric.baseline - metric.minimum_effect,
    }
}

/// Samples of the control, and `ratio` times as many of the other arm.
pub(super) fn size(metric: &Metric, ratio: f64, alpha: f64, power: f64) -> Result<Size, StatisticsError> {
    match metric.deviation {
        Some(deviation) => power::sample_size(metric.minimum_effect / deviation, ratio, alpha, power, Sides::Two),
        None => proportions::sample_size(metric.baseline, moved(metric), ratio, alpha, power, Sides::Two),
    }
}

/// What `metric` shows with this many samples of the control and of the other arm.
pub(super) fn at(metric: &Metric, control: f64, other: f64, alpha: f64, power: f64) -> Result<AtEnd, StatisticsError> {
    if control < 2.0 || other < 2.0 {
        return Ok(AtEnd { power: 0.0, smallest_effect: None });
    }
    Ok(match metric.deviation {
        Some(deviation) => AtEnd {
            power: power::power(metric.minimum_effect / deviation, control, other, alpha, Sides::Two)?,
            smallest_effect: power::smallest_effect(control, other, alpha, power, Sides::Two).ok().map(|d| d * deviation),
        },
        None => {
            let (above, below) = proportions::smallest_effect(metric.baseline, control, other, alpha, power, Sides::Two)?;
            let seen = if metric.better == Better::Higher { above } else { below };
            AtEnd {
                power: proportions::power(metric.baseline, moved(metric), control, other, alpha, Sides::Two)?,
                smallest_effect: seen.map(|share| (share - metric.baseline).abs()),
            }
        }
    })
}

impl MetricDesign {
    /// That of `metric`, which needs `size`.
    pub(super) fn of(metric: &Metric, size: Size) -> Self {
        let effect = match metric.deviation {
            Some(deviation) => metric.minimum_effect / deviation,
            None => proportions::effect(metric.baseline, moved(metric)).unwrap_or_default().abs(),
        };
        Self { size, effect, is_share: metric.deviation.is_none(), at_end: None }
    }
}
