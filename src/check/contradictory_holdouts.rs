//! One holdout with two sizes.

use std::collections::BTreeMap;

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A021",
    name: "contradictory-holdouts",
    severity: Severity::Error,
    docs: "Two experiments name the same holdout with different percents, or a percent is no whole number of \
           hundredths.\n\n\
           A holdout is one group of users who take part in nothing, so that what all experiments did together can \
           be seen. With two sizes, some of them take part in one experiment and are held out of the other.\n\n\
           ```kdl\nexperiment \"tone\" { holdout \"q4\" percent=5; … }\nexperiment \"length\" { holdout \"q4\" percent=10; … }\n```\n\n\
           Give them the same percent, or two names.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
    for (experiment, holdout) in cx.spec.experiment.iter().filter_map(|(name, one)| Some((name, one.holdout.as_ref()?))) {
        let (name, percent) = (holdout.name.as_str(), holdout.percent);
        let place = |experiment: &str| Route::of(["experiment", experiment, "holdout", "percent"]);
        let hundredths = percent * 100.0;
        if (hundredths - hundredths.round()).abs() > 1e-6 {
            let message = format!("the holdout `{name}` has {percent} % of the users, which are no whole hundredths of a percent");
            let near = hundredths.round() / 100.0;
            out.push(Diagnostic::at_value(&RULE, place(experiment), message).help(format!("write `percent={near}`")));
        }
        let (other, expected) = *first.entry(name).or_insert((experiment, percent));
        if percent.total_cmp(&expected).is_ne() {
            let message = format!("the holdout `{name}` has {percent} % of the users here, and {expected} % in `{other}`");
            let finding = Diagnostic::at_value(&RULE, place(experiment), message).related(Place::Value(place(other)), "the other size");
            out.push(finding.help(format!("write `percent={expected}`, or give this one a name of its own")));
        }
    }
}
