//! PromQL for panels: selectors, sums by model, shares, and cost.
//!
//! Grafana's variables stand for what a viewer chose: `$namespace`, `$model` (one or several) and
//! `$__rate_interval`. Everything else that is put into a query is quoted by [`quoted`].

use std::collections::BTreeMap;

use crate::emit::promql;
use crate::engine::{self, Metric, Metrics, Signal};
use crate::stack::{Model, Stack};

/// Recorded cost of a model's GPUs in an hour.
pub(super) const COST_PER_HOUR: &str = "llmc:cost_per_hour:sum";
/// Seconds between the samples that a total over a long range is made of.
const COST_STEP_SECONDS: u32 = 300;

/// The queries of one stack.
pub(super) struct Query<'a> {
    /// The stack.
    pub(super) stack: &'a Stack,
}

/// Series to select from, under the names of one engine version.
pub(super) struct Variant {
    /// What the engines measure.
    pub(super) metrics: Metrics,
    matchers: String,
}

/// Models whose engines name `N` signals alike.
struct Group<'a, const N: usize> {
    metrics: Metrics,
    found: [Metric; N],
    models: Vec<&'a str>,
}

impl Variant {
    /// The series `name`, with `more` matchers.
    pub(super) fn series(&self, name: &str, more: &[String]) -> String {
        let more: String = more.iter().map(|matcher| format!(", {matcher}")).collect();
        format!("{name}{{{}{more}}}", self.matchers)
    }

    /// A gauge, added up over a model's pods.
    pub(super) fn sum(&self, metric: Metric) -> String {
        format!("sum by (llmc_model) ({})", self.series(metric.name, &[]))
    }

    /// The highest value of a gauge among a model's pods.
    pub(super) fn max(&self, metric: Metric) -> String {
        format!("max by (llmc_model) ({})", self.series(metric.name, &[]))
    }

    /// Growth of a counter each second, for each model.
    pub(super) fn rate(&self, metric: Metric) -> String {
        self.rate_by(metric.name, "llmc_model", &[], "$__rate_interval")
    }

    /// Growth each second of the series that also match `more`, by the labels `by`, over `window`.
    pub(super) fn rate_by(&self, name: &str, by: &str, more: &[String], window: &str) -> String {
        format!("sum by ({by}) (rate({}[{window}]))", self.series(name, more))
    }

    /// A quantile over all pods of each model: buckets are added before the quantile is taken,
    /// since quantiles of pods cannot be averaged.
    pub(super) fn quantile(&self, quantile: f64, metric: Metric) -> String {
        let buckets = self.rate_by(&format!("{}_bucket", metric.name), "le, llmc_model", &[], "$__rate_interval");
        format!("histogram_quantile({quantile}, {buckets})")
    }

    /// Share of finished requests that ended for one of `reasons`; clients that left do not count
    /// unless they are asked for.
    pub(super) fn finished_share(&self, finished: Metric, reasons: &[&str]) -> String {
        let asked = self.finished_for(finished, "=~", reasons, "$__rate_interval");
        let all = if self.metrics.neutral_reasons.iter().any(|neutral| reasons.contains(neutral)) {
            self.rate(finished)
        } else {
            self.finished_for(finished, "!~", self.metrics.neutral_reasons, "$__rate_interval")
        };
        share(&asked, &all)
    }

    /// Finished requests each second whose reason is (`=~`) or is not (`!~`) one of `reasons`.
    pub(super) fn finished_for(&self, finished: Metric, operator: &str, reasons: &[&str], window: &str) -> String {
        let matcher = format!("{}{operator}{}", self.metrics.finish_reason_label, quoted(&any_of(reasons)));
        self.rate_by(finished.name, "llmc_model", &[matcher], window)
    }
}

