//! What the headers of a checkpoint's files say: the bytes of each tensor, and how engines share them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::config::Fault;
use super::facts::{Share, StoredBytes};

/// Most bytes of a header, as the format limits it (safetensors: 100 MB).
pub const MOST_HEADER_BYTES: u64 = 100_000_000;
/// Most bytes of one tensor: beyond any checkpoint.
const MOST_TENSOR_BYTES: u64 = 1 << 50;

/// A tensor and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its bytes in the file.
    pub bytes: u64,
}

/// The tensors in a header of the safetensors format: the JSON that follows the length of eight bytes.
///
/// # Errors
/// The first tensor without places, or with places that cannot be.
pub fn tensors(header: &[u8]) -> Result<Vec<Tensor>, Fault> {
    let not_json = |error: serde_json::Error| Fault::new("", format!("the header is not JSON: {error}"));
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).map_err(not_json)?;
    let tensor = |(name, entry): (String, Value)| {
        let offsets = entry.get("data_offsets").and_then(Value::as_array).map(Vec::as_slice);
        let places = match offsets {
            Some([start, end]) => start.as_u64().zip(end.as_u64()),
            _ => None,
        };
        let bytes = places.and_then(|(start, end)| end.checked_sub(start)).filter(|bytes| *bytes <= MOST_TENSOR_BYTES);
        match bytes {
            Some(bytes) => Ok(Tensor { name, bytes }),
            None => Err(Fault::new(name, "has no `data_offsets` of a start and an end behind it")),
        }
    };
    header.into_iter().filter(|(name, _)| name != "__metadata__").map(tensor).collect()
}

/// An index of a checkpoint in several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Bytes of all tensors.
    pub total_bytes: Option<u64>,
    /// The files that hold them.
    pub files: BTreeSet<String>,
}

/// Reads `model.safetensors.index.json`.
///
/// # Errors
/// The first field that is wrong.
pub fn index(text: &str) -> Result<Index, Fault> {
    let value: Value = serde_json::from_str(text).map_err(|error| Fault::new("", format!("the file is not JSON: {error}")))?;
    let map = value.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| Fault::new("weight_map", "is missing; it must be an object with the file of each tensor"))?;
    let mut files = BTreeSet::new();
    for (tensor, file) in map {
        let name = file.as_str().filter(|name| !name.is_empty() && !name.contains(['/', '\\', '\0']) && *name != "..");
        let name = name.ok_or_else(|| Fault::new(format!("weight_map.{tensor}"), "must be the name of a file beside the index"))?;
        files.insert(name.to_owned());
    }
    let total = value.pointer("/metadata/total_size");
    // Some writers have it as a float.
    let total_bytes =
        total.and_then(|total| total.as_u64().or_else(|| total.as_f64().filter(|t| (0.0..1e15).contains(t)).map(|t| t as u64)));
    if total.is_some() && total_bytes.is_none_or(|bytes| bytes == 0 || bytes > MOST_TENSOR_BYTES) {
        return Err(Fault::new("metadata.total_size", format!("must be a number of bytes between 1 and {MOST_TENSOR_BYTES}")));
    }
    Ok(Index { total_bytes, files })
}

/// Bytes by the way in which an engine shares tensors among the GPUs of a copy, for a model of `layers` layers.
pub fn stored(tensors: &[Tensor], layers: u64) -> Vec<StoredBytes> {
    let mut bytes: BTreeMap<Share, u64> = BTreeMap::new();
    for tensor in tensors {
        let sum = bytes.entry(share(&tensor.name, layers)).or_default();
        *sum = sum.saturating_add(tensor.bytes);
    }
    bytes.into_iter().map(|(share, bytes)| StoredBytes { share, bytes }).collect()
}

/// Parts of encoders and of their projectors.
const ENCODERS: [&str; 14] = [
    "visual",
    "vision_tower",
    "vision_model",
    "vision_encoder",
    "vision_embed_tokens",
    "audio_tower",
    "audio_model",
    "multi_modal_projector",
    "mm_projector",
    "embed_vision",
    "embed_audio",
    "patch_merger",
    "vision_adapter",
    "vision_language_adapter",
];
/// Embeddings and output heads.
const VOCABULARY: [&str; 4] = ["embed_tokens", "lm_head", "embeddings", "word_embeddings"];
/// What each GPU has whole: routers, gates, compressions of latent attention and what chooses tokens.
const WHOLE: [&str; 12] = [
    "gate",
    "router",
    "shared_expert_gate",
    "q_a_proj",
    "kv_a_proj_with_mqa",
    "fused_qkv_a_proj",
    "indexer",
    "rotary_emb",
    "fc1_latent_proj",
    "fc2_latent_proj",
    "e_score_correction_bias",
    "layer_scalar",
];

