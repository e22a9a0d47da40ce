//! Names of the linear layers, and the patterns with which quantizers name those that they leave alone.

use std::collections::BTreeSet;

use regex::{RegexSet, RegexSetBuilder};

use crate::catalog::facts::{FeedForward, LayerRun, Mixer, Part};

/// What a checkpoint may write before the number of a layer.
const PREFIXES: [&str; 4] = ["model.layers", "model.language_model.layers", "language_model.model.layers", "backbone.layers"];
/// What it may write for the output head.
const HEADS: [&str; 3] = ["lm_head", "language_model.lm_head", "model.lm_head"];
/// Largest compiled pattern in bytes.
const PATTERN_BYTES: usize = 4 << 20;

/// A linear layer under each of the names that checkpoints use for it.
type Module = &'static [&'static str];

/// The linear layers of each part of a layer, the small ones left out that no quantizer touches.
pub(super) fn parts(layer: &LayerRun) -> Vec<(Part, &'static [Module])> {
    let mut parts: Vec<(Part, &'static [Module])> = Vec::new();
    match &layer.mixer {
        Mixer::Attention(_) => {
            parts.push((
                Part::MixerInput,
                &[&["self_attn.q_proj", "self_attn.qkv_proj", "mixer.q_proj"], &["self_attn.k_proj", "self_attn.qkv_proj", "mixer.k_proj"]],
            ));
            parts.push((Part::MixerOutput, &[&["self_attn.o_proj", "mixer.o_proj"]]));
        }
        Mixer::Mla(mla) => {
            let compressed: &[Module] = &[
                &["self_attn.q_a_proj", "self_attn.fused_qkv_a_proj"],
                &["self_attn.q_b_proj"],
                &["self_attn.kv_a_proj_with_mqa", "self_attn.fused_qkv_a_proj"],
                &["self_attn.kv_b_proj"],
            ];
            let direct: &[Module] = &[&["self_attn.q_proj"], &["self_attn.kv_a_proj_with_mqa"], &["self_attn.kv_b_proj"]];
            parts.push((Part::MixerInput, if mla.q_lora_rank.is_some() { compressed } else { direct }));
            parts.push((Part::MixerOutput, &[&["self_attn.o_proj"]]));
        }
        Mixer::GatedDeltaNet(_) => {
            parts.push((
                Part::MixerInput,
                &[&["linear_attn.in_proj_qkv", "linear_attn.in_proj_qkvz"], &["linear_attn.in_proj_z", "linear_attn.in_proj_qkvz"]],
            ));
            parts.push((Part::MixerOutput, &[&["linear_attn.out_proj"]]));
        }
        Mixer::Mamba2(_) => {
            parts.push((Part::MixerInput, &[&["mixer.in_proj"]]));
            parts.push((Part::MixerOutput, &[&["mixer.out_proj"]]));
        }
        Mixer::None => {}
    }
    let dense: &[Module] = &[
        &["mlp.up_proj", "mlp.gate_up_proj", "feed_forward.up_proj", "mixer.up_proj"],
        &["mlp.down_proj", "feed_forward.down_proj", "mixer.down_proj"],
    ];
    match &layer.feed_forward {
        FeedForward::Dense(_) => parts.push((Part::Dense, dense)),
        FeedForward::Experts(experts) => {
            let beside_dense = experts.parallel_dense_intermediate_size > 0;
            parts.push((Part::Experts, if beside_dense { EXPERTS_BESIDE_DENSE } else { EXPERTS }));
            if experts.shared_intermediate_size > 0 {
                parts.push((Part::SharedExperts, SHARED_EXPERTS));
            }
            if beside_dense {
                parts.push((Part::Dense, dense));
            }
        }
        FeedForward::None => {}
    }
    parts
}

const EXPERTS: &[Module] = &[
    &[
        "mlp.experts.0.up_proj",
        "mlp.experts.gate_up_proj",
        "block_sparse_moe.experts.0.w3",
        "feed_forward.experts.0.up_proj",
        "feed_forward.experts.gate_up_proj",
        "mixer.experts.0.up_proj",
        "mlp.experts",
    ],
    &[
        "mlp.experts.0.down_proj",
        "mlp.experts.down_proj",
        "block_sparse_moe.experts.0.w2",
        "feed_forward.experts.0.down_proj",
        "feed_forward.experts.down_proj",
        "mixer.experts.0.down_proj",
        "mlp.experts",
    ],
];

/// Experts in layers whose `mlp` is a block of its own (Gemma 4).
const EXPERTS_BESIDE_DENSE: &[Module] = &[
    &["experts.0.up_proj", "experts.gate_up_proj", "moe.experts.0.up_proj", "moe.gate_up_proj", "experts"],
    &["experts.0.down_proj", "experts.down_proj", "moe.experts.0.down_proj", "moe.down_proj", "experts"],
];

const SHARED_EXPERTS: &[Module] = &[
    &["mlp.shared_experts.up_proj", "mlp.shared_expert.up_proj", "feed_forward.shared_expert.up_proj", "mixer.shared_experts.up_proj"],
    &[
        "mlp.shared_experts.down_proj",
        "mlp.shared_expert.down_proj",
        "feed_forward.shared_expert.down_proj",
        "mixer.shared_experts.down_proj",
    ],
];

/// Every name of a linear layer of layer `at`.
pub(super) fn names(at: u64, module: Module) -> impl Iterator<Item = String> {
    PREFIXES.into_iter().flat_map(move |prefix| module.iter().map(move |name| format!("{prefix}.{at}.{name}")))
}

/// Every name of the output head.
pub(super) fn head_names() -> impl Iterator<Item = String> {
    HEADS.into_iter().map(str::to_owned)
}

/// Patterns of names.
pub(super) struct Patterns {
    plain: BTreeSet<String>,
    wild: Option<RegexSet>,
}

impl Patterns {
    /// Patterns as quantizers write them: a name or the end or middle of one, with `*` for any text, or
    /// `re:` and a regular expression that matches from the start.
    ///
    /// # Errors
    /// Where an expression cannot be read, in words.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut plain, mut wild) = (BTreeSet::new(), Vec::new());
        for text in texts {
            let trimmed = text.trim_matches('.');
            if let Some(expression) = text.strip_prefix("re:") {
                wild.push(format!("^(?:{expression})"));
            } else if trimmed.contains('*') {
                let parts: Vec<String> = trimmed.split('*').map(regex::escape).collect();
                wild.push(format!(r"(?:^|\.){}(?:\.|$)", parts.join(".*")));
            } else if !trimmed.is_empty() {
                plain.insert(trimmed.to_owned());
            }
        }
        if wild.is_empty() {
            return Ok(Self { plain, wild: None });
        }
        let set = RegexSetBuilder::new(wild).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
        let set = set.map_err(|_| "a pattern of layers that are not quantized".to_owned())?;
        Ok(Self { plain, wild: Some(set) })
    }

    /// Whether a pattern matches `name`, or a whole part of it between dots.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.contains_part(name) || self.wild.as_ref().is_some_and(|set| set.is_match(name))
    }

    fn contains_part(&self, name: &str) -> bool {
        if self.plain.is_empty() {
            return false;
        }
        let starts = || std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1));
        let ends = || name.match_indices('.').map(|(at, _)| at).chain(std::iter::once(name.len()));
        starts().any(|start| ends().filter(|end| *end > start).any(|end| self.plain.contains(&name[start..end])))
    }
}