impl<'a> Query<'a> {
    /// The expression `make` for all models that measure all `signals`, or `None` if none does.
    ///
    /// Engine versions name metrics differently, so there is one operand for each set of names,
    /// joined by `or`.
    pub(super) fn per_model<const N: usize>(&self, signals: [Signal; N], make: impl Fn(&Variant, [Metric; N]) -> String) -> Option<String> {
        let mut groups: BTreeMap<[&str; N], Group<'_, N>> = BTreeMap::new();
        for model in self.stack.models.values() {
            if let Some((metrics, found)) = measured(model, signals) {
                let group = groups.entry(found.map(|metric| metric.name));
                group.or_insert_with(|| Group { metrics, found, models: Vec::new() }).models.push(&model.name);
            }
        }
        let alone = groups.len() == 1;
        let operand = |group: Group<'_, N>| {
            let mut matchers = self.matchers();
            if !alone {
                // Some versions show a metric under its old and its new name.
                matchers.push(format!("llmc_model=~{}", quoted(&any_of(&group.models))));
            }
            make(&Variant { metrics: group.metrics, matchers: matchers.join(", ") }, group.found)
        };
        let operands: Vec<String> = groups.into_values().map(operand).collect();
        (!operands.is_empty()).then(|| operands.join(" or "))
    }

    /// The expression `make` for one model, or `None` if its engine does not measure all `signals`.
    pub(super) fn of_model<const N: usize>(
        &self,
        model: &Model,
        signals: [Signal; N],
        make: impl Fn(&Variant, [Metric; N]) -> Option<String>,
    ) -> Option<String> {
        let (metrics, found) = measured(model, signals)?;
        let mut matchers = self.matchers();
        matchers.push(format!("llmc_model={}", quoted(&model.name)));
        make(&Variant { metrics, matchers: matchers.join(", ") }, found)
    }

    fn matchers(&self) -> Vec<String> {
        vec![r#"namespace=~"$namespace""#.into(), self.stack_matcher(), r#"llmc_model=~"$model""#.into()]
    }

    /// Matcher of everything that belongs to the stack, in whatever namespace.
    pub(super) fn stack_matcher(&self) -> String {
        format!("llmc_stack={}", quoted(&self.stack.name))
    }

    /// The stack's firing alerts.
    pub(super) fn firing_alerts(&self) -> String {
        format!(r#"ALERTS{{namespace=~"$namespace", {}, alertstate="firing"}}"#, self.stack_matcher())
    }

    /// Matcher of a series whose `label` is the name of a chosen model's Deployment and `suffix`,
    /// a regular expression.
    pub(super) fn named(&self, label: &str, suffix: &str) -> String {
        // The quotes of the name are dropped, to put the variable into the same string.
        let prefix = quoted(&escaped(&self.stack.object_name("")));
        format!(r#"{label}=~{}($model){suffix}""#, prefix.strip_suffix('"').unwrap_or_default())
    }

    /// A recorded series of the chosen models, added up by model; `None` without models.
    pub(super) fn recorded_per_model(&self, name: &str) -> Option<String> {
        Some(format!("sum by (llmc_model) ({})", self.recorded(name)?))
    }

    /// A recorded series of one model, where it is chosen.
    pub(super) fn recorded_of(&self, name: &str, model: &Model) -> String {
        format!("sum by (llmc_model) ({name}{{{}, llmc_model={}}})", self.matchers().join(", "), quoted(&model.name))
    }

    /// What the chosen models' GPUs cost in an hour together; `None` without models.
    pub(super) fn cost_per_hour(&self) -> Option<String> {
        Some(format!("sum({})", self.recorded(COST_PER_HOUR)?))
    }

    /// What the chosen models' GPUs have cost over `range` together; `None` without models.
    pub(super) fn cost_over(&self, range: &str) -> Option<String> {
        let cost = self.cost_per_hour()?;
        Some(format!("sum_over_time({cost}[{range}:{COST_STEP_SECONDS}s]) * {COST_STEP_SECONDS} / 3600"))
    }

    /// A recorded series of the whole stack, whatever models are chosen; `None` without models.
    pub(super) fn of_stack(&self, name: &str) -> Option<String> {
        let matchers =
            [r#"namespace=~"$namespace""#.to_owned(), self.stack_matcher(), format!("currency={}", quoted(&self.stack.currency))];
        (!self.stack.models.is_empty()).then(|| format!("{name}{{{}}}", matchers.join(", ")))
    }

    fn recorded(&self, name: &str) -> Option<String> {
        (!self.stack.models.is_empty()).then(|| format!("{name}{{{}}}", self.matchers().join(", ")))
    }
}

fn measured<const N: usize>(model: &Model, signals: [Signal; N]) -> Option<(Metrics, [Metric; N])> {
    let metrics = engine::of(model.engine).metrics(&model.engine_version);
    let found: Option<Vec<Metric>> = signals.iter().map(|signal| metrics.get(*signal)).collect();
    let found = found?.try_into().ok()?;
    Some((metrics, found))
}

/// `part` of `whole`; nothing where `whole` is zero, since no number would be true.
pub(super) fn share(part: &str, whole: &str) -> String {
    format!("{part} / ({whole} > 0)")
}

/// Matcher of the bucket up to `bound`, in seconds.
pub(super) fn bucket(bound: f64) -> String {
    format!("le=~{}", quoted(&promql::le_pattern(bound)))
}

/// A string of PromQL in which neither PromQL nor Grafana finds anything but `text`.
pub(super) fn quoted(text: &str) -> String {
    // `$name` and `[[name]]` are variables to Grafana.
    promql::quote(text).replace('$', r"\x24").replace("[[", r"[\x5b")
}

/// A regular expression that matches exactly one of `texts`.
fn any_of(texts: &[&str]) -> String {
    texts.iter().map(|text| escaped(text)).collect::<Vec<_>>().join("|")
}

/// A regular expression that matches exactly `text`. Of the signs that Kubernetes allows in names,
/// only `.` means anything.
fn escaped(text: &str) -> String {
    regex::escape(text).replace(r"\-", "-")
}

#[cfg(test)]
mod tests {
    use promql_parser::parser::{Expr, parse};

    use super::*;

    #[test]
    fn strings_hold_nothing_but_their_text() {
        for text in [r#"a"} or up{x="$__rate_interval[[b]]\"#, "line\nbreak", "[[[$$", "한국어"] {
            let written = quoted(text);
            assert!(!written.contains('$') && !written.contains("[["), "{written}");
            let Ok(Expr::StringLiteral(literal)) = parse(&written) else { panic!("{written} is no string") };
            assert_eq!(literal.val, text);
        }
    }

    #[test]
    fn patterns_match_nothing_but_their_text() {
        assert_eq!(any_of(&["llama-8b.x|y", "b"]), r"llama-8b\.x\|y|b");
        assert_eq!(bucket(2.5), r#"le=~"2\\.5""#);
    }
}
