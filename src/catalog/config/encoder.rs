//! Parameters of encoders for images, and of what projects their outputs into the language model.
//!
//! Counted for the towers of Qwen 2 to 3.6, Gemma 3 and 4 (SigLIP), Mistral (Pixtral), Llama 4 and Kimi (MoonViT),
//! as the engine's classes build them; others have an unknown size.

use super::field::{Fault, Fields};
use super::{MOST_LAYERS, MOST_WIDTH};
use crate::catalog::facts::Encoder;

/// The encoder of a model that has one.
pub(super) fn read(architecture: &str, text: &Fields<'_>, top: &Fields<'_>) -> Result<Option<Encoder>, Fault> {
    let vision = top.object("vision_config")?;
    if vision.is_none() && !top.has("audio_config") && !architecture.ends_with("ForConditionalGeneration") {
        return Ok(None);
    }
    let width = text.required("hidden_size", 1..=MOST_WIDTH)?;
    let parameters = match vision {
        Some(vision) if !top.has("audio_config") => count(architecture, &vision, width)?,
        _ => None,
    };
    Ok(Some(Encoder { parameters: parameters.and_then(|count| u64::try_from(count).ok()) }))
}

/// The parameters, where the tower is known and its fields are there.
fn count(architecture: &str, vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    match architecture {
        "Qwen3VLForConditionalGeneration"
        | "Qwen3VLMoeForConditionalGeneration"
        | "Qwen3_5ForConditionalGeneration"
        | "Qwen3_5MoeForConditionalGeneration" => qwen3(vision),
        "Qwen2_5_VLForConditionalGeneration" => qwen25(vision),
        "Qwen2VLForConditionalGeneration" => qwen2(vision),
        "Gemma3ForConditionalGeneration" => siglip(vision, text_width),
        "Gemma4ForConditionalGeneration" => gemma4(vision, text_width),
        "Mistral3ForConditionalGeneration" => pixtral(vision, text_width),
        "Llama4ForConditionalGeneration" => llama4(vision, text_width),
        "KimiK25ForConditionalGeneration" => moonvit(vision, text_width),
        _ => Ok(None),
    }
}

/// Reads a width; the tower has an unknown size where it is absent.
macro_rules! dims {
    ($fields:expr, $($name:ident: $key:literal),+) => {
        let ($(Some($name)),+) = ($($fields.whole($key, 1..=MOST_WIDTH)?.map(u128::from)),+) else { return Ok(None) };
    };
}

fn layers(vision: &Fields<'_>, key: &str) -> Result<u128, Fault> {
    Ok(u128::from(vision.required(key, 1..=MOST_LAYERS)?))
}

/// A linear layer with its bias.
fn linear(from: u128, to: u128) -> u128 {
    from * to + to
}

/// Attention and a block with biases and two layer norms.
fn plain_layer(width: u128, inner: u128) -> u128 {
    4 * linear(width, width) + linear(width, inner) + linear(inner, width) + 4 * width
}

/// Two linear layers over merged patches.
fn merger(merged: u128, out: u128) -> u128 {
    linear(merged, merged) + linear(merged, out)
}

fn qwen3(vision: &Fields<'_>) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size", time: "temporal_patch_size",
        merge: "spatial_merge_size", out: "out_hidden_size", positions: "num_position_embeddings");
    let deep = vision.list("deepstack_visual_indexes")?.map_or(0, <[_]>::len) as u128;
    let merged = width * merge * merge;
    let patches = linear(3 * time * patch * patch, width) + positions * width;
    let mergers = merger(merged, out) + 2 * width + deep * (merger(merged, out) + 2 * merged);
    Ok(Some(patches + layers(vision, "depth")? * plain_layer(width, inner) + mergers))
}

