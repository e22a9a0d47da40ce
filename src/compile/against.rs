//! Only new violations block: what a tree that stands violates already is no fault of the next change.

use std::sync::LazyLock;

use serde_json::Value;

use super::{Compilation, base_of};
use crate::capacity;
use crate::check::{self, Context, Excess, Limited};
use crate::cost::Cost;
use crate::diagnostic::{self, Diagnostic, Finding, Rule, Severity};
use crate::emit::FileSet;
use crate::fit;
use crate::pricing::{self, Base};
use crate::resolve;
use crate::source::{Document, Folder, Sources};
use crate::spec::{Day, Spec};

/// Output whose every error may be excused by the tree that stands.
#[derive(Clone, Debug)]
pub struct Held {
    /// The output.
    pub(super) files: FileSet,
    /// What was found, with nothing excused.
    findings: Vec<Finding>,
}

impl Held {
    /// `files`, where every error of `findings` may be excused.
    pub(super) fn of(files: FileSet, findings: &[Finding]) -> Option<Box<Self>> {
        let mut errors = findings.iter().filter(|finding| finding.rule.severity == Severity::Error);
        errors.all(|finding| may_excuse(finding.rule)).then(|| Box::new(Self { files, findings: findings.to_vec() }))
    }
}

/// The rules that a tree can excuse, as warnings.
static EXCUSED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let warning = |rule: &Rule| Rule { code: rule.code, name: rule.name, severity: Severity::Warning, docs: rule.docs };
    check::LIMITED.iter().map(|limited| warning(limited.rule)).collect()
});

/// Whether a tree that stands can excuse what breaks `rule`.
pub(super) fn may_excuse(rule: &Rule) -> bool {
    rule.severity == Severity::Error && limited(rule).is_some()
}

fn limited(rule: &Rule) -> Option<&'static Limited> {
    check::LIMITED.iter().find(|limited| limited.rule.code == rule.code)
}

/// Holds what was found against `base`, the record of the tree that stands, as [`super::judge_plan`] has it.
/// What that tree violates already, and no less, becomes a warning; where no error is left, the output is
/// released. It may be held against another tree later.
pub fn against(compilation: &mut Compilation, base: Option<&Value>) {
    let (Some(held), Some(stack)) = (&compilation.held, &compilation.stack) else { return };
    compilation.findings.clone_from(&held.findings);
    compilation.files = None;
    if let Base::Record(record) = base_of(base)
        && let Ok((old, document)) = pricing::read(record)
        && let Ok((old, _)) = pricing::comparable(old, &stack.explicit, &compilation.texts())
    {
        let (texts, today) = (compilation.texts(), compilation.policies.today());
        let new = violations((&stack.explicit, &Document::default()), &texts, today);
        let old = violations((&old, &document), &texts, today);
        let words = "already so before this change, which makes it no worse: it blocks nothing";
        for finding in compilation.findings.iter_mut().filter(|finding| may_excuse(finding.rule)) {
            let is_old = |limited: &Limited| no_worse(limited, &old, &new);
            let rule = limited(finding.rule).filter(|limited| is_old(limited));
            if let Some(rule) = rule.and_then(|limited| EXCUSED.iter().find(|rule| rule.code == limited.rule.code)) {
                finding.rule = rule;
                finding.help.insert(0, words.to_owned());
            }
        }
    }
    if !diagnostic::has_errors(&compilation.findings) {
        compilation.files = Some(held.files.clone());
    }
}

/// What a spec violates.
struct Violations(Vec<Violation>);

/// What it violates of one rule.
struct Violation {
    rule: &'static Rule,
    excesses: Vec<Excess>,
    /// The findings, for a rule without amounts.
    diagnostics: Vec<Diagnostic>,
}

/// Whether what the new spec violates of a rule was violated before as badly: each amount is no higher, each
/// limit no lower.
fn no_worse(limited: &Limited, old: &Violations, new: &Violations) -> bool {
    let of = |violations: &'_ Violations| violations.0.iter().position(|violation| violation.rule.code == limited.rule.code);
    let (Some(was), Some(is)) = (of(old).and_then(|at| old.0.get(at)), of(new).and_then(|at| new.0.get(at))) else { return false };
    let excess =
        |now: &Excess| was.excesses.iter().any(|then| then.route == now.route && now.amount <= then.amount && now.limit >= then.limit);
    let finding = |now: &Diagnostic| was.diagnostics.iter().any(|then| then.primary == now.primary && then.message == now.message);
    let any = !is.excesses.is_empty() || !is.diagnostics.is_empty();
    any && is.excesses.iter().all(excess) && is.diagnostics.iter().all(finding)
}

/// What `spec` violates of the rules that hold a change against the tree that stands.
fn violations((spec, document): (&Spec, &Document), texts: &Folder, today: Day) -> Violations {
    let stack = resolve::resolve(spec, texts, &mut Sources::new(String::new(), ""), &mut Vec::new()).stack;
    let fits = fit::of_stack(&stack);
    let capacities = capacity::of_stack(&stack, &fits);
    let cost = Cost::of(&stack, &capacities).ok();
    let (fits, capacities, cost) = (&fits, &capacities, cost.as_ref());
    let context = Context { spec, document, stack: &stack, fits, capacities, cost, texts, today };
    let of = |limited: &Limited| {
        let mut diagnostics = Vec::new();
        if limited.excesses.is_none() {
            check::CHECKS
                .iter()
                .filter(|check| check.rule.code == limited.rule.code)
                .for_each(|check| (check.run)(&context, &mut diagnostics));
        }
        let excesses = limited.excesses.map(|excesses| excesses(&context)).unwrap_or_default();
        Violation { rule: limited.rule, excesses, diagnostics }
    };
    Violations(check::LIMITED.iter().map(of).collect())
}