/// How an engine shares the tensor `name`.
fn share(name: &str, layers: u64) -> Share {
    let parts: Vec<&str> = name.split('.').collect();
    let has = |names: &[&str]| parts.iter().any(|part| names.contains(part));
    let layer =
        parts.iter().zip(parts.iter().skip(1)).find(|(part, _)| **part == "layers").and_then(|(_, number)| number.parse::<u64>().ok());
    if has(&ENCODERS) {
        Share::Encoder
    } else if has(&["mtp"]) || layer.is_some_and(|layer| layer >= layers) {
        Share::Draft
    } else if has(&VOCABULARY) {
        Share::Vocabulary
    } else if has(&["experts"]) {
        Share::Experts
    } else if has(&WHOLE) || parts.iter().any(|part| part.contains("norm")) {
        Share::Whole
    } else if has(&["k_proj", "v_proj"]) {
        Share::KvHeads
    } else {
        Share::Split
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, index, share, stored, tensors};
    use crate::catalog::{Share, StoredBytes};

    #[test]
    fn names_are_shared_as_the_engine_does() {
        let cases = [
            ("model.embed_tokens.weight", Share::Vocabulary),
            ("lm_head.weight_scale", Share::Vocabulary),
            ("model.layers.0.self_attn.q_proj.weight", Share::Split),
            ("model.layers.0.self_attn.k_proj.weight_scale_inv", Share::KvHeads),
            ("model.layers.0.self_attn.k_norm.weight", Share::Whole),
            ("model.layers.3.mlp.gate.weight", Share::Whole),
            ("model.layers.3.mlp.gate_proj.weight", Share::Split),
            ("model.layers.3.mlp.experts.17.up_proj.weight", Share::Experts),
            ("model.layers.3.mlp.shared_experts.up_proj.weight", Share::Split),
            ("model.layers.3.self_attn.kv_b_proj.weight", Share::Split),
            ("model.layers.3.self_attn.indexer.wk.weight", Share::Whole),
            ("model.layers.61.mlp.experts.0.up_proj.weight", Share::Draft),
            ("mtp.layers.0.self_attn.q_proj.weight", Share::Draft),
            ("model.visual.blocks.0.attn.qkv.weight", Share::Encoder),
        ];
        for (name, expected) in cases {
            assert_eq!(share(name, 61), expected, "{name}");
        }
    }

    #[test]
    fn a_header_is_summed_and_a_broken_one_refused() {
        let header = br#"{"__metadata__":{"format":"pt"},"lm_head.weight":{"dtype":"BF16","shape":[4,2],"data_offsets":[0,16]},
            "model.layers.0.mlp.up_proj.weight":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}}"#;
        let read = stored(&tensors(header).unwrap(), 1);
        let expected = [StoredBytes { share: Share::Split, bytes: 2 }, StoredBytes { share: Share::Vocabulary, bytes: 16 }];
        assert_eq!(read, expected);
        for broken in [
            r#"{"a":{"data_offsets":[4,2]}}"#,
            r#"{"a":{"data_offsets":[0,1e30]}}"#,
            r#"{"a":7}"#,
            "[]",
            r#"{"a":{"data_offsets":[0,18446744073709551615]}}"#,
        ] {
            assert!(tensors(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_index_names_files_beside_it_only() {
        let read = index(r#"{"metadata":{"total_size":18.0},"weight_map":{"a":"x.safetensors"}}"#).unwrap();
        assert_eq!(read, Index { total_bytes: Some(18), files: ["x.safetensors".to_owned()].into() });
        for broken in
            [r#"{"weight_map":{"a":"../x"}}"#, r#"{"weight_map":{"a":3}}"#, "{}", r#"{"metadata":{"total_size":-1},"weight_map":{}}"#]
        {
            assert!(index(broken).is_err(), "{broken}");
        }
    }
}
