//! Prompts that, with their longest variables and answer, do not fit the models that may answer them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::answerers::answerers;
use super::template::{analyse, templates};
use crate::check::Context;
use crate::diagnostic::{Diagnostic, Place, Route as Path, Rule, thousands};
use crate::estimate::tokens::{self, Family, Messages, Piece, Reader};
use crate::stack::{Model, Prompt, Route, Target};

/// A version whose longest request a model does not take, or may not take.
pub(in crate::check) struct Overlong<'a> {
    prompt: &'a Prompt,
    version: &'a str,
    model: &'a Model,
    /// The place that names the model.
    routed: Path,
    reader: Reader<'a>,
    terms: Vec<Term>,
    answer: u64,
    /// Whether even the fewest tokens that it may have are too many.
    pub(in crate::check) is_certain: bool,
}

/// A part of the longest request, in tokens.
struct Term {
    name: String,
    low: u64,
    high: u64,
}

/// What a template says by itself, and how often it says each variable.
struct Written<'t> {
    /// Words that every prompt has.
    fixed: Vec<&'t str>,
    /// The same, and those of branches and loops.
    all: Vec<&'t str>,
    /// By variable, at least and at most.
    times: BTreeMap<String, [u64; 2]>,
}

/// Each version that does not fit a model, once for both.
pub(in crate::check) fn overlong<'a>(cx: &Context<'a>) -> Vec<Overlong<'a>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (route_name, described) in &cx.spec.route {
        let (Some(route), Some(prompt)) = (cx.stack.routes.get(route_name), cx.stack.prompts.get(&described.prompt)) else { continue };
        let Some(written) = cx.spec.prompt.get(&described.prompt) else { continue };
        for (version, answered) in &written.version {
            for (routed, name) in answerers((route_name, described), (version, answered)) {
                let Some(model) = cx.stack.models.get(name) else { continue };
                if seen.insert((&prompt.name, version, name)) {
                    found.extend(judge(cx, (route, prompt, version), model, routed));
                }
            }
        }
    }
    found
}

/// Nearly free where the bytes of the templates fit already: then nothing is counted.
fn judge<'a>(
    cx: &Context<'a>,
    (route, prompt, version): (&'a Route, &'a Prompt, &'a str),
    model: &'a Model,
    routed: Path,
) -> Option<Overlong<'a>> {
    let content = prompt.versions.get(version)?;
    let (most, answer) = (model.serve.max_model_len, content.sampling.max_tokens);
    // An answer that leaves no room at all is reported for that.
    if answer >= most {
        return None;
    }
    let mut texts = Vec::new();
    for (field, text) in templates(content) {
        texts.push((field, written(&text.text)?));
    }
    let target = Target::Model(model.name.clone());
    let reader = Reader::of_target(cx.stack, &target);
    let messages = if content.system.is_some() { Messages::SystemAndUser } else { Messages::User };
    let around = tokens::around(reader.family, messages);
    let mut variables: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (name, times) in texts.iter().flat_map(|(_, text)| &text.times) {
        let longest = prompt.variables.get(name).copied().unwrap_or(0);
        let sum = variables.entry(name).or_default();
        *sum = [0, 1].map(|at| sum[at].saturating_add(longest.saturating_mul(times[at])));
    }
    let bytes = texts.iter().flat_map(|(_, text)| &text.all).fold(0_u64, |sum, text| sum.saturating_add(reader.family.most(text)));
    let beside = variables.values().fold(around.high.saturating_add(answer), |sum, [_, high]| sum.saturating_add(*high));
    if bytes.saturating_add(beside) <= most {
        return None;
    }
    let parts = tokens::of_version_for(cx.stack, &prompt.name, version, route, &target)?;
    let mut terms = Vec::new();
    for (field, text) in &texts {
        let count = if *field == "system" { parts.system } else { parts.user };
        let low = if text.fixed.len() == text.all.len() { count.low } else { reader.count_all(text.fixed.iter().copied()).0.low };
        terms.push(Term { name: (*field).to_owned(), low: low.min(count.high), high: count.high });
    }
    terms.extend(variables.into_iter().map(|(name, [low, high])| Term { name: name.to_owned(), low, high }));
    terms.push(Term { name: "template".to_owned(), low: around.low, high: around.high });
    terms.push(Term { name: "answer".to_owned(), low: answer, high: answer });
    let overlong = Overlong { prompt, version, model, routed, reader, terms, answer, is_certain: false };
    let [low, high] = [overlong.total(true), overlong.total(false)];
    (high > most).then_some(Overlong { is_certain: low > most, ..overlong })
}

