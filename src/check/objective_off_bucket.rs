//! Objectives between two buckets of the engine's histogram.

use semver::Version;

use super::support::indicators::{histogram, indicator, seconds};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::engine;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-O001",
    name: "objective-off-bucket",
    severity: Severity::Error,
    docs: "The `below` of an objective is no bucket boundary of the engine's histogram.\n\n\
           The engine counts requests below each boundary and nothing between. At 600 ms, vLLM only knows \
           how many took less than 500 ms and less than 750 ms: a query for 600 ms finds no series, and its \
           alert never fires; one that interpolates is a guess that pages people.\n\n\
           ```kdl\nobjective \"ttft\" { below \"600ms\"; target 0.95 }     // write 500ms or 750ms\n```\n\n\
           Choose one of the two neighbours that the message names.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let Ok(version) = Version::parse(&model.engine.version) else { continue };
        for (objective_name, objective) in &model.objective {
            let (Some(indicator), Some(below)) = (indicator(objective_name), objective.below) else { continue };
            let Some((metric, bounds)) = histogram(model.engine.name, &version, indicator) else { continue };
            let asked = below.seconds();
            // Bounds have at most three digits after the point, and durations are whole milliseconds.
            if bounds.iter().any(|bound| (bound - asked).abs() < 0.000_5) {
                continue;
            }
            let at = Route::of(["model", name, "objective", objective_name, "below"]);
            let engine = engine::of(model.engine.name).name();
            let message = format!("{} is no bucket of `{objective_name}` in {engine} {version}", seconds(asked));
            let (lower, upper) = (bounds.iter().rfind(|b| **b < asked), bounds.iter().find(|b| **b > asked));
            let near: Vec<String> = lower.into_iter().chain(upper).map(|bound| format!("`{}`", seconds(*bound))).collect();
            out.push(Diagnostic::at_value(&RULE, at, message).label(format!("not counted by `{metric}`")).help(format!("write {}", near.join(" or "))));
        }
    }
}
