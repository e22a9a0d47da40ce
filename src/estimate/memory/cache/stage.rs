//! The caches of all layers in the engine's order, each with its pipeline stage.

use super::block::{block_tokens, window_tokens};
use super::dtype::{CacheType, cache_type};
use super::page::{Kind, Spec};
use super::rules::Rules;
use super::state::{StateRules, block_beside_states, state};
use crate::catalog::{Mixer, Mla, Shape};
use crate::estimate::memory::Setup;

/// More layers than any model has; what claims more is not laid out one by one.
const MOST_LAYERS: u64 = 10_000;

/// Caches by layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layers {
    /// Stage and cache of each layer that has one.
    pub(super) caches: Vec<(usize, Spec)>,
    /// Number of stages.
    pub(super) stages: usize,
    /// Tokens of a block of full attention.
    pub(super) block_tokens: u64,
    /// Whether any layer keeps a state.
    pub(super) states: bool,
}

/// Layers of each stage (`distributed/utils.py`, `get_pp_indices`): what is left over goes to the
/// stages before the last, from behind.
fn partition(layers: u64, stages: u64) -> Vec<u64> {
    let mut partition = vec![layers / stages; stages as usize];
    for stage in 0..(layers % stages) as usize {
        let place = partition.len().wrapping_sub(stage + 2);
        if let Some(count) = partition.get_mut(place) {
            *count += 1;
        }
    }
    partition
}

/// Whether sparse attention stores the packed 8-bit format (`fp8_ds_mla`), or why that is not known.
pub(super) fn packed(setup: &Setup<'_>, rules: Rules, cache: CacheType, mla: &Mla) -> Result<bool, String> {
    if mla.indexer.is_none() {
        return Ok(false);
    }
    let major = setup.gpu.compute_capability.0;
    // 0.11.0 alone takes it by default (`model_executor/models/config.py`, `DeepseekV32ForCausalLM`).
    let by_default = setup.kv_cache_dtype == "auto" && rules.since(0, 11, 0) && !rules.since(0, 11, 1);
    match (cache.fp8, major) {
        _ if by_default => Ok(true),
        (_, 12) if rules.since(0, 24, 0) => Ok(cache.fp8 || setup.kv_cache_dtype == "auto"),
        (false, _) => Ok(false),
        // Until 0.16.0 for every 8-bit cache; then where FlashMLA's kernel runs: always on Hopper, on
        // Blackwell FlashInfer's comes first with 8 bits since 0.19.0 (`platforms/cuda.py`).
        (true, _) if !rules.since(0, 17, 0) => Ok(true),
        (true, 9) => Ok(true),
        (true, 10) if rules.since(0, 19, 0) => Ok(false),
        _ => Err(format!("which 8-bit format vLLM {} stores for sparse attention on this GPU", setup.version)),
    }
}

/// The caches of the layer that guesses tokens ahead, which attends as the last layer that does
/// (`num_nextn_predict_layers`, `mtp_num_hidden_layers`: `models/deepseek_mtp.py`, `models/qwen3_5_mtp.py`).
fn draft(setup: &Setup<'_>, rules: Rules, shape: &Shape, caches: &[(usize, Spec)]) -> Result<Vec<(usize, Spec)>, String> {
    if setup.speculative_tokens == 0 {
        return Ok(Vec::new());
    }
    let unknown = |what: &str| Err(format!("the caches of layers that guess tokens ahead {what} in vLLM {}", setup.version));
    // Several such layers, windows and the drafts of 0.33.0 follow rules of their own.
    match shape.draft_layers {
        0 => return unknown("and are not the model's own"),
        1 => {}
        _ => return unknown("one after another"),
    }
    if setup.pipeline_parallel > 1 {
        return unknown("on pipeline stages");
    }
    if !rules.since(0, 11, 1)
        || rules.since(0, 33, 0)
        || caches.iter().any(|(_, spec)| matches!(spec.kind, Kind::Window(_) | Kind::Chunk(_)))
    {
        return unknown("with these layers");
    }
    let last = shape.layers.iter().rev().find(|run| run.count > 0 && matches!(run.mixer, Mixer::Attention(_) | Mixer::Mla(_)));
    let own = match last.map(|run| &run.mixer) {
        Some(Mixer::Mla(mla)) if mla.indexer.is_some() => 2,
        Some(_) => 1,
        None => return unknown("without attention"),
    };
    let attention: Vec<&(usize, Spec)> = caches.iter().rev().filter(|(_, spec)| !spec.is_state()).take(own).collect();
    Ok(attention.into_iter().rev().copied().collect())
}

