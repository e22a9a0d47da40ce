//! Metrics whose numbers no experiment can be planned with.

use super::support::experiments::{designed, place};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::spec::Better;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A013",
    name: "unplannable-metric",
    severity: Severity::Error,
    docs: "No number of users can be given for a metric. Without `deviation` a metric is a share of users, so its \
           `baseline`, and the baseline with the smallest effect, must lie between 0 and 1; and no effect may be so \
           small against the deviation that more users would be needed than can be counted.\n\n\
           What cannot be planned cannot be decided.\n\n\
           ```kdl\nmetric \"answer-length\" baseline=230 minimum-effect=5   // a mean: its deviation is missing\n```\n\n\
           Give the standard deviation between users for a mean: `deviation=80`; give a share as a number below 1.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for experiment in cx.stack.experiments.values() {
        let Err(fault) = designed(experiment) else { continue };
        let Some(metric) = experiment.metrics.get(&fault.metric) else { continue };
        let at = place(&experiment.name).key("metric").key(&fault.metric);
        let moved = match metric.better {
            Better::Higher => metric.baseline + metric.minimum_effect,
            Better::Lower => metric.baseline - metric.minimum_effect,
        };
        let is_share = |value: f64| value > 0.0 && value < 1.0;
        let (message, help) = match metric.deviation {
            None if !is_share(metric.baseline) => (
                format!("`{}` is taken for a share of users, as it has no deviation, and its baseline is {}", fault.metric, metric.baseline),
                "give the standard deviation between users, `deviation=…`, or a baseline above 0 and below 1".to_owned(),
            ),
            None if !is_share(moved) => (
                format!("`{}` is a share of users, and {} from its baseline of {} is {moved}", fault.metric, metric.minimum_effect, metric.baseline),
                "give a smaller `minimum-effect`, or the standard deviation between users for a mean, `deviation=…`".to_owned(),
            ),
            _ => (
                format!("no number of users shows a difference of {} in `{}`: {}", metric.minimum_effect, fault.metric, fault.error),
                "give a greater `minimum-effect`".to_owned(),
            ),
        };
        out.push(Diagnostic::at_key(&RULE, at, message).label("cannot be planned").help(help));
    }
}
