//! One spec file through the whole pipeline, in memory.

mod against;

pub use against::{Held, against};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::capacity;
use crate::check::{self, Context};
use crate::cost::Cost;
use crate::diagnostic::{self, Diagnostic, Finding, Place, Route, Rule, Severity};
use crate::emit::{self, FileSet, RECORD_FILE};
use crate::fit;
use crate::lock;
use crate::plan::StackPlan;
use crate::policy::{self, Applied, Policies};
use crate::pricing::{self, Base, CostChange};
use crate::resolve::{self, Resolved};
use crate::source::{self, Folder, Sources, Syntax};
use crate::spec::{self, Spec};
use crate::stack::Stack;

/// What became of one spec file.
pub struct Compilation {
    /// Path of the spec as shown to people.
    pub spec_path: String,
    /// The resolved stack, as far as it could be resolved; none without a name.
    pub stack: Option<Stack>,
    /// Everything that was found, sorted.
    pub findings: Vec<Finding>,
    /// The output; `None` when a finding is an error.
    pub files: Option<FileSet>,
    /// The texts of the stack, in which later findings are located.
    pub sources: Sources,
    /// The policies that the stack was judged by.
    pub policies: Policies,
    /// Which of them were asked about the stack and its objects, and what was let through.
    pub applied: Applied,
    /// What waits for [`against`], where every error may be one that the tree that stands has already.
    pub held: Option<Box<Held>>,
}

impl Compilation {
    /// The output, also where it is held: to be looked at, never to be written.
    pub fn shown_files(&self) -> Option<&FileSet> {
        self.files.as_ref().or_else(|| self.held.as_ref().map(|held| &held.files))
    }

    /// The files that the spec names, as they were read.
    pub fn texts(&self) -> Folder {
        Folder::in_memory(self.sources.files())
    }
}

/// A fault of the compiler itself. It can only be reported, never waived.
pub static INTERNAL: Rule = Rule {
    code: "LLMC-X999",
    name: "internal-fault",
    severity: Severity::Error,
    docs: "The compiler contradicted itself: something could not be compiled and no rule says why.\n\n\
           Nothing was written. Please report it with the spec; this is never the spec's fault alone.",
};

/// A tree that stands does not say what it was compiled from. Policies over plans compare with that,
/// so none of them can be asked; only a tree can break this rule, never a spec.
pub static INCOMPARABLE: Rule = Rule {
    code: "LLMC-Y008",
    name: "incomparable-tree",
    severity: Severity::Error,
    docs: "The tree that stands has no `stack.json` that can be read, so policies over plans, such as \
           \"guardrails never fewer than before\", have nothing to compare with.\n\n\
           A comparison that cannot be made never counts as one that found nothing, so nothing is applied. \
           Restore the file from the commit that compiled the tree: `git checkout COMMIT -- \
           generated/<stack>/stack.json`.",
};

/// Compiles the spec at `path`, which is shown to people as `shown`, and judges it by `policies`.
pub fn compile(path: &Path, shown: &str, policies: &Policies) -> Compilation {
    let mut diagnostics = Vec::new();
    let text = match source::read_spec_file(path) {
        Ok(text) => text,
        Err(fault) => {
            let (diagnostic, text) = *fault;
            diagnostics.push(diagnostic);
            text
        }
    };
    compiled(path, &text, shown, policies, diagnostics)
}

/// As [`compile`], of a text that could stand at `path`.
pub fn compile_text(path: &Path, text: &str, shown: &str, policies: &Policies) -> Compilation {
    compiled(path, text, shown, policies, Vec::new())
}

