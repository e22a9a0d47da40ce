//! Facts of a model for people.

use std::collections::BTreeMap;

use crate::catalog::{Attention, FeedForward, LayerRun, Mixer, ModelFacts, Part, Quantization, Reach, Shape, WeightFormat};
use crate::diagnostic::printable;

/// One line of the list.
pub(super) fn row(facts: &ModelFacts) -> Vec<String> {
    let quantization = facts.shape.as_ref().and_then(|shape| shape.quantization.as_ref());
    let layers = match &facts.shape {
        None => "not known".to_owned(),
        Some(shape) if facts.missing.is_empty() => shape.layer_count().to_string(),
        Some(shape) => format!("{}, not all known", shape.layer_count()),
    };
    let parameters = facts.parameters().map_or_else(String::new, billions);
    let quantization = quantization.map_or_else(String::new, |q| format_words(q.format));
    vec![facts.repository.clone(), parameters, facts.context_tokens.to_string(), quantization, layers]
}

/// Everything, aligned.
pub(super) fn text(facts: &ModelFacts) -> String {
    let mut rows: Vec<(&str, String)> = vec![("model", facts.repository.clone())];
    rows.extend(facts.also.iter().map(|name| ("also", name.clone())));
    if let Some(shape) = &facts.shape {
        rows.push(("class", shape.architecture.clone()));
    }
    rows.push(("parameters", facts.parameters().map_or_else(|| "not known".to_owned(), billions)));
    rows.push(("checkpoint", facts.checkpoint_gib().map_or_else(|| "not known".to_owned(), |gib| format!("{gib} GiB"))));
    rows.push(("context", format!("{} tokens", facts.context_tokens)));
    match &facts.shape {
        None => rows.push(("heads", facts.attention_heads.to_string())),
        Some(shape) => shape_rows(shape, &mut rows),
    }
    rows.extend(facts.missing.iter().map(|missing| ("not known", missing.clone())));
    rows.push(("source", facts.source.clone()));
    let mut last = "";
    let line = |(name, value): (&'static str, String)| {
        let shown = if name == last { "" } else { name };
        last = name;
        format!("{shown:<13} {}\n", printable(&value))
    };
    rows.into_iter().map(line).collect()
}

fn shape_rows(shape: &Shape, rows: &mut Vec<(&str, String)>) {
    let head = if shape.tied_embeddings { "the head is the embedding" } else { "a head of its own" };
    rows.push(("width", format!("{} ({}), vocabulary of {}, {head}", shape.hidden_size, shape.dtype.name(), shape.vocab_size)));
    let mut kinds: Vec<(String, u64)> = Vec::new();
    for run in &shape.layers {
        let words = layer_words(run);
        match kinds.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += u64::from(run.count),
            None => kinds.push((words, u64::from(run.count))),
        }
    }
    rows.extend(kinds.into_iter().map(|(words, count)| ("layers", format!("{count} × {words}"))));
    if shape.draft_layers > 0 {
        rows.push(("draft layers", shape.draft_layers.to_string()));
    }
    if let Some(encoder) = &shape.encoder {
        let size = encoder.parameters.map_or_else(|| "of unknown size".to_owned(), |count| billions(count.into()));
        rows.push(("encoder", size));
    }
    if let Some(quantization) = &shape.quantization {
        rows.push(("quantization", quantization_words(quantization)));
        let mut kept: BTreeMap<Part, u64> = BTreeMap::new();
        for run in &shape.layers {
            run.unquantized.iter().for_each(|part| *kept.entry(*part).or_default() += u64::from(run.count));
        }
        rows.extend(kept.into_iter().map(|(part, layers)| ("not quantized", format!("{} of {layers} layers", part_words(part)))));
    }
    rows.extend(shape.stored.iter().map(|stored| ("stored", format!("{:?}: {} bytes", stored.share, stored.bytes))));
}

fn billions(count: u128) -> String {
    format!("{:.2} B", count as f64 / 1e9)
}

fn layer_words(run: &LayerRun) -> String {
    let mixer = match &run.mixer {
        Mixer::Attention(attention) => Some(attention_words(attention)),
        Mixer::Mla(mla) => {
            let sparse =
                mla.indexer.as_ref().map_or_else(String::new, |i| format!(", sparse by an indexer of {} heads of {}", i.heads, i.head_dim));
            Some(format!("latent attention, {} heads, {} + {} elements a token{sparse}", mla.heads, mla.kv_lora_rank, mla.qk_rope_head_dim))
        }
        Mixer::GatedDeltaNet(net) => Some(format!(
            "gated delta net, {} key heads of {}, {} value heads of {}",
            net.key_heads, net.key_head_dim, net.value_heads, net.value_head_dim
        )),
        Mixer::Mamba2(mamba) => Some(format!("Mamba 2, {} heads of {}, state of {}", mamba.heads, mamba.head_dim, mamba.state_size)),
        Mixer::None => None,
    };
    let block = match &run.feed_forward {
        FeedForward::Dense(dense) => Some(format!("block of {}", dense.intermediate_size)),
        FeedForward::Experts(e) => {
            let shared = if e.shared_intermediate_size > 0 { format!(", shared {}", e.shared_intermediate_size) } else { String::new() };
            Some(format!("{} of {} experts of {}{shared}", e.per_token, e.count, e.intermediate_size))
        }
        FeedForward::None => None,
    };
    mixer.into_iter().chain(block).collect::<Vec<_>>().join("; ")
}

fn attention_words(a: &Attention) -> String {
    let values = a.value_head_dim.map_or_else(String::new, |dim| format!(" (values {dim})"));
    let reach = match a.reach {
        Reach::All => String::new(),
        Reach::Window(tokens) => format!(", window of {tokens}"),
        Reach::Chunk(tokens) => format!(", chunks of {tokens}"),
    };
    let shares = if a.shares_cache { ", with the cache of an earlier layer" } else { "" };
    format!("attention, {} heads on {} of {}{values}{reach}{shares}", a.heads, a.kv_heads, a.head_dim)
}

fn quantization_words(q: &Quantization) -> String {
    let other = q.other.iter().map(|(part, format)| format!("; {}: {}", part_words(*part), format_words(*format)));
    let head = if q.head { "; the head too" } else { "" };
    let cache = if q.fp8_cache { "; 8-bit cache" } else { "" };
    format!("{}: {}{}{head}{cache}", q.method, format_words(q.format), other.collect::<String>())
}

fn format_words(format: WeightFormat) -> String {
    match format {
        WeightFormat::Fp8Tensor => "fp8".into(),
        WeightFormat::Fp8Channel => "fp8 by row".into(),
        WeightFormat::Fp8Block(rows, columns) => format!("fp8 in blocks of {rows}x{columns}"),
        WeightFormat::Int8Channel => "int8 by row".into(),
        WeightFormat::Int4 { group, .. } => format!("int4 in groups of {group}"),
        WeightFormat::Int8Group { group } => format!("int8 in groups of {group}"),
        WeightFormat::Mxfp4 => "mxfp4".into(),
        WeightFormat::Nvfp4 => "nvfp4".into(),
    }
}

fn part_words(part: Part) -> &'static str {
    match part {
        Part::MixerInput => "projections into attention or state",
        Part::MixerOutput => "projections out of it",
        Part::Dense => "dense blocks",
        Part::Experts => "experts",
        Part::SharedExperts => "shared experts",
    }
}