/// What `template` says; none where it does not parse.
fn written(template: &str) -> Option<Written<'_>> {
    let pieces = tokens::pieces(template)?;
    let mut written = Written { fixed: Vec::new(), all: Vec::new(), times: BTreeMap::new() };
    let value = |piece: &Piece<'_>| match piece {
        Piece::Value { range, is_plain, always } => Some((range.clone(), *is_plain && *always)),
        Piece::Text { .. } => None,
    };
    let mut values: Vec<(Range<usize>, bool)> = pieces.iter().filter_map(value).collect();
    values.sort_by_key(|(range, _)| range.start);
    for (name, used) in analyse(template).ok()?.variables {
        let [low, high] = written.times.entry(name).or_default();
        let before = values.partition_point(|(range, _)| range.start <= used.start);
        if let Some((_, is_sure)) = before.checked_sub(1).and_then(|at| values.get(at)).filter(|(range, _)| used.end <= range.end) {
            *low += u64::from(*is_sure);
            *high += 1;
        }
    }
    // One that is only looped over or asked for is said once, at most.
    written.times.values_mut().for_each(|[_, high]| *high = (*high).max(1));
    for piece in pieces {
        if let Piece::Text { text, always, .. } = piece {
            written.all.push(text);
            written.fixed.extend(always.then_some(text));
        }
    }
    Some(written)
}

impl Overlong<'_> {
    fn total(&self, is_low: bool) -> u64 {
        self.terms.iter().fold(0, |sum, term| sum.saturating_add(if is_low { term.low } else { term.high }))
    }

    /// `system 812 + user 40 + query 1,500 + template 25 + answer 512 = 2,889 > 2,048`.
    fn sum(&self) -> String {
        let figure = |term: &Term| thousands(if self.is_certain { term.low } else { term.high });
        let terms: Vec<String> = self.terms.iter().map(|term| format!("{} {}", term.name, figure(term))).collect();
        format!("{} = {} > {}", terms.join(" + "), thousands(self.total(self.is_certain)), thousands(self.model.serve.max_model_len))
    }

    /// The finding of `rule`.
    pub(in crate::check) fn finding(&self, rule: &'static Rule) -> Diagnostic {
        let (name, most) = (&self.model.name, self.model.serve.max_model_len);
        let total = self.total(self.is_certain);
        let over = total.saturating_sub(most);
        let is_exact = self.terms.iter().all(|term| term.low == term.high);
        let verb = if self.is_certain { "does not fit" } else { "may not fit" };
        let bound = match (is_exact, self.is_certain) {
            (true, _) => "",
            (false, true) => "at least ",
            (false, false) => "up to ",
        };
        let message = format!("`{}@{}` {verb} `{name}`: {bound}{} tokens", self.prompt.name, self.version, self.sum());
        let at = Path::of(["prompt", &self.prompt.name, "version", self.version]);
        let mut finding = Diagnostic::at_key(rule, at, message)
            .label("with its longest variables and answer")
            .related(Place::Value(Path::of(["model", name, "serve", "max-model-len"])), "for prompt and answer together")
            .related(Place::Value(self.routed.clone()), "may answer it");
        if !self.is_certain && self.reader.tokenizer.is_none() && self.reader.family != Family::O200k {
            finding = finding.help(format!("name the tokenizer of `{name}`, which counts exactly: `tokenizer file=… sha256=…`"));
        }
        finding = match self.model.context_tokens.filter(|context| *context < total) {
            None => finding.help(format!("raise `max-model-len` to {total}")),
            Some(context) => finding.help(format!("`{name}` was made for at most {} tokens", thousands(context))),
        };
        if self.answer > over {
            finding = finding.help(format!("or lower `max-tokens` to {}", self.answer - over));
        }
        finding.help(format!("or shorten the templates or the variables of `{}` by {} tokens", self.prompt.name, thousands(over)))
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_variable_counts_where_it_is_said() {
        let template =
            "Hi {{ name }}, {{ name }}{% if notes %} ({{ notes | upper }}){% endif %}{% for d in documents %}{{ d }}{% endfor %}";
        let written = written(template).expect("it parses");
        let times: Vec<(&str, [u64; 2])> = written.times.iter().map(|(name, times)| (name.as_str(), *times)).collect();
        assert_eq!(times, [("documents", [0, 1]), ("name", [2, 2]), ("notes", [0, 1])]);
        assert_eq!(written.fixed, ["Hi ", ", "]);
        assert_eq!(written.all, ["Hi ", ", ", " (", ")"]);
    }
}
