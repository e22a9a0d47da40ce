//! Building PromQL, and proving each query against the metrics of the pinned engine versions.
//!
//! Prometheus accepts a query whose metric, label or bucket does not exist and answers with
//! nothing, for ever. So every query that is emitted goes through [`lint`] first.

mod known;
mod lint;
mod recorded;
mod template;

pub(in crate::emit) use known::Known;
pub(in crate::emit) use lint::lint;
#[cfg(test)]
pub(in crate::emit) use recorded::RECORDED;
pub(in crate::emit) use recorded::recorded;
pub(in crate::emit) use template::substitute;

use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::stack::Stack;

/// Rules of this module.
pub(in crate::emit) static RULES: &[&Rule] = &[&UNSOUND_QUERY];

static UNSOUND_QUERY: Rule = Rule {
    code: "LLMC-O101",
    name: "unsound-query",
    severity: Severity::Error,
    docs: "A query of a rule or a dashboard would not measure what it says. Prometheus would accept it, and \
           show nothing or a wrong number: a metric or label that the pinned engine version does not have, a \
           bucket that its histogram lacks, a quantile over series that were not summed by `le`, a counter read \
           without `rate`, a gauge read with it, a range too short for the scrape interval, a division by what may \
           be zero, or series of other stacks.\n\n\
           ```promql\nhistogram_quantile(0.99, rate(x_bucket[5m]))   # one quantile for each pod\n```\n\n\
           Queries are written by the compiler, so this is its fault: please report it with the spec.",
};

/// A finding for each of `faults` of `expr`, placed at the block that the query was made for.
pub(in crate::emit) fn diagnose(at: &Route, purpose: &str, expr: &str, faults: &[String]) -> Vec<Diagnostic> {
    let finding = |fault: &String| {
        Diagnostic::new(&UNSOUND_QUERY, Place::Key(at.clone()), format!("the query of {purpose} is unsound: {fault}"))
            .help(format!("the query is `{expr}`"))
            .help("this is a fault of the compiler; please report it with the spec")
    };
    faults.iter().map(finding).collect()
}

/// A string literal of PromQL. Control characters are escaped by code point, as Go does.
pub(in crate::emit) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A selector of series. Matchers stay in the order in which they were added.
#[derive(Clone, Debug)]
pub(in crate::emit) struct Selector {
    matchers: Vec<String>,
}

impl Selector {
    /// Every series; matchers narrow it.
    pub(in crate::emit) fn everywhere() -> Self {
        Self { matchers: Vec::new() }
    }

    /// The series of a model's pods, by the labels that the scrape gives them.
    pub(in crate::emit) fn model(stack: &Stack, model: &str) -> Self {
        Self::stack(stack).equal("llmc_model", model)
    }

    /// The series of a stack.
    pub(in crate::emit) fn stack(stack: &Stack) -> Self {
        Self::namespace(stack).equal("llmc_stack", &stack.name)
    }

    /// The series of the stack's namespace, for metrics of the cluster.
    pub(in crate::emit) fn namespace(stack: &Stack) -> Self {
        Self::everywhere().equal("namespace", &stack.namespace)
    }

    /// Adds `label="value"`.
    #[must_use]
    pub(in crate::emit) fn equal(mut self, label: &str, value: &str) -> Self {
        self.matchers.push(format!("{label}={}", quote(value)));
        self
    }

    /// Adds `label=~"pattern"`; values within the pattern go through [`escape_pattern`] before.
    #[must_use]
    pub(in crate::emit) fn matches(mut self, label: &str, pattern: &str) -> Self {
        self.matchers.push(format!("{label}=~{}", quote(pattern)));
        self
    }

    /// Adds `label!~"pattern"`, as [`Self::matches`] does.
    #[must_use]
    pub(in crate::emit) fn unlike(mut self, label: &str, pattern: &str) -> Self {
        self.matchers.push(format!("{label}!~{}", quote(pattern)));
        self
    }

    /// Adds `label!="value"`.
    #[must_use]
    pub(in crate::emit) fn differs(mut self, label: &str, value: &str) -> Self {
        self.matchers.push(format!("{label}!={}", quote(value)));
        self
    }

    /// The selector of the series `name`.
    pub(in crate::emit) fn of(&self, name: &str) -> String {
        format!("{name}{{{}}}", self.matchers.join(","))
    }
}

/// A pattern that matches `text` alone, before it is quoted.
pub(in crate::emit) fn escape_pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Of these only: `regex::escape` also escapes the dash, which names are full of.
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A pattern that matches a bucket's upper bound in `le`, in seconds.
///
/// Python's client writes `1.0` where Go's writes `1`, and Prometheus 3 rewrites `1` to `1.0`, so
/// a whole number is matched in both forms.
pub(in crate::emit) fn le_pattern(bound: f64) -> String {
    let short = bound.to_string();
    if short.contains('.') { short.replace('.', "\\.") } else { format!("{short}(\\.0)?") }
}

#[cfg(test)]
mod tests {
    use super::{le_pattern, quote};

    #[test]
    fn nothing_breaks_out_of_a_string() {
        assert_eq!(quote("a\"b\\c\nd\u{7}"), r#""a\"b\\c\nd\u0007""#);
        for text in ["plain", "quo\"te", "back\\slash", "new\nline", "\u{1}\u{85}", "한국어", "{{ $labels }}"] {
            let parsed = promql_parser::parser::parse(&quote(text)).expect("a string literal");
            let promql_parser::parser::Expr::StringLiteral(literal) = parsed else { panic!("not a string") };
            assert_eq!(literal.val, text);
        }
    }

    #[test]
    fn bounds_match_what_both_prometheus_versions_store() {
        let is_match = |bound, le: &str| regex::Regex::new(&format!("^(?:{})$", le_pattern(bound))).expect("a regex").is_match(le);
        assert!(is_match(1.0, "1") && is_match(1.0, "1.0") && is_match(2.5, "2.5"));
        assert!(!is_match(1.0, "1.05") && !is_match(1.0, "10") && !is_match(2.5, "205"));
    }
}
