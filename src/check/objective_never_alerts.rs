//! Objectives whose fast alert cannot fire.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-O004",
    name: "objective-never-alerts",
    severity: Severity::Warning,
    docs: "The target of an objective is so low that its fast alert cannot fire.\n\n\
           The fast alert fires when an hour would use up 2 % of the window's error budget: at 14.4 times \
           the allowed share of bad requests for 30 days. With a target of 0.9 that is 144 % of all \
           requests, so a complete failure pages nobody until a slower alert sees it, hours later.\n\n\
           ```kdl\nobjective \"ttft\" { below \"1s\"; target 0.9; window \"30d\" }\n```\n\n\
           Raise the target above what the message computes, shorten the window, or rely on the slow alerts.",
};

/// Share of the error budget that one hour uses up when the fast alert fires (the Site Reliability
/// Workbook's table; 14.4 for 30 days).
const FAST_BUDGET_SHARE: f64 = 0.02;
/// Seconds of the fast alert's long window.
const FAST_WINDOW_SECONDS: f64 = 3600.0;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        for (objective_name, objective) in &model.objective {
            let factor = FAST_BUDGET_SHARE * objective.window.seconds() / FAST_WINDOW_SECONDS;
            let threshold = factor * (1.0 - objective.target);
            if threshold < 1.0 {
                continue;
            }
            let at = Route::of(["model", name, "objective", objective_name, "target"]);
            let message = format!(
                "the fast alert of `{objective_name}` fires above {:.0} % of bad requests, which cannot be: {factor:.1} times {:.4}",
                threshold * 100.0,
                1.0 - objective.target
            );
            // Rounded so that the value itself is on the right side.
            let target = ((1.0 - 1.0 / factor) * 1000.0).floor() / 1000.0 + 0.001;
            let days = (1.0 / (FAST_BUDGET_SHARE * (1.0 - objective.target)) * FAST_WINDOW_SECONDS / 86_400.0).ceil() - 1.0;
            let finding = Diagnostic::at_value(&RULE, at, message).label("a complete failure would not page");
            out.push(match days >= 1.0 {
                true => finding.help(format!("write `target {target:.3}` or more, or `window \"{days:.0}d\"` or less")),
                false => finding.help(format!("write `target {target:.3}` or more")),
            });
        }
    }
}
