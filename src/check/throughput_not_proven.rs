//! Loads above what copies are expected to serve.

use super::support::throughput::{Served, in_every_scenario, rate, served, time};
use super::{Check, Context};
use crate::capacity::Bound;
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T002",
    name: "throughput-not-proven",
    severity: Severity::Warning,
    docs: "More requests arrive in a busy hour than the greatest number of copies is expected to finish, or \
           an objective is shorter than what is expected of one request alone.\n\n\
           What is expected is a roofline whose efficiency is calibrated on published measurements; the README \
           shows how far it is off. It honours the objectives: a `tpot` below 20 ms leaves room for fewer \
           requests at once. The load may be served by a well tuned engine, so this is a warning; `LLMC-T001` \
           and `LLMC-T003` are the errors where physics forbids it.\n\n\
           ```kdl\nload requests-per-second=9 input-tokens=2000 output-tokens=300 concurrency=50\nreplicas min=1 max=1\nobjective \"tpot\" { below \"20ms\"; target 0.95 }\n```\n\n\
           Measure with the real prompts, or take the copies, the tensor parallelism or the GPU that the help \
           names.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for served in served(cx) {
        let (name, wanted) = (&served.fit.model.name, served.rate());
        let is_possible = !served.is_overloaded() || !in_every_scenario(cx, name, |served| served.is_overloaded());
        // An objective that nothing can meet leaves no room for any load, which another rule says.
        let is_attainable = served.unattainable().next().is_none();
        if wanted > served.most(Bound::Expected) && is_possible && is_attainable {
            let message = format!(
                "`{name}` gets {} requests per second of {}, and {} can be expected to finish {}",
                rate(wanted),
                served.request(),
                served.copies(),
                rate(served.most(Bound::Expected))
            );
            let finding = Diagnostic::new(&RULE, served.place(cx), message).label("more than is expected");
            out.push(served.help().into_iter().fold(finding, Diagnostic::help));
        }
        for (indicator, what, range, below) in served.objectives() {
            let is_lost = |served: &Served<'_>| served.unattainable().any(|(other, ..)| other == indicator);
            if below.seconds() < range.expected && !(is_lost(&served) && in_every_scenario(cx, name, is_lost)) {
                let at = Route::of(["model", name, "objective", indicator.name(), "below"]);
                let message = format!("{what} of `{name}` is expected after {} with {}", time(range.expected), served.request());
                let help = format!("`below \"{}\"` is what can be expected of one request alone", rounded(range.expected));
                out.push(Diagnostic::at_value(&RULE, at, message).label("at risk even without other requests").help(help));
            }
        }
    }
}

/// A time as a spec may state it, rounded up to two digits.
fn rounded(seconds: f64) -> String {
    let ms = seconds * 1e3;
    let step = 10_f64.powf((ms.max(1.0).log10().floor() - 1.0).max(0.0));
    format!("{}ms", ((ms / step).ceil() * step) as u64)
}
