//! The alert about the servers that guarded requests go through.

use super::alerts::{NOTHING_READY_SECONDS, nothing_ready};
use super::rule::{Alert, Description, Group, Rule, Severity};
use super::scope::{owner_label, stack_labels};
use crate::diagnostic::Route;
use crate::emit::guardrails::server_name;
use crate::emit::promql::Selector;
use crate::stack::{Guardrails, Stack};

/// One group for each guardrail configuration that a route uses, since only those have a server.
pub(super) fn groups(stack: &Stack) -> impl Iterator<Item = Group> {
    let used = stack.guardrails.values().filter(|guardrails| stack.routes_guarded_by(&guardrails.name).next().is_some());
    used.map(|guardrails| Group {
        name: format!("{}.guardrails.{}", stack.name, guardrails.name),
        interval_seconds: None,
        about: Route::of(["guardrails", guardrails.name.as_str()]),
        rules: vec![Rule::Alert(Box::new(down(stack, guardrails)))],
    })
}

fn down(stack: &Stack, guardrails: &Guardrails) -> Alert {
    let deployment = Selector::namespace(stack).equal("deployment", &server_name(stack, guardrails));
    let (expr, cases) = nothing_ready(&deployment);
    let mut labels = stack_labels(stack);
    labels.insert("llmc_guardrails".into(), guardrails.name.clone());
    labels.extend(owner_label(stack));
    let routes: Vec<&str> = stack.routes_guarded_by(&guardrails.name).map(|route| route.name.as_str()).collect();
    Alert {
        name: "GuardrailsDown".into(),
        expr,
        for_seconds: NOTHING_READY_SECONDS,
        severity: Severity::Page,
        labels,
        summary: format!("the guardrails {} have no ready copy", guardrails.name),
        description: Description::plain(format!(
            "No server of the guardrails {} in {} is ready, so every request to these routes fails: {}. If new pods do not start, \
             the log of their container check-configs says which configuration does not load.",
            guardrails.name,
            stack.namespace,
            routes.join(", ")
        )),
        cases,
    }
}
