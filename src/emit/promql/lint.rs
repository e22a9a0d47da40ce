//! Faults that Prometheus accepts in silence, found over the syntax tree of a query.

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher, Matchers};
use promql_parser::parser::token::{T_ADD, T_COUNT, T_DIV, T_GROUP, T_GTR, T_LIMIT_RATIO, T_LIMITK, T_MUL, T_NEQ, T_SUM};
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr, VectorSelector, parse};

use super::known::{Known, Reading, Series};
use super::template::VARIABLE;

/// Functions that need a counter.
const RATES: &[&str] = &["rate", "increase", "irate"];
/// Functions of ranges that need a gauge: a counter's reset would read as a fall.
const TRENDS: &[&str] = &["delta", "idelta", "deriv", "predict_linear"];
/// Functions that ask whether or when there are samples, and so may take a counter as it is.
const PRESENCE: &[&str] = &["absent", "absent_over_time", "present_over_time", "count_over_time", "changes", "resets", "timestamp"];
/// Functions that Prometheus 2.42 lacks, beside the experimental ones.
const TOO_NEW: &[&str] = &["histogram_avg", "histogram_stddev", "histogram_stdvar", "first_over_time"];
/// A range must hold this many scrapes, so that a missed one leaves two samples.
const SCRAPES_IN_RANGE: u64 = 4;

/// What stands around a selector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Its values are read.
    Values,
    /// It is asked only whether it is there.
    Presence,
    /// The argument of a function of [`RATES`].
    Rate,
    /// The argument of a function of [`TRENDS`].
    Trend,
}

/// The faults of `expr`; none means that it measures something.
///
/// Grafana's variables must have been replaced by [`super::substitute`].
pub(in crate::emit) fn lint(expr: &str, known: &Known) -> Vec<String> {
    let tree = match parse(expr) {
        Ok(tree) => tree,
        Err(error) => return vec![format!("it is not PromQL: {error}")],
    };
    let mut lint = Lint { known, faults: Vec::new() };
    if matches!(tree, Expr::MatrixSelector(_) | Expr::Subquery(_)) {
        lint.faults.push("it yields ranges, which nothing can show".into());
    }
    lint.walk(&tree, Use::Values);
    lint.faults
}

struct Lint<'a> {
    known: &'a Known,
    faults: Vec<String>,
}

