//! Rules over a spec and its resolved stack: one file each, holding its documentation and logic.
//!
//! To add one: a file here, a line in [`CHECKS`], and `tests/checks/<code>/{good,bad}/`. The table
//! is sorted by code; tests hold it against the folder.

use crate::diagnostic::{Diagnostic, Rule};
use crate::source::{self, Document};
use crate::spec::Spec;
use crate::stack::Stack;

mod support;

/// What a check may look at.
pub struct Context<'a> {
    /// What the user wrote, as far as it fits the schema.
    pub spec: &'a Spec,
    /// The same with places, and with what was dropped.
    pub document: &'a Document,
    /// What could be resolved of it.
    pub stack: &'a Stack,
}

/// A rule with its logic.
pub struct Check {
    /// What it finds.
    pub rule: &'static Rule,
    /// Appends its findings.
    pub run: fn(&Context<'_>, &mut Vec<Diagnostic>),
}

macro_rules! checks {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*
        /// Every check, sorted by code.
        pub static CHECKS: &[&Check] = &[$(&$module::CHECK),*];
    };
}

checks! {
    price_of_zero,
    unknown_engine_version,
    refused_argument,
    unpinned_image,
    unpinned_revision,
    unknown_model_facts,
    tensor_parallel_heads,
    context_exceeded,
    batch_too_small,
    empty_guardrails,
    invalid_pattern,
    refused_refusal,
    reserved_name,
    unknown_gpu,
    tensor_parallel_over_node,
    pool_overcommitted,
    rollout_interrupts,
    contradictory_replicas,
    invalid_name,
    invalid_quantity,
    objective_off_bucket,
    unknown_indicator,
    objective_bound,
    objective_never_alerts,
    unusable_interval,
    prompt_syntax,
    undeclared_variable,
    unused_variable,
    prompt_include,
    prompt_too_large,
    output_exceeds_context,
    dangling_reference,
    unused_block,
    literal_secret,
}

/// Runs every check.
pub fn run(context: &Context<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for check in CHECKS {
        (check.run)(context, diagnostics);
    }
}

/// Every rule of every stage, sorted by code.
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> =
        source::rules::RULES.iter().copied().chain(CHECKS.iter().map(|c| c.rule)).chain(crate::emit::rules()).collect();
    rules.sort_by_key(|r| r.code);
    rules
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
        assert!(CHECKS.is_sorted_by_key(|c| c.rule.code), "CHECKS is not sorted by code");
    }

    /// A file that is not in the table would never run.
    #[test]
    fn every_file_of_the_folder_is_in_the_table() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/check");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of the checks")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.replace('_', "-")))
            .filter(|name| name != "mod")
            .collect();
        let mut names: Vec<String> = CHECKS.iter().map(|c| c.rule.name.to_owned()).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names, "file names and rule names differ");
    }
}
