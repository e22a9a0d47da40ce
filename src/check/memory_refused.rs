//! Engines that would stop because of memory.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::estimate::memory::{self, Verdict};
use crate::fit::{Fit, gib};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-M001",
    name: "memory-refused",
    severity: Severity::Error,
    docs: "The engine is proven to stop before it serves: its weights, its profile run or one request of full \
           length do not fit the GPU.\n\n\
           The compiler follows vLLM's own arithmetic for that version: weights tensor by tensor as the GPUs \
           of a copy share them, what the profile run takes, what the utilization leaves for the KV cache and \
           how that is cut into blocks. What is not arithmetic has a lower and an upper bound, and an error \
           means that even the kindest of them fails. The message quotes what the engine would print after \
           minutes of loading, again at every restart.\n\n\
           ```kdl\nplace pool=\"l4\"                                       // 24 GB; Llama-3.3-70B needs 131 GiB\n\
           serve max-model-len=131072 max-num-seqs=64\n```\n\n\
           The help names the nearest settings that work, found by asking the same proof about each of them. \
           `llmc fit` shows every figure.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for fit in cx.fits.iter().filter(|fit| fit.verdict() == Verdict::ProvenToRefuse) {
        let name = &fit.model.name;
        let check = fit.refusal().map(|refusal| refusal.check);
        let is_stated = fit.model.serve.kv_cache_memory_bytes.is_some();
        let (field, label) = at(check, is_stated);
        let at = field.iter().fold(Route::of(["model", name]), |route, key| route.key(key));
        let message = format!("`{name}` would not start: {}", why(check, is_stated));
        let mut finding = Diagnostic::at_value(&RULE, at, message).label(label);
        finding = finding.related(Place::Value(Route::of(["pool", &fit.pool.name, "gpu"])), memory_of(fit));
        for words in fit.refusal().into_iter().map(|refusal| &refusal.message) {
            finding = finding.help(format!("{} prints: \"{words}\"", fit.engine()));
        }
        finding = finding.help(figures(fit));
        out.push(fit.remedies_to_start().into_iter().fold(finding, Diagnostic::help));
    }
}

/// The field that decides a check, and what to say of it; the cache may be stated (`is_stated`).
fn at(check: Option<memory::Check>, is_stated: bool) -> (&'static [&'static str], &'static str) {
    match check {
        Some(memory::Check::Capture) if is_stated => (&["serve", "kv-cache-memory-bytes"], "taken whole, whatever is left"),
        Some(memory::Check::Load | memory::Check::Profile) => (&["place"], "the GPUs of one copy"),
        Some(memory::Check::OneRequest) => (&["serve", "max-model-len"], "one request of this length"),
        Some(memory::Check::RecurrentStates) => (&["serve", "max-num-seqs"], "a state for each"),
        Some(memory::Check::FreeMemory | memory::Check::NoBlocks | memory::Check::Capture) => {
            (&["serve", "gpu-memory-utilization"], "what the engine may use")
        }
        None => (&["serve"], "these settings"),
    }
}

fn why(check: Option<memory::Check>, is_stated: bool) -> &'static str {
    match check {
        Some(memory::Check::Capture) if is_stated => "its KV cache is stated larger than what the weights, activations and graphs leave",
        Some(memory::Check::Load) => "its weights are larger than the GPUs",
        Some(memory::Check::FreeMemory) => "it asks for more memory than a GPU has free",
        Some(memory::Check::Profile) => "its profile run needs more memory than a GPU has",
        Some(memory::Check::NoBlocks) => "nothing is left for the KV cache",
        Some(memory::Check::OneRequest) => "one request of full length does not fit the KV cache",
        Some(memory::Check::RecurrentStates) => "the KV cache has fewer states than `max-num-seqs`",
        Some(memory::Check::Capture) => "its CUDA graphs do not fit beside the KV cache",
        None => "its memory does not suffice",
    }
}

fn memory_of(fit: &Fit<'_>) -> String {
    let total = fit.proof.as_ref().map(|proof| proof.total_bytes.expected);
    total.map_or_else(|| "this GPU".to_owned(), |total| format!("has {}", gib(total)))
}

/// What one GPU holds, in one line.
fn figures(fit: &Fit<'_>) -> String {
    let Some(proof) = &fit.proof else { return String::new() };
    let parts = [
        ("weights", proof.weights_bytes),
        ("context", proof.non_torch_bytes),
        ("activations", proof.activation_bytes),
        ("graphs", proof.graph_bytes),
    ];
    let parts: Vec<String> = parts.iter().filter_map(|(name, bytes)| Some(format!("{name} {}", gib((*bytes)?.expected)))).collect();
    format!("of one GPU, {} may be used: {}", gib(proof.requested_bytes.expected), parts.join(", "))
}
