//! Experiments that do not see every day of the week.

use super::support::experiments::{place, waiver};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Rule, Severity};
use crate::experiment::design::{FEWEST_DAYS, dates};
use crate::spec::ExperimentState;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

/// Name under which it is waived.
pub(super) const WAIVER: &str = "experiment_too_short";

static RULE: Rule = Rule {
    code: "LLMC-A003",
    name: "experiment-too-short",
    severity: Severity::Error,
    docs: "An experiment may end after fewer than 7 days: by `at-least`, or by its first and last day; or its days \
           are fewer than its own `at-least`.\n\n\
           People who write on a Saturday ask other things than those who write on a Monday. What was measured on \
           some days of the week only holds for those days, whatever the number of users.\n\n\
           ```kdl\nat-least \"3d\"\n```\n\n\
           Let it run for whole weeks. Who has to decide earlier says so:\n\n\
           ```kdl\nwaive \"experiment_too_short\" {\n    owner \"team-support\"\n    reason \"the sale lasts four days\"\n    until \"2027-01-31\"\n}\n```",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, experiment) in &cx.spec.experiment {
        if experiment.state != ExperimentState::Running {
            continue;
        }
        let least_days = experiment.at_least.seconds() / 86_400.0;
        if least_days < FEWEST_DAYS as f64 {
            let message = format!("`{name}` may end after {}, and a week has 7 days", experiment.at_least);
            let finding = Diagnostic::at_value(&RULE, place(name).key("at-least"), message).label("shorter than 7 days");
            out.push(finding.help("write `at-least \"7d\"`, or leave it out: that is the default").help(waiver(WAIVER)));
        }
        // An end before the start is a finding of its own.
        let Some(days) = dates(experiment.starts, experiment.ends).filter(|days| *days > 0) else { continue };
        let wanted = least_days.ceil().max(FEWEST_DAYS as f64) as i64;
        if days >= wanted {
            continue;
        }
        let why = if days < FEWEST_DAYS as i64 { "a week has 7 days".to_owned() } else { format!("its shortest run is {}", experiment.at_least) };
        let message = format!("`{name}` runs for {days} days, and {why}");
        let finding = Diagnostic::at_value(&RULE, place(name).key("ends"), message).label(format!("{days} days with the first and the last"));
        let weeks = (wanted + 6) / 7 * 7;
        let help = match experiment.starts.and_then(|day| day.plus(weeks - 1)) {
            Some(day) => format!("{weeks} days are whole weeks: `ends \"{day}\"`"),
            None => format!("let it run for {weeks} days"),
        };
        out.push(finding.help(help).help(waiver(WAIVER)));
    }
}