/// The caches of all layers of a model.
///
/// # Errors
/// What is not known, in words.
pub(super) fn layers(setup: &Setup<'_>, rules: Rules, shape: &Shape) -> Result<Layers, String> {
    let count = shape.layer_count();
    let stages = setup.pipeline_parallel.max(1);
    if count > MOST_LAYERS || stages > count {
        return Err(format!("{count} layers on {stages} stages"));
    }
    let quantization = shape.quantization.as_ref();
    let cache = cache_type(setup, rules, quantization)?;
    let mixers: Vec<&Mixer> = shape.layers.iter().filter(|run| run.count > 0).map(|run| &run.mixer).collect();
    let recurrent = |mixer: &Mixer| matches!(mixer, Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_));
    let states = mixers.iter().any(|mixer| recurrent(mixer));

    // Each run once, with blocks of one token; then the block size that all of them need.
    let mut state_rules = StateRules { copies: 1, align: false, alignment: 1 };
    if states {
        state_rules = StateRules::of(setup, rules, &mixers)?;
    }
    let mut single: Vec<Vec<Spec>> = Vec::new();
    for run in &shape.layers {
        single.push(match &run.mixer {
            Mixer::Attention(layer) if layer.shares_cache && rules.since(0, 9, 1) => Vec::new(),
            Mixer::Attention(layer) => vec![Spec::attention(layer, setup.tensor_parallel, cache, rules)?],
            Mixer::Mla(layer) => {
                if cache.scale_bytes > 0 {
                    return Err(format!("latent attention with a cache of type `{}`", setup.kv_cache_dtype));
                }
                let mut specs = vec![Spec::mla(layer, cache, packed(setup, rules, cache, layer)?)?];
                if let Some(indexer) = &layer.indexer {
                    specs.push(Spec::indexer(indexer)?);
                }
                specs
            }
            Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_) => vec![state(setup, rules, &run.mixer, state_rules.copies)?],
            Mixer::None => Vec::new(),
        });
    }
    let mut tokens = block_tokens(setup, rules, cache, &mixers)?;
    let mut padded = None;
    if states {
        let attention: Vec<&Spec> = single.iter().flatten().filter(|spec| !spec.is_state()).collect();
        let state_bytes = single.iter().flatten().filter(|spec| spec.is_state()).map(|spec| spec.page_bytes).max().unwrap_or(0);
        if let Some(first) = attention.first() {
            if attention.iter().any(|spec| spec.token_bytes != first.token_bytes) {
                return Err("attention layers of different sizes beside recurrent layers".to_owned());
            }
            if cache.fp8 && setup.kv_cache_dtype == "auto" && !rules.since(0, 20, 0) {
                return Err(format!("how vLLM {} sizes blocks for an 8-bit cache that the checkpoint asks for", setup.version));
            }
            tokens = block_beside_states(setup, rules, tokens, first, state_bytes, state_rules)?;
            padded = Some(first.with_block(tokens)?.page_bytes);
        }
    }

    let partition = partition(count, stages);
    let mut stage_of = partition.iter().enumerate().flat_map(|(stage, count)| std::iter::repeat_n(stage, *count as usize));
    let longest = setup.max_model_len.unwrap_or(setup.facts.context_tokens);
    let mut caches: Vec<(usize, Spec)> = Vec::new();
    for (run, specs) in shape.layers.iter().zip(&single) {
        let mut sized = Vec::new();
        for spec in specs {
            sized.push(if let Kind::State(_) = spec.kind {
                let block_tokens = if state_rules.align { tokens } else { longest };
                Spec { block_tokens, page_bytes: padded.unwrap_or(spec.page_bytes), ..*spec }
            } else {
                spec.with_block(window_tokens(setup, rules, spec.kind, tokens)?)?
            });
        }
        for _ in 0..run.count {
            let stage = stage_of.next().unwrap_or(0);
            caches.extend(sized.iter().map(|spec| (stage, *spec)));
        }
    }
    caches.extend(draft(setup, rules, shape, &caches)?);
    if rules.states_come_last() {
        caches.sort_by_key(|(_, spec)| spec.is_state());
    }
    Ok(Layers { caches, stages: partition.len(), block_tokens: tokens, states })
}
