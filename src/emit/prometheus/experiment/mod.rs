//! Experiments: who got what, what came of it, and alerts on what makes an experiment worthless.
//!
//! What flagd counts are evaluations of a flag, and a user causes many: they show whether the split works and
//! never whether a result is real, which `llmc experiment analyze` tells from users.

mod alerts;
mod end;
mod guard;
mod ratio;
mod recordings;

use std::collections::BTreeSet;

use super::SLOW_INTERVAL_SECONDS;
use super::rule::{Alert, Cases, Description, Group, Labels, Rule, Severity};
use super::scope::{owner_label, stack_labels};
use crate::diagnostic::Route;
use crate::emit::promql::{Selector, escape_pattern};
use crate::stack::{Experiment, Stack};

pub(super) use self::end::calendar;
pub(in crate::emit) use self::end::end_of;
pub(in crate::emit) use self::guard::loss_expr;
pub(in crate::emit) use self::ratio::{SAMPLE_RATIO, Split};
pub(super) use self::recordings::tests as recording_tests;
pub(in crate::emit) use self::recordings::{ARMS, EXPECTED, MEAN};

/// Evaluations by flag, variant and reason, and by reason alone.
pub(in crate::emit) const EVALUATIONS: &str = "feature_flag_flagd_impression_total";
const REASONS: &str = "feature_flag_flagd_result_reason_total";
/// What users get who take no part.
const OFF: &str = "off";
/// Seconds in an hour.
const HOUR: u64 = 3600;
/// Calls in six hours below which a share or a silence says nothing.
const LEAST_CALLS: u32 = 100;

/// One group for each experiment, and one for what flagd does not tell apart by flag.
pub(super) fn groups(stack: &Stack) -> Vec<Group> {
    let mut groups: Vec<Group> = stack.experiments.values().map(|experiment| Scope { stack, experiment }.group()).collect();
    if stack.experiments.values().any(Experiment::is_running) {
        groups.push(Group {
            name: format!("{}.experiments", stack.name),
            interval_seconds: Some(SLOW_INTERVAL_SECONDS),
            about: Route::of(["experiment"]),
            rules: vec![Rule::Alert(Box::new(alerts::evaluation_errors(stack)))],
        });
    }
    groups
}

/// An experiment of a stack.
struct Scope<'a> {
    stack: &'a Stack,
    experiment: &'a Experiment,
}

impl Scope<'_> {
    fn group(&self) -> Group {
        let mut rules = Vec::new();
        let mut found = Vec::new();
        if self.experiment.is_running() {
            rules.extend(recordings::recordings(self));
            found.extend(alerts::exposures_absent(self));
            found.extend(alerts::silent_arms(self));
            found.extend(ratio::mismatch(self));
            found.push(alerts::users_without_a_key(self));
            found.extend(guard::worse(self));
            found.extend(end::past(self));
        } else {
            found.push(alerts::still_asked(self));
        }
        rules.extend(found.into_iter().map(|alert| Rule::Alert(Box::new(alert))));
        Group {
            name: format!("{}.experiment.{}", self.stack.name, self.experiment.name),
            interval_seconds: Some(SLOW_INTERVAL_SECONDS),
            about: Route::of(["experiment", self.experiment.name.as_str()]),
            rules,
        }
    }

    /// Labels of every rule about the experiment.
    fn labels(&self) -> Labels {
        let mut labels = stack_labels(self.stack);
        labels.insert("llmc_experiment".into(), self.experiment.name.clone());
        labels
    }

    /// Its recorded series.
    fn recorded(&self) -> Selector {
        Selector::stack(self.stack).equal("llmc_experiment", &self.experiment.name)
    }

    /// Evaluations of its flag.
    fn evaluations(&self) -> Selector {
        Selector::stack(self.stack).equal("feature_flag_key", &self.experiment.name)
    }

    /// Evaluations that ended in an arm that is filled.
    fn exposures(&self) -> Selector {
        let split = Split::of(self.experiment);
        self.evaluations().matches("feature_flag_result_variant", &any_of(split.arms.iter().map(|(name, _)| name.as_str())))
    }

    /// Outcomes that the application reports of its arms.
    fn outcomes(&self) -> Selector {
        let names: BTreeSet<&str> = self.experiment.metrics.keys().chain(self.experiment.guards.keys()).map(String::as_str).collect();
        Selector::everywhere()
            .equal("stack", &self.stack.name)
            .equal("experiment", &self.experiment.name)
            .matches("variant", &any_of(self.experiment.arms.keys().map(String::as_str)))
            .matches("metric", &any_of(names.into_iter()))
    }

    /// A counter of flagd as its scrape stores it, for tests.
    fn counted(&self, variant: &str, reason: &str) -> String {
        scraped(self.stack)
            .equal("feature_flag_key", &self.experiment.name)
            .equal("feature_flag_result_variant", variant)
            .equal("feature_flag_reason", reason)
            .equal("feature_flag_provider_name", "flagd")
            .of(EVALUATIONS)
    }

    /// A counter of the application about outcomes, for tests.
    fn reported(&self, name: &str, variant: &str, metric: &str) -> String {
        let pod = Selector::everywhere().equal("namespace", "shop").equal("pod", "shop-6f7b8c9d5-h8m3n").equal("job", "shop");
        let outcome = pod.equal("stack", &self.stack.name).equal("experiment", &self.experiment.name);
        outcome.equal("variant", variant).equal("metric", metric).of(name)
    }

    /// An alert about it; `more` are labels of its own.
    fn alert(&self, name: &str, more: &[(&str, &str)], for_seconds: u64, expr: String, text: (String, Description), cases: Cases) -> Alert {
        let mut labels = self.labels();
        labels.extend(owner_label(self.stack));
        labels.extend(more.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())));
        let (summary, description) = text;
        // Nobody is worse served while an experiment measures nothing, so all of them wait for the morning.
        Alert { name: name.into(), expr, for_seconds, severity: Severity::Ticket, labels, summary, description, cases }
    }
}

/// A pod of flagd as the scrape names it, for tests.
fn scraped(stack: &Stack) -> Selector {
    Selector::stack(stack).equal("pod", &format!("{}-x2k8z", stack.object_name("flagd"))).equal("container", "flagd")
}

fn any_of<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(escape_pattern).collect::<Vec<_>>().join("|")
}

/// What `selected` has grown over `window`; nothing where there is nothing.
fn grown(selected: &str, window: &str) -> String {
    format!("sum(increase({selected}[{window}]))")
}

#[cfg(test)]
mod tests;
