//! Rules over a spec and its resolved stack: one file each, holding its documentation and logic.
//!
//! To add one: a file here, a line in [`CHECKS`], and `tests/checks/<code>/{good,bad}/`. The table
//! is sorted by code; tests hold it against the folder.

use rust_decimal::Decimal;

use crate::capacity::Capacity;
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Place, Route, Rule};
use crate::fit::Fit;
use crate::lock::LOCK_FILE;
use crate::source::{Document, Folder};
use crate::spec::{Day, Spec};
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
    /// What is known about the memory of each of its models.
    pub fits: &'a [Fit<'a>],
    /// What is known about the throughput of each of its models.
    pub capacities: &'a [Capacity],
    /// What the stack costs; none where an amount is too large for a number.
    pub cost: Option<&'a Cost>,
    /// The files that the spec names, as they were read.
    pub texts: &'a Folder,
    /// The day on which it is checked.
    pub today: Day,
}

impl Context<'_> {
    /// The text of the lock, if there is one.
    fn lock_text(&self) -> Option<String> {
        self.texts.read(LOCK_FILE, &Place::File(LOCK_FILE.to_owned())).ok()
    }
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
    weights_not_whole,
    experiment_too_small,
    experiment_too_short,
    ramp_jumps,
    several_changes,
    overlapping_experiments,
    no_guard_metric,
    unproven_first_step,
    unstated_users,
    control_not_live,
    contradictory_days,
    undirected_guard,
    unplannable_metric,
    experiment_over,
    metric_is_guard,
    equal_variants,
    contradictory_hash,
    contradictory_holdouts,
    unusable_audience,
    reserved_variant,
    price_of_zero,
    unknown_price,
    currency_without_rate,
    price_out_of_date,
    price_in_the_future,
    contradictory_prices,
    unusable_price_list,
    budget_exceeded,
    budget_may_be_exceeded,
    request_over_budget,
    request_may_exceed_budget,
    amount_too_large,
    unknown_engine_version,
    refused_argument,
    unpinned_image,
    unpinned_revision,
    unknown_model_facts,
    tensor_parallel_heads,
    context_exceeded,
    batch_too_small,
    unknown_setting,
    wrong_model_facts,
    empty_guardrails,
    invalid_pattern,
    refused_refusal,
    reserved_name,
    unknown_gpu,
    tensor_parallel_over_node,
    pool_overcommitted,
    rollout_interrupts,
    contradictory_replicas,
    scattered_gpus,
    invalid_name,
    invalid_quantity,
    unshared_cache,
    unpinned_version,
    changed_version,
    memory_refused,
    memory_not_proven,
    load_exceeds_cache,
    load_not_proven,
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
    no_rollback,
    prompt_exceeds_context,
    prefix_not_shared,
    unusable_tokenizer,
    prompt_may_exceed_context,
    dangling_reference,
    unused_block,
    route_to_itself,
    load_exceeds_throughput,
    throughput_not_proven,
    objective_unattainable,
    load_of_zero,
    contradictory_loads,
    unstated_load,
    literal_secret,
}

/// An amount that is above its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The limit's place in the spec.
    pub route: Route,
    /// The amount.
    pub amount: Decimal,
    /// The limit.
    pub limit: Decimal,
}

/// A rule whose violation blocks a change only where the change makes it, or makes it worse.
pub struct Limited {
    /// The rule.
    pub rule: &'static Rule,
    /// What is above which limit. A rule without amounts is worse where it finds anything else than before.
    pub excesses: Option<fn(&Context<'_>) -> Vec<Excess>>,
}

/// The rules that hold a change against the tree that stands.
pub static LIMITED: &[Limited] = &[
    Limited { rule: budget_exceeded::CHECK.rule, excesses: Some(budget_exceeded::excesses) },
    Limited { rule: request_over_budget::CHECK.rule, excesses: None },
];

/// Rules that a `waive` block of a spec can let through, by the name that it has there: what they find is a
/// decision that somebody may take.
pub static WAIVABLE: [(&str, &Rule); 2] =
    [(experiment_too_small::WAIVER, experiment_too_small::CHECK.rule), (experiment_too_short::WAIVER, experiment_too_short::CHECK.rule)];

/// Runs every check.
pub fn run(context: &Context<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for check in CHECKS {
        (check.run)(context, diagnostics);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
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