fn qwen25(vision: &Fields<'_>) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size", out: "out_hidden_size");
    let time = u128::from(vision.whole("temporal_patch_size", 1..=MOST_WIDTH)?.unwrap_or(2));
    let merge = u128::from(vision.whole("spatial_merge_size", 1..=MOST_WIDTH)?.unwrap_or(2));
    let layer = 4 * linear(width, width) + 2 * linear(width, inner) + linear(inner, width) + 2 * width;
    Ok(Some(3 * time * patch * patch * width + layers(vision, "depth")? * layer + width + merger(width * merge * merge, out)))
}

fn qwen2(vision: &Fields<'_>) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "embed_dim", ratio: "mlp_ratio", patch: "patch_size", out: "hidden_size");
    let time = u128::from(vision.whole("temporal_patch_size", 1..=MOST_WIDTH)?.unwrap_or(2));
    let merge = u128::from(vision.whole("spatial_merge_size", 1..=MOST_WIDTH)?.unwrap_or(2));
    let tower = layers(vision, "depth")? * plain_layer(width, width * ratio);
    Ok(Some(3 * time * patch * patch * width + tower + 2 * width + merger(width * merge * merge, out)))
}

fn siglip(vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size", image: "image_size");
    let positions = (image / patch) * (image / patch);
    let tower =
        linear(3 * patch * patch, width) + positions * width + layers(vision, "num_hidden_layers")? * plain_layer(width, inner) + 2 * width;
    Ok(Some(tower + width * u128::from(text_width) + width))
}

fn gemma4(vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size", positions: "position_embedding_size",
        heads: "num_attention_heads", kv_heads: "num_key_value_heads", head_dim: "head_dim");
    let attention = 2 * width * head_dim * (heads + kv_heads);
    let layer = attention + 3 * width * inner + 4 * width + 2 * head_dim;
    let patches = 3 * patch * patch * width + 2 * positions * width;
    Ok(Some(patches + layers(vision, "num_hidden_layers")? * layer + 2 * width + width * u128::from(text_width)))
}

fn pixtral(vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size");
    let merge = u128::from(vision.whole("spatial_merge_size", 1..=MOST_WIDTH)?.unwrap_or(2));
    let text_width = u128::from(text_width);
    let layer = 4 * width * width + 3 * width * inner + 2 * width;
    let projector = width + width * merge * merge * width + width * text_width + text_width * text_width;
    Ok(Some(3 * patch * patch * width + width + layers(vision, "num_hidden_layers")? * layer + projector))
}

fn llama4(vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "hidden_size", inner: "intermediate_size", patch: "patch_size", image: "image_size",
        middle: "projector_input_dim", out: "vision_output_dim");
    let positions = (image / patch) * (image / patch) + 1;
    let patches = 3 * patch * patch * width + width + positions * width;
    let tower = layers(vision, "num_hidden_layers")? * plain_layer(width, inner) + 4 * width;
    Ok(Some(patches + tower + inner * middle + middle * out + out * u128::from(text_width)))
}

fn moonvit(vision: &Fields<'_>, text_width: u64) -> Result<Option<u128>, Fault> {
    dims!(vision, width: "vt_hidden_size", inner: "vt_intermediate_size", patch: "patch_size",
        rows: "init_pos_emb_height", columns: "init_pos_emb_width");
    let merged = match vision.list("merge_kernel_size")? {
        Some([rows, columns]) => match (rows.as_u64(), columns.as_u64()) {
            (Some(rows @ 1..=1000), Some(columns @ 1..=1000)) => width * u128::from(rows) * u128::from(columns),
            _ => return Err(vision.fault("merge_kernel_size", "must be two sizes between 1 and 1000")),
        },
        _ => return Ok(None),
    };
    let patches = linear(3 * patch * patch, width) + rows * columns * width;
    let tower = layers(vision, "vt_num_hidden_layers")? * plain_layer(width, inner) + 2 * width;
    Ok(Some(patches + tower + 2 * width + merger(merged, u128::from(text_width))))
}
