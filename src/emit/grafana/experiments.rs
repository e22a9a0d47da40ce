//! Experiments that run: who gets what, whether the split holds, and how the arms do.

use super::layout::Row;
use super::panel::{Kind, Panel, color};
use super::query::{Query, quoted};
use super::routes;
use crate::emit::prometheus::experiment::{self, Split, end_of, loss_expr};
use crate::stack::Experiment;

/// What is shown where flagd has counted nothing, and where no outcome was reported.
const NOT_COUNTED: &str = "flagd has counted no evaluation";
const NOT_REPORTED: &str = "the application does not export it";

/// The row; empty without a running experiment.
pub(super) fn row(query: &Query<'_>) -> Row {
    let running = query.stack.experiments.values().filter(|experiment| experiment.is_running());
    let panels = running.flat_map(|experiment| Panels { query, experiment }.all()).collect();
    Row { key: "experiments", title: "Experiments", open: false, panels }
}

/// The panels of one experiment.
struct Panels<'a> {
    query: &'a Query<'a>,
    experiment: &'a Experiment,
}

impl Panels<'_> {
    fn all(&self) -> Vec<Panel> {
        let mut panels = vec![self.evaluations(), self.shares()];
        panels.extend([self.mismatch(), Some(self.off()), self.days_left()].into_iter().flatten());
        panels.extend(self.experiment.guards.keys().map(|name| self.guard(name)));
        panels.extend(self.experiment.metrics.keys().map(|name| self.outcome(name)));
        panels
    }

    fn panel(&self, kind: Kind, key: &str, title: &str, unit: &str, about: impl Into<String>) -> Panel {
        let name = &self.experiment.name;
        Panel::new(kind, format!("{key}/{name}"), format!("{title}: {}", routes::plain(name)), unit, about)
    }

    /// A recorded series of the experiment, with `more` matchers.
    fn recorded(&self, name: &str, more: &[String]) -> String {
        let more: String = more.iter().map(|matcher| format!(", {matcher}")).collect();
        let stack = self.query.stack_matcher();
        format!(r#"{name}{{namespace=~"$namespace", {stack}, llmc_experiment={}{more}}}"#, quoted(&self.experiment.name))
    }

    fn evaluations(&self) -> Panel {
        let key = quoted(&self.experiment.name);
        let series =
            format!(r#"{}{{namespace=~"$namespace", {}, feature_flag_key={key}}}"#, experiment::EVALUATIONS, self.query.stack_matcher());
        let about = "Evaluations of the flag each second, by the arm that they ended in; off gets what is live. flagd counts evaluations, of \
                     which a user causes many, not users. Empty while the route is called: flagd is not scraped, or applications \
                     evaluate flags themselves.";
        self.panel(Kind::Stacked, "evaluations", "Evaluations", "ops", about)
            .query(
                Some(format!("sum by (feature_flag_result_variant) (rate({series}[$__rate_interval]))")),
                "{{feature_flag_result_variant}}",
            )
            .zero_based()
            .no_value(NOT_COUNTED)
            .size(12, 8)
    }

    fn shares(&self) -> Panel {
        let observed = self.recorded(experiment::ARMS, &[r#"variant!="off""#.into()]);
        let about = "Share of each arm of the last day's evaluations that ended in an arm, and the share that it should have. The two lines \
                     of an arm lie on each other; where they part, trust no result before the cause is found.";
        self.panel(Kind::Lines, "shares", "Share of each arm", "percentunit", about)
            .query(Some(format!("sum by (variant) ({observed}) / on () group_left () (sum({observed}) > 0)")), "{{variant}}")
            .query(Some(format!("max by (variant) ({})", self.recorded(experiment::EXPECTED, &[]))), "{{variant}} expected")
            .up_to(1.0)
            .no_value(NOT_COUNTED)
            .size(12, 8)
    }

    fn mismatch(&self) -> Option<Panel> {
        let split = Split::of(self.experiment);
        let limit = split.limit().filter(|_| split.is_comparable())?;
        let about = format!(
            "Chi-square statistic of the last day's evaluations by arm against the shares that the arms should have. Above {limit} chance \
             alone is one in a thousand; with few users who ask often it is more. Above: do not read the outcomes; see the alert \
             ExperimentSampleRatioMismatch."
        );
        let panel = self
            .panel(Kind::Stat, "mismatch", "Sample ratio mismatch", "short", about)
            .query(Some(format!("max({})", self.recorded(experiment::SAMPLE_RATIO, &[]))), "chi-square")
            .steps(vec![(limit, color::RED)])
            .no_value(NOT_COUNTED);
        Some(panel.size(8, 5))
    }

    fn off(&self) -> Panel {
        let about = "Share of the last day's evaluations that gave nobody an arm: users whom the present step of the ramp leaves out, the \
                     holdout, users outside of the audience, and users without a key.";
        self.panel(Kind::Stat, "off", "Evaluations without an arm", "percentunit", about)
            .query(Some(format!("max({})", self.recorded("llmc:experiment_off:ratio1d", &[]))), "off")
            .no_value(NOT_COUNTED)
            .size(8, 5)
    }

    fn days_left(&self) -> Option<Panel> {
        let ends = self.experiment.ends?;
        let about = format!("Days until the end of {ends} in UTC, the last day that the spec states. Below zero: decide.");
        let panel = self
            .panel(Kind::Stat, "days-left", "Days left", "d", about)
            .query(Some(format!("vector(({} - time()) / 86400)", end_of(ends)?)), "days")
            .base_color(color::RED)
            .steps(vec![(0.0, color::ORANGE), (2.0, color::GREEN)]);
        Some(panel.size(8, 5))
    }

    /// The mean of a metric for each arm.
    fn outcome(&self, name: &str) -> Panel {
        let mean = self.recorded(experiment::MEAN, &[format!("metric={}", quoted(name))]);
        let about = "Mean of the last day, by arm. The application exports it: a histogram `llmc_experiment_value` with the labels `stack`, \
                     `experiment`, `variant` and `metric`, of values that are not negative. It is a mean over values, not over users, and says \
                     nothing about chance: `llmc experiment analyze` decides.";
        self.panel(Kind::Lines, &format!("outcome/{name}"), &format!("Mean of {}", routes::plain(name)), "short", about)
            .query(Some(format!("max by (variant) ({mean})")), "{{variant}}")
            .no_value(NOT_REPORTED)
            .size(12, 8)
    }

    /// What each arm loses in a guard metric against the control.
    fn guard(&self, name: &str) -> Panel {
        let Some(guard) = self.experiment.guards.get(name) else { return self.outcome(name) };
        let mean = |arm: &str| {
            format!("max({})", self.recorded(experiment::MEAN, &[format!("metric={}", quoted(name)), format!("variant={}", quoted(arm))]))
        };
        let about = "How much worse the mean of the last day is than the control's, as a share of it, by arm; the dashed line is what the \
                     guard lets pass. Above it for hours: stop the experiment, or go back a step of its ramp.";
        let title = format!("Guard {}", routes::plain(name));
        let panel = self.panel(Kind::Lines, &format!("guard/{name}"), &title, "percentunit", about);
        let with_loss = |panel: Panel, arm: &String| {
            let loss = loss_expr(name, guard, (&mean(arm), &mean(&self.experiment.control)));
            panel.query(Some(loss), &routes::plain(arm))
        };
        let panel = self.experiment.treatments().map(|(arm, _)| arm).fold(panel, with_loss);
        panel.steps(vec![(guard.worse_by, color::RED)]).no_value(NOT_REPORTED).size(12, 8)
    }
}
