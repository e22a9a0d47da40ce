//! Policies in Rego: those that ship with llmc and those of a repository, at three moments.
//!
//! The first word of a package says when its rules are asked: `stack` about the resolved stack,
//! `manifests` or `main` about each Kubernetes object, `plan` about what would change. The rules'
//! names are conftest's: `deny`, `violation` and `warn`, alone or with `_` and the policy's name, and
//! `exception` for what is let through. A policy that cannot be evaluated is a finding, never a
//! silence; and a verdict depends on its input alone.

#[cfg(feature = "policy")]
mod calls;
#[cfg(feature = "policy")]
mod evaluate;
mod files;
#[cfg(feature = "policy")]
mod inspect;
#[cfg(feature = "policy")]
mod load;
#[cfg(feature = "policy")]
mod message;
#[cfg_attr(not(feature = "policy"), allow(dead_code, reason = "nothing gives results"))]
mod result;
#[cfg_attr(not(feature = "policy"), allow(dead_code, reason = "nothing breaks them all"))]
mod rules;
#[cfg(feature = "policy")]
mod shipped;
#[cfg(feature = "policy")]
mod trial;
#[cfg_attr(not(feature = "policy"), allow(dead_code, reason = "nothing is judged"))]
mod verdict;
mod waive;
#[cfg(not(feature = "policy"))]
mod without;

use std::sync::Arc;

pub use crate::spec::Day;
pub use files::{File, read, read_file};
#[cfg(feature = "policy")]
pub use load::Set;
pub use result::schema as finding_schema;
pub use rules::RULES;
#[cfg(feature = "policy")]
pub use trial::{Coverage, Outcome, Test, Trial, run as trial};
pub use verdict::{Applied, Verdict, Waived};
#[cfg(not(feature = "policy"))]
pub use without::Set;

use crate::diagnostic::{Rule, Severity};

/// A waiver that lets nothing through.
pub static UNUSED_WAIVER: &Rule = &rules::UNUSED;

/// When rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// About the resolved stack.
    Stack,
    /// About each Kubernetes object.
    Manifests,
    /// About what would change.
    Plan,
}

impl Moment {
    #[cfg(feature = "policy")]
    /// First words of the packages that are asked, each with its moment. `main` is conftest's.
    const WORDS: [(&'static str, Self); 4] =
        [("stack", Self::Stack), ("manifests", Self::Manifests), ("main", Self::Manifests), ("plan", Self::Plan)];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Manifests => "manifests",
            Self::Plan => "plan",
        }
    }
}

/// One rule that is asked.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name, by which it is waived and excepted: that of the rule without `deny_`, `violation_` or
    /// `warn_`; package and rule, such as `main.deny`, where the rule has no name of its own.
    pub name: String,
    /// When it is asked.
    pub moment: Moment,
    /// How bad its findings are.
    pub severity: Severity,
    /// Whether it ships with llmc.
    pub is_shipped: bool,
    /// Words of its package.
    pub package: Vec<String>,
    /// Name of its rule.
    pub rule: String,
    /// File of its first definition, as shown to people.
    pub path: String,
    /// Line of its first definition, from 1.
    pub line: u32,
}

impl Policy {
    /// Where it stands, for people.
    pub fn origin(&self) -> String {
        if self.is_shipped { "shipped with llmc".to_owned() } else { format!("{}:{}", self.path, self.line) }
    }
}

/// The policies of a repository, and the day on which waivers are judged.
#[derive(Clone, Debug)]
pub struct Policies {
    set: Arc<Set>,
    today: Day,
}

impl Policies {
    /// Judges by `set`, with waivers as they stand on `today`.
    pub fn new(set: Set, today: Day) -> Self {
        Self { set: Arc::new(set), today }
    }

    /// The day on which is judged.
    pub fn today(&self) -> Day {
        self.today
    }

    /// Judges by what ships with llmc, on the first day of 1970, on which every waiver holds.
    pub fn shipped() -> Self {
        Self::new(Set::load(Vec::new()), Day::from_unix_seconds(0))
    }

    /// The policies.
    pub fn set(&self) -> &Set {
        &self.set
    }

    /// What the stack and its objects (with their paths) are found to be, after what `waivers` let
    /// through; `others` are names that they may have beside those of policies.
    pub fn judge_stack(
        &self,
        stack: &serde_json::Value,
        objects: &[(String, serde_json::Value)],
        waivers: &std::collections::BTreeMap<String, crate::spec::Waiver>,
        others: &[&str],
    ) -> Verdict {
        let mut judgement = self.set.stack(stack);
        judgement.extend(self.set.manifests(objects));
        let mut verdict = waive::apply(&self.set, judgement, waivers, self.today);
        verdict.diagnostics.extend(waive::check(&self.set, &verdict, waivers, others, self.today));
        verdict
    }

    /// What `plan` is found to be, with the stack that stands (`base`, an empty object when there is
    /// none) and the new one (`head`), after what `waivers` let through.
    pub fn judge_plan(
        &self,
        plan: &serde_json::Value,
        base: &serde_json::Value,
        head: &serde_json::Value,
        waivers: &std::collections::BTreeMap<String, crate::spec::Waiver>,
    ) -> Verdict {
        waive::apply(&self.set, self.set.plan(plan, base, head), waivers, self.today)
    }
}
