//! Objectives below what one request alone needs.

use super::support::throughput::{in_every_scenario, served, time};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T003",
    name: "objective-unattainable",
    severity: Severity::Error,
    docs: "An objective is shorter than what a request of mean length takes with the whole GPU for itself.\n\n\
           The bound is physical: the first token comes after the arithmetic of the prompt at the peak of the \
           GPU's data sheet, each further token after all weights were read once at its full bandwidth. No \
           engine is faster, so the objective would be missed from the first hour, and its alerts would never \
           stop.\n\n\
           ```kdl\nplace pool=\"l4\"                                   // 300 GB/s, and 16 GB of weights\nobjective \"tpot\" { below \"20ms\"; target 0.95 }      // at least 50 ms\n```\n\n\
           More GPUs for each copy (`tensor-parallel`), weights of 8 or 4 bits, a faster GPU or a longer \
           `below` help. Only objectives for half of the requests or more are judged, as short prompts are \
           faster than the mean.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for served in served(cx) {
        let name = &served.fit.model.name;
        for (indicator, what, range, below) in served.unattainable() {
            if !in_every_scenario(cx, name, |served| served.unattainable().any(|(other, ..)| other == indicator)) {
                continue;
            }
            let at = Route::of(["model", name, "objective", indicator.name(), "below"]);
            let gpus = served.fit.model.tensor_parallel;
            let message = format!("{what} of `{name}` takes at least {} on {gpus} x `{}`", time(range.low), served.fit.pool.gpu.name);
            let finding = Diagnostic::at_value(&RULE, at, message)
                .label("no engine is that fast")
                .related(Place::Key(Route::of(["model", name, "place"])), format!("a request has {}", served.request()))
                .help(format!("{} can be expected of one request alone; {below} needs a faster GPU, more of them, or fewer bits", time(range.expected)));
            out.push(finding);
        }
    }
}
