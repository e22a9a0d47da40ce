//! The layers one by one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attention::{Attends, latent, reaches};
use super::experts;
use super::family::Family;
use super::field::{Fault, Fields, short};
use super::recurrent;
use super::{MOST_COUNT, MOST_WIDTH};
use crate::catalog::facts::{Dense, FeedForward, LayerRun, Mixer, Reach};

/// Fields that change weights or cache in a way that is not followed, with the families that follow them.
const NOT_FOLLOWED: [(&str, &[Family]); 12] = [
    ("attention_chunk_size", &[Family::Llama4, Family::MimoV2]),
    ("num_kv_shared_layers", &[Family::Gemma4]),
    ("block_configs", &[Family::Deci]),
    ("kv_lora_rank", &[Family::DeepSeek, Family::DeepSeekSparse]),
    ("index_topk", &[Family::DeepSeekSparse]),
    ("dual_chunk_attention_config", &[]),
    ("sparse_attention_config", &[]),
    ("compress_ratios", &[]),
    ("hidden_size_per_layer_input", &[]),
    ("use_double_wide_mlp", &[]),
    ("cross_attention_layers", &[]),
    ("is_encoder_decoder", &[]),
];

/// Every layer as a run of one, or none and an entry in `missing`.
pub(super) fn read(family: Family, text: &Fields<'_>, count: u64, missing: &mut Vec<String>) -> Result<Vec<LayerRun>, Fault> {
    for (key, followed) in NOT_FOLLOWED {
        let idle = text.value(key).is_none_or(|v| matches!(v, Value::Bool(false)) || v.as_u64() == Some(0));
        if !idle && !followed.contains(&family) {
            missing.push(format!("what `{key}` means for this class"));
        }
    }
    let before = missing.len();
    let layers = match family {
        Family::NemotronH => recurrent::nemotron_layers(text, count, missing)?,
        Family::Deci => deci(text, count, missing)?,
        _ => usual(family, text, count, missing)?,
    };
    Ok(if missing.len() > before { Vec::new() } else { layers })
}

pub(super) fn one(mixer: Mixer, feed_forward: FeedForward) -> LayerRun {
    LayerRun { count: 1, mixer, feed_forward, unquantized: BTreeSet::new() }
}

/// Layers that each have a mixer and a feed-forward block.
fn usual(family: Family, text: &Fields<'_>, count: u64, missing: &mut Vec<String>) -> Result<Vec<LayerRun>, Fault> {
    let feed_forward = experts::Blocks::read(family, text, count)?;
    if matches!(family, Family::DeepSeek | Family::DeepSeekSparse) {
        let each = (0..count).map(|at| Ok(one(Mixer::Mla(latent(family, text, at)?), feed_forward.of(at))));
        return each.collect();
    }
    let attends = Attends::read(family, text, count)?;
    let delta = if family == Family::QwenHybrid { Some(recurrent::gated_delta_net(text)?) } else { None };
    let kinds = kinds(family, text, count)?;
    let reaches = reaches(family, text, count)?;
    let mut layers = Vec::new();
    for at in 0..count {
        let kind = kinds.as_ref().and_then(|kinds| kinds.get(at as usize).copied());
        let mixer = match kind {
            Some("linear_attention") if delta.is_some() => delta.clone().map_or(Mixer::None, Mixer::GatedDeltaNet),
            Some("full_attention" | "attention") => Mixer::Attention(attends.layer(at, Reach::All)),
            Some("sliding_attention" | "chunked_attention") | None => {
                Mixer::Attention(attends.layer(at, reaches.get(at as usize).copied().unwrap_or_default()))
            }
            Some(other) => {
                missing.push(format!("layers of the type `{}`", short(other)));
                return Ok(Vec::new());
            }
        };
        layers.push(one(mixer, feed_forward.of(at)));
    }
    Ok(layers)
}

/// `layer_types`, or what it is computed from; none where every layer follows the same rule.
fn kinds<'a>(family: Family, text: &Fields<'a>, count: u64) -> Result<Option<Vec<&'a str>>, Fault> {
    if let Some(list) = text.per_layer("layer_types", count)? {
        let wrong = |at| text.fault(&format!("layer_types.{at}"), "must be a text");
        return list.iter().enumerate().map(|(at, kind)| kind.as_str().ok_or_else(|| wrong(at))).collect::<Result<_, _>>().map(Some);
    }
    if family != Family::QwenHybrid {
        return Ok(None);
    }
    let interval = text.whole("full_attention_interval", 1..=MOST_COUNT)?.unwrap_or(4);
    let kind = |at: u64| if (at + 1).is_multiple_of(interval) { "full_attention" } else { "linear_attention" };
    Ok(Some((0..count).map(kind).collect()))
}

/// Layers of Nemotron Super, each with its own block: heads by their number in a group, widths as a
/// multiple of the hidden size, and either left out.
fn deci(text: &Fields<'_>, count: u64, missing: &mut Vec<String>) -> Result<Vec<LayerRun>, Fault> {
    let Some(blocks) = text.per_layer("block_configs", count)? else {
        missing.push("`block_configs`, which has the size of each layer".into());
        return Ok(Vec::new());
    };
    let hidden = text.required("hidden_size", 1..=MOST_WIDTH)?;
    let heads = text.required("num_attention_heads", 1..=MOST_COUNT)?;
    let attends = Attends::plain(Family::Deci, text, heads, heads)?;
    let bias = text.flag("mlp_bias")?.unwrap_or(false);
    let mut layers = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let block = Fields::of(block).map_err(|fault| text.fault(&format!("block_configs.{at}"), fault.message))?;
        let inside = |fault: Fault| text.fault(&format!("block_configs.{at}"), fault.to_string());
        let part = |key: &str| block.object(key).map_err(inside)?.ok_or_else(|| inside(block.fault(key, "is missing")));
        let (attention, ffn) = (part("attention")?, part("ffn")?);
        for fields in [&attention, &ffn] {
            if ["replace_with_linear", "sparsify", "window_length", "num_sink_tokens"].iter().any(|key| is_set(fields, key)) {
                missing.push(format!("layer {at}, which is not plain attention and a plain block"));
                return Ok(Vec::new());
            }
        }
        let mixer = if attention.flag("no_op").map_err(inside)? == Some(true) {
            Mixer::None
        } else {
            let group = attention.required("n_heads_in_group", 1..=MOST_COUNT).map_err(inside)?;
            if !heads.is_multiple_of(group) {
                return Err(inside(attention.fault("n_heads_in_group", format!("is {group}; it must divide the {heads} heads"))));
            }
            let mut layer = attends.layer(0, Reach::All);
            layer.kv_heads = heads / group;
            Mixer::Attention(layer)
        };
        let feed_forward = if ffn.flag("no_op").map_err(inside)? == Some(true) {
            FeedForward::None
        } else {
            let factor = ffn.number("ffn_mult", 0.001..=1000.0).map_err(inside)?;
            let factor = factor.ok_or_else(|| inside(ffn.fault("ffn_mult", "is missing; it must be a number between 0.001 and 1000")))?;
            // Two thirds of the stated multiple of four, rounded up to 256, as the model class does it.
            let width = (2.0 * factor * hidden as f64 / 3.0) as u64;
            FeedForward::Dense(Dense { intermediate_size: width.next_multiple_of(256), gated: true, bias })
        };
        layers.push(one(mixer, feed_forward));
    }
    Ok(layers)
}

fn is_set(fields: &Fields<'_>, key: &str) -> bool {
    fields.value(key).is_some_and(|value| *value != Value::Bool(false))
}
