//! The words in which the engine gives up, by version (`v1/core/kv_cache_utils.py`,
//! `_check_enough_kv_cache_memory`; since 0.33.0 `v1/core/kv_cache_planning.py`).

use super::rules::Rules;
use crate::estimate::memory::{Check, Refusal};

const ADVICE: &str = "See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.";
const CPU: &str = " (this flag also controls CPU memory reservation on the CPU backend, despite its name)";
const CPU_SHORT: &str = " (which also controls CPU memory on the CPU backend)";

/// Bytes in GiB to two places: as they are, or since 0.14.0 without zeros at the end (`format_gib`).
fn gib(bytes: f64, rules: Rules) -> String {
    let text = format!("{:.2}", bytes / f64::from(1 << 30));
    if !rules.since(0, 14, 0) {
        return text;
    }
    match text.strip_suffix('0') {
        Some(short) => short.to_owned(),
        None => text,
    }
}

/// Nothing is left for the cache.
pub(super) fn no_blocks(rules: Rules) -> Refusal {
    let mut message =
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine".to_owned();
    if rules.since(0, 22, 0) {
        message.push_str(CPU);
    }
    message.push('.');
    if rules.since(0, 13, 0) {
        message.push(' ');
        message.push_str(ADVICE);
    }
    Refusal { check: Check::NoBlocks, message }
}

/// One request of `tokens` needs more than there is; `longest` would fit.
pub(super) fn one_request(rules: Rules, tokens: u64, needed: f64, available: f64, longest: u64) -> Refusal {
    let unit = if rules.since(0, 8, 3) { "GiB" } else { "GB" };
    let whose = if rules.since(0, 22, 0) { "model's" } else { "models's" };
    let needed = gib(needed, rules);
    let available = gib(available, rules);
    let fits = longest > 0;
    // 0.8.4 to 0.9.0 dropped the number; until 0.13.0 a space followed whether or not there was one.
    let estimate = format!("Based on the available memory, the estimated maximum model length is {longest}.");
    let estimate = match (rules.since(0, 14, 0), rules.since(0, 9, 1), rules.since(0, 8, 4)) {
        (true, ..) if fits => format!(" {estimate} "),
        (false, true, _) if fits => format!(" {estimate} "),
        (false, false, true) if fits => " Based on the available memory,  ".to_owned(),
        (true, ..) | (false, false, false) => " ".to_owned(),
        _ => "  ".to_owned(),
    };
    let cpu = if rules.since(0, 22, 0) { CPU_SHORT } else { "" };
    let advice = if rules.since(0, 13, 0) { format!(" {ADVICE}") } else { String::new() };
    let message = format!(
        "To serve at least one request with the {whose} max seq len ({tokens}), ({needed} {unit} KV cache is needed, which is larger \
         than the available KV cache memory ({available} {unit}).{estimate}Try increasing `gpu_memory_utilization`{cpu} or decreasing \
         `max_model_len` when initializing the engine.{advice}"
    );
    Refusal { check: Check::OneRequest, message }
}

/// Not even one token fits, where the engine chooses the length (`_auto_fit_max_model_len`).
pub(super) fn no_length() -> Refusal {
    let message = "Cannot auto-fit max_model_len: not enough GPU memory available to serve even a single token. Try increasing \
                   `gpu_memory_utilization`.";
    Refusal { check: Check::OneRequest, message: message.to_owned() }
}

/// More requests at once than blocks, each of which holds a state (`config/compilation.py`,
/// `resolve_cudagraph_mode_and_sizes`).
pub(super) fn too_few_states(requests: u64, blocks: u64) -> Refusal {
    let message = format!(
        "max_num_seqs ({requests}) exceeds available Mamba cache blocks ({blocks}). Each decode sequence requires one Mamba cache \
         block, so CUDA graph capture cannot proceed. Please lower max_num_seqs to at most {blocks} or increase gpu_memory_utilization."
    );
    Refusal { check: Check::RecurrentStates, message }
}