fn compiled(path: &Path, text: &str, shown: &str, policies: &Policies, mut diagnostics: Vec<Diagnostic>) -> Compilation {
    let mut findings = policies.set().faults().to_vec();
    let mut applied = Applied::default();
    let mut sources = Sources::new(shown.to_owned(), text);
    let mut stack = None;
    let mut files = None;
    // A file that could not be read at all was reported; there is nothing to parse.
    if diagnostics.is_empty() || !text.is_empty() {
        let syntax = Syntax::of(path).unwrap_or(Syntax::Kdl);
        let document = source::read(text, syntax, spec::schema(), &mut diagnostics);
        // The places are known even where the types refuse what they hold.
        document.iter().for_each(|document| sources.set_document(document));
        if let Some((spec, document)) = document.and_then(|document| typed(document, &mut diagnostics)) {
            let Resolved { stack: resolved, left_out } = resolve::resolve(&spec, &Folder::of(path), &mut sources, &mut diagnostics);
            let fits = fit::of_stack(&resolved);
            let capacities = capacity::of_stack(&resolved, &fits);
            let cost = Cost::of(&resolved, &capacities).ok();
            let texts = Folder::in_memory(sources.files());
            let context = Context {
                spec: &spec,
                document: &document,
                stack: &resolved,
                fits: &fits,
                capacities: &capacities,
                cost: cost.as_ref(),
                texts: &texts,
                today: policies.today(),
            };
            check::run(&context, &mut diagnostics);
            // What the tree that stands may excuse does not keep the rest from being compiled.
            let is_error = |d: &Diagnostic| d.rule.severity == Severity::Error && !against::may_excuse(d.rule);
            if !diagnostics.iter().any(is_error) {
                for route in left_out {
                    let message = format!("`{route}` could not be resolved, and no rule says why");
                    diagnostics.push(Diagnostic::at_key(&INTERNAL, route, message));
                }
            }
            if !diagnostics.iter().any(is_error) {
                match emit::emit(&resolved, emit::Estimates { fits: &fits, capacities: &capacities, cost: cost.as_ref() }, &sources.files())
                {
                    Ok(compiled) => {
                        let explicit = &resolved.explicit;
                        let verdict = policies.judge_stack(&explicit.to_value(), &compiled.objects, &explicit.waive);
                        diagnostics.extend(verdict.diagnostics);
                        findings.extend(verdict.faults);
                        applied = verdict.applied;
                        files = Some(compiled.files);
                    }
                    Err(faults) => diagnostics.extend(faults),
                }
            }
            let name = Route::of(["stack"]);
            stack = (document.spans.contains_key(&name) && !document.dropped.contains(&name)).then_some(resolved);
        }
    }
    findings.extend(diagnostics.into_iter().map(|d| sources.locate(d)));
    diagnostic::sort(&mut findings);
    let mut held = None;
    if diagnostic::has_errors(&findings) {
        held = files.take().and_then(|files| Held::of(files, &findings));
    }
    Compilation { spec_path: shown.to_owned(), stack, findings, files, sources, policies: policies.clone(), applied, held }
}

/// What the change from `base`, which [`judge_plan`] describes, to what was compiled does to cost; `compilation`
/// is none where the stack goes.
pub fn cost_change(compilation: Option<&Compilation>, base: Option<&Value>) -> Option<CostChange> {
    let texts = compilation.map(Compilation::texts);
    let new = compilation.and_then(|compilation| compilation.stack.as_ref()).map(|stack| &stack.explicit);
    pricing::change(base_of(base), new.zip(texts.as_ref()))
}

/// What a record says of what stands.
fn base_of(base: Option<&Value>) -> Base<'_> {
    match base {
        None => Base::Unreadable,
        Some(Value::Object(fields)) if fields.is_empty() => Base::Absent,
        Some(record) => Base::Record(record),
    }
}

/// What the policies over a plan say.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What they found, in the spec or in the policies' files, sorted.
    pub findings: Vec<Finding>,
    /// Which of them were asked, and what was let through.
    pub applied: Applied,
}

/// Judges `plan`, which leads to what `compilation` compiled, by its policies. `base` is the record
/// (`stack.json`) of the tree that stands: an empty object where none stands, none where one stands
/// and its record cannot be read.
pub fn judge_plan(compilation: &Compilation, plan: &StackPlan, base: Option<&Value>) -> Judgement {
    let Some(stack) = &compilation.stack else { return Judgement::default() };
    let Some(base) = base else {
        let message = format!("the policies over plans cannot compare: `{}` has no readable `{RECORD_FILE}`", plan.output);
        let diagnostic = Diagnostic::at_value(&INCOMPARABLE, Route::of(["stack"]), message);
        let diagnostic = diagnostic.help(format!("restore `{RECORD_FILE}` from the commit that compiled the tree"));
        return Judgement { findings: vec![compilation.sources.locate(diagnostic)], applied: Applied::default() };
    };
    // Strings, numbers and lists only: this cannot fail.
    let plan = serde_json::to_value(plan).unwrap_or_default();
    let verdict = compilation.policies.judge_plan(&plan, base, &emit::recorded(stack), &stack.explicit.waive);
    let mut findings = verdict.faults;
    findings.extend(verdict.diagnostics.into_iter().map(|d| compilation.sources.locate(d)));
    diagnostic::sort(&mut findings);
    Judgement { findings, applied: verdict.applied }
}