impl Lint<'_> {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn walk(&mut self, expr: &Expr, context: Use) {
        match expr {
            Expr::Paren(paren) => self.walk(&paren.expr, context),
            Expr::Unary(unary) => self.walk(&unary.expr, context),
            Expr::Binary(binary) => self.binary(binary, context),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, context),
            Expr::Call(call) => self.call(call),
            Expr::VectorSelector(selector) => {
                self.selector(selector, context);
            }
            Expr::MatrixSelector(matrix) => {
                if let Some(series) = self.selector(&matrix.vs, context)
                    && series.is_scraped
                {
                    self.range(matrix.range);
                }
            }
            Expr::Subquery(subquery) => {
                if context == Use::Rate {
                    self.fault("`rate` over a subquery sees no counter's resets; take the rate first");
                }
                let inner = if context == Use::Presence { Use::Presence } else { Use::Values };
                self.walk(&subquery.expr, inner);
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            Expr::Extension(_) => self.fault("it is an extension of PromQL"),
        }
    }

    fn range(&mut self, range: Duration) {
        let needed = SCRAPES_IN_RANGE * self.known.scrape_milliseconds;
        if range.as_millis() < u128::from(needed) {
            let message = format!(
                "the range of {} s holds fewer than {SCRAPES_IN_RANGE} scrapes, {} s apart",
                range.as_secs_f64(),
                self.known.scrape_milliseconds as f64 / 1000.0
            );
            self.fault(message);
        }
    }

    fn binary(&mut self, binary: &BinaryExpr, context: Use) {
        if binary.op.id() == T_DIV && !is_never_zero(&binary.rhs) {
            self.fault(format!("it divides by `{}`, which may be zero; compare it `> 0`", binary.rhs));
        }
        self.walk(&binary.lhs, context);
        self.walk(&binary.rhs, context);
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr, context: Use) {
        let op = aggregate.op.id();
        if op == T_LIMITK || op == T_LIMIT_RATIO {
            self.fault(format!("`{}` is experimental", aggregate.op));
        }
        if let Some(modifier) = &aggregate.modifier {
            let available = self.labels(&aggregate.expr);
            let missing: Vec<&String> = modifier.labels().labels.iter().filter(|l| !available.contains(l.as_str())).collect();
            for label in missing {
                self.fault(format!("it groups by `{label}`, which the series do not have"));
            }
        }
        if let Some(param) = &aggregate.param {
            self.walk(param, Use::Values);
        }
        let counts_series = op == T_COUNT || op == T_GROUP;
        self.walk(&aggregate.expr, if counts_series { Use::Presence } else { context });
    }

    fn call(&mut self, call: &Call) {
        let name = call.func.name;
        if call.func.experimental || TOO_NEW.contains(&name) {
            self.fault(format!("`{name}` is experimental or newer than Prometheus 2.42"));
        }
        let args: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
        if name == "histogram_quantile" {
            self.quantile(&args);
        }
        let context = if RATES.contains(&name) {
            Use::Rate
        } else if TRENDS.contains(&name) {
            Use::Trend
        } else if PRESENCE.contains(&name) {
            Use::Presence
        } else {
            Use::Values
        };
        for arg in args {
            self.walk(arg, context);
        }
    }

    fn quantile(&mut self, args: &[&Expr]) {
        let [share, buckets] = args else { return };
        if let Expr::NumberLiteral(number) = share
            && !(number.val > 0.0 && number.val < 1.0)
        {
            self.fault(format!("the quantile {} is not between 0 and 1", number.val));
        }
        let keeps_le = |aggregate: &AggregateExpr| {
            let by = aggregate.modifier.as_ref().filter(|m| m.is_include());
            aggregate.op.id() == T_SUM && by.is_some_and(|m| m.labels().labels.iter().any(|l| l == "le"))
        };
        if !matches!(bare(buckets), Expr::Aggregate(aggregate) if keeps_le(aggregate)) {
            self.fault("`histogram_quantile` needs `sum by (le, …)`: without it there is one quantile for each pod, or none");
        }
        for name in names(buckets) {
            let is_bucket = |s: &Series| matches!(s.reading, Reading::Buckets(_) | Reading::BucketRates(_));
            if self.known.series(&name, None).is_some_and(|s| !is_bucket(&s)) {
                self.fault(format!("`histogram_quantile` of `{name}`, which holds no buckets"));
            }
        }
    }

    fn selector(&mut self, selector: &VectorSelector, context: Use) -> Option<Series> {
        let Some(name) = selector.name.as_deref() else {
            self.fault(format!("`{selector}` names no metric"));
            return None;
        };
        if !selector.matchers.or_matchers.is_empty() {
            self.fault(format!("`{name}` is selected with `or`, which Prometheus does not know"));
        }
        let model = selector.matchers.matchers.iter().find(|m| m.name == "llmc_model" && m.op == MatchOp::Equal);
        let model = model.map(|m| m.value.as_str()).filter(|value| *value != VARIABLE);
        if let Some(model) = model.filter(|model| !self.known.has_model(model)) {
            self.fault(format!("the stack has no model `{model}`"));
            return None;
        }
        let Some(series) = self.known.series(name, model) else {
            self.fault(format!("there is no metric `{name}` in the pinned engine version, the recorded rules or the cluster"));
            return None;
        };
        self.reading(name, series.reading, context);
        self.scope(name, &series, &selector.matchers);
        for matcher in &selector.matchers.matchers {
            if !series.labels.contains(&matcher.name.as_str()) {
                self.fault(format!("`{name}` has no label `{}`", matcher.name));
            } else if matcher.name == "le"
                && let Reading::Buckets(bounds) | Reading::BucketRates(bounds) = series.reading
                && !selects_a_bound(matcher, bounds)
            {
                self.fault(format!("le `{}` is no bucket boundary of `{name}`", matcher.value));
            }
        }
        Some(series)
    }

    fn reading(&mut self, name: &str, reading: Reading, context: Use) {
        let is_counter = matches!(reading, Reading::Counter | Reading::Buckets(_));
        match context {
            Use::Values if is_counter => self.fault(format!("`{name}` is a counter; read it through `rate` or `increase`")),
            Use::Trend if is_counter => self.fault(format!("`{name}` is a counter; a reset would read as a fall")),
            Use::Rate if !is_counter => self.fault(format!("`{name}` is no counter; `rate` takes each fall for a reset")),
            _ => {}
        }
    }

    fn scope(&mut self, name: &str, series: &Series, matchers: &Matchers) {
        let narrows = |m: &Matcher, label: &&str| m.name == **label && matches!(m.op, MatchOp::Equal | MatchOp::Re(_)) && !m.is_match("");
        for group in series.scope {
            if !group.iter().any(|label| matchers.matchers.iter().any(|m| narrows(m, label))) {
                self.fault(format!("`{name}` is not narrowed by `{}`, so it reads other stacks too", group.join("` or `")));
            }
        }
    }

    /// Labels that the series of `expr` may have.
    fn labels(&self, expr: &Expr) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        each(expr, &mut |e| match e {
            Expr::VectorSelector(VectorSelector { name: Some(name), .. }) => {
                labels.extend(self.known.series(name, None).into_iter().flat_map(|s| s.labels).map(str::to_owned));
            }
            Expr::Call(call) if matches!(call.func.name, "label_replace" | "label_join") => {
                if let Some(Expr::StringLiteral(label)) = call.args.args.get(1).map(AsRef::as_ref) {
                    labels.insert(label.val.clone());
                }
            }
            Expr::Aggregate(AggregateExpr { param: Some(param), .. }) => {
                if let Expr::StringLiteral(label) = param.as_ref() {
                    labels.insert(label.val.clone());
                }
            }
            _ => {}
        });
        labels
    }
}

