//! Experiments on the same users.

use std::collections::BTreeMap;

use super::support::experiments::place;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Rule, Severity};
use crate::spec::ExperimentState;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-A006",
    name: "overlapping-experiments",
    severity: Severity::Error,
    docs: "Two running experiments are on one route.\n\n\
           A route answers a user with one version. Where both experiments have one for them, an application can obey \
           one only, and the other counts them for a version that they never saw.\n\n\
           ```kdl\nexperiment \"friendlier\" { route \"support\"; … }\nexperiment \"shorter\" { route \"support\"; … }\n```\n\n\
           Let them run one after the other (`state \"stopped\"`), or make one experiment with a variant for each \
           version.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, experiment) in &cx.spec.experiment {
        if experiment.state != ExperimentState::Running || !cx.spec.route.contains_key(&experiment.route) {
            continue;
        }
        if let Some(other) = first.get(experiment.route.as_str()) {
            let message = format!("`{name}` and `{other}` both run on the route `{}`", experiment.route);
            let finding = Diagnostic::at_value(&RULE, place(name).key("route"), message).label("has an experiment already");
            let finding = finding.related(Place::Value(place(other).key("route")), "the other one");
            out.push(finding.help("stop one of them, `state \"stopped\"`, or make their versions variants of one experiment"));
        } else {
            first.insert(&experiment.route, name);
        }
    }
}