/// The findings of several stacks; a fault of a policy's file, which each of them has, stands once.
pub fn findings<'a>(compilations: impl IntoIterator<Item = &'a Compilation>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings: Vec<Finding> = compilations.into_iter().flat_map(|c| c.findings.clone()).collect();
    findings.retain(|f| seen.insert((f.primary.path.clone(), f.primary.range.start, f.rule.code, f.message.clone())));
    findings
}

/// What becomes of a spec, shown as `shown`, on which the compiler fails.
pub fn crashed(shown: &str, policies: &Policies) -> Compilation {
    let message = "the compiler failed on this spec".to_owned();
    let fault = Diagnostic::new(&INTERNAL, Place::Text { file: String::new(), range: 0..0 }, message);
    let sources = Sources::new(shown.to_owned(), "");
    let findings = vec![sources.locate(fault)];
    let (policies, applied) = (policies.clone(), Applied::default());
    Compilation { spec_path: shown.to_owned(), stack: None, findings, files: None, sources, policies, applied, held: None }
}

/// The spec that `document` holds, beside it, or `None` when the types refuse it.
fn typed(mut document: source::Document, diagnostics: &mut Vec<Diagnostic>) -> Option<(Spec, source::Document)> {
    fill_root(&mut document.value, diagnostics);
    match source::typed::<Spec>(&document.value) {
        Ok(spec) => Some((spec, document)),
        Err((route, message)) => {
            // The schema accepted what the types refuse: a value that only a type can judge.
            diagnostics.push(Diagnostic::at_value(&source::rules::OUT_OF_RANGE, route, message));
            None
        }
    }
}

/// The root's required fields cannot be dropped with a block, so a missing one gets a stand-in;
/// its absence was reported.
fn fill_root(value: &mut Value, diagnostics: &[Diagnostic]) {
    if value.is_null() {
        *value = Value::Object(serde_json::Map::new());
    }
    if diagnostics.iter().all(|d| d.rule.severity != Severity::Error) {
        return;
    }
    if let Some(map) = value.as_object_mut() {
        for field in ["stack", "namespace"] {
            map.entry(field).or_insert_with(|| Value::String("missing".into()));
        }
    }
}

/// Number of findings of each severity.
pub fn count(findings: &[Finding]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::from([("error", 0), ("warning", 0)]);
    for finding in findings {
        *counts.entry(finding.rule.severity.word()).or_default() += 1;
    }
    counts
}

/// Every rule of every stage, this one's included, sorted by code.
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> = source::rules::RULES
        .iter()
        .copied()
        .chain(check::CHECKS.iter().map(|c| c.rule))
        .chain(lock::RULES.iter().copied())
        .chain(emit::rules())
        .chain(policy::RULES.iter().copied())
        .chain([&INCOMPARABLE, &INTERNAL])
        .collect();
    rules.sort_by_key(|r| r.code);
    rules
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rules;

    #[test]
    fn codes_are_unique_well_formed_and_sorted() {
        let rules = rules();
        let codes: BTreeSet<&str> = rules.iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), rules.len(), "a code is used twice");
        let names: BTreeSet<&str> = rules.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), rules.len(), "a name is used twice");
        for rule in &rules {
            let form = rule
                .code
                .strip_prefix("LLMC-")
                .is_some_and(|c| c.len() == 4 && c.as_bytes()[0].is_ascii_uppercase() && c[1..].bytes().all(|b| b.is_ascii_digit()));
            assert!(form, "{} is not LLMC-<letter><three digits>", rule.code);
            assert!(rule.docs.len() > 60, "{} is hardly documented", rule.code);
        }
    }
}