/// Without its parentheses.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

/// Whether every value of `expr` differs from zero.
fn is_never_zero(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::NumberLiteral(number) => number.val != 0.0,
        Expr::Binary(b) if b.op.id() == T_MUL => is_never_zero(&b.lhs) && is_never_zero(&b.rhs),
        // A sum with a positive number: only counts and rates are ever divided by, which are not negative.
        Expr::Binary(b) if b.op.id() == T_ADD => is_positive_number(&b.lhs) || is_positive_number(&b.rhs),
        Expr::Binary(b) if b.return_bool() => false,
        Expr::Binary(b) if b.op.id() == T_GTR => matches!(bare(&b.rhs), Expr::NumberLiteral(n) if n.val >= 0.0),
        Expr::Binary(b) if b.op.id() == T_NEQ => matches!(bare(&b.rhs), Expr::NumberLiteral(n) if n.val == 0.0),
        Expr::Call(call) if call.func.name == "clamp_min" => call.args.args.get(1).is_some_and(|least| is_positive_number(least)),
        _ => false,
    }
}

fn is_positive_number(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::NumberLiteral(n) if n.val > 0.0)
}

/// Whether the matcher on `le` finds a bucket: each alternative of a pattern must.
fn selects_a_bound(matcher: &Matcher, bounds: &[f64]) -> bool {
    if matcher.value == VARIABLE {
        return true;
    }
    let is_bound = |m: &dyn Fn(&str) -> bool| {
        m("+Inf") || bounds.iter().any(|bound| m(&bound.to_string()) || m(&format!("{bound:?}")) || m(&format!("{bound:.1}")))
    };
    match &matcher.op {
        MatchOp::Equal => matcher.value.parse::<f64>().is_ok_and(|le| le == f64::INFINITY || bounds.contains(&le)),
        MatchOp::Re(_) if !matcher.value.contains('(') => matcher.value.split('|').all(|alternative| {
            regex::Regex::new(&format!("^(?:{alternative})$")).is_ok_and(|alternative| is_bound(&|le| alternative.is_match(le)))
        }),
        MatchOp::Re(pattern) => is_bound(&|le| pattern.is_match(le)),
        MatchOp::NotEqual | MatchOp::NotRe(_) => true,
    }
}

/// Names of all metrics in `expr`.
fn names(expr: &Expr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each(expr, &mut |e| {
        if let Expr::VectorSelector(selector) = e {
            names.extend(selector.name.clone());
        }
    });
    names
}

/// Calls `visit` with `expr` and everything in it; the selector of a range as itself.
fn each(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    match expr {
        Expr::Paren(paren) => each(&paren.expr, visit),
        Expr::Unary(unary) => each(&unary.expr, visit),
        Expr::Subquery(subquery) => each(&subquery.expr, visit),
        Expr::Binary(binary) => {
            each(&binary.lhs, visit);
            each(&binary.rhs, visit);
        }
        Expr::Aggregate(aggregate) => each(&aggregate.expr, visit),
        Expr::Call(call) => call.args.args.iter().for_each(|arg| each(arg, visit)),
        Expr::MatrixSelector(matrix) => visit(&Expr::VectorSelector(matrix.vs.clone())),
        Expr::VectorSelector(_) | Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

#[cfg(test)]
mod tests;
