//! How many parameters a model has, by part.

use super::facts::{
    Attention, Dense, Experts, FeedForward, GatedDeltaNet, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Part, Quantization, Shape,
    WeightFormat,
};

impl ModelFacts {
    /// Parameters of the language model without draft layers, norms and encoders included; none where
    /// the layers are not known, or an encoder cannot be counted.
    pub fn parameters(&self) -> Option<u128> {
        let shape = self.shape.as_ref()?;
        let hidden = u128::from(shape.hidden_size);
        let embeddings = u128::from(shape.vocab_size) * hidden * if shape.tied_embeddings { 1 } else { 2 };
        let layers: u128 = shape.layers.iter().map(|run| u128::from(run.count) * layer(run, hidden)).sum();
        let encoder = shape.encoder.as_ref().map_or(Some(0), |encoder| encoder.parameters)?;
        Some(embeddings + layers + hidden + u128::from(encoder))
    }
}

impl ModelFacts {
    /// Size of the checkpoint in GiB to two places: as it is known, else as its tensors add up to.
    pub fn size_gib(&self) -> Option<f64> {
        let gib = |bytes: f64| (bytes / f64::from(1 << 30) * 100.0).round() / 100.0;
        self.checkpoint_gib().or_else(|| self.estimated_checkpoint_bytes().map(gib))
    }

    /// Bytes of the checkpoint as its tensors add up to, draft layers included; none where a part of the
    /// model is not known. Within 1 % of the published size for every model of the catalogue that has one.
    pub fn estimated_checkpoint_bytes(&self) -> Option<f64> {
        let shape = self.shape.as_ref().filter(|_| self.missing.is_empty())?;
        let (hidden, element) = (u128::from(shape.hidden_size), shape.dtype.bytes() as f64);
        let quantization = shape.quantization.as_ref();
        let encoder = shape.encoder.as_ref().map_or(Some(0), |encoder| encoder.parameters)?;
        let table = u128::from(shape.vocab_size) as f64 * hidden as f64;
        let head = match quantization.filter(|quantization| quantization.head) {
            _ if shape.tied_embeddings => 0.0,
            Some(quantization) => bytes_per_parameter(quantization.format),
            None => element,
        };
        let layer_bytes = |run: &LayerRun| {
            let of_part = |(part, count): &(Part, u128)| *count as f64 * part_bytes(run, *part, quantization).unwrap_or(element);
            let parts = parts(run, hidden);
            let rest = layer(run, hidden) - parts.iter().map(|(_, count)| count).sum::<u128>();
            parts.iter().map(of_part).sum::<f64>() + rest as f64 * element
        };
        let layers: f64 = shape.layers.iter().map(|run| f64::from(run.count) * layer_bytes(run)).sum();
        // A draft layer is built like the last one that attends, below a projection from two streams.
        let attends = shape.layers.iter().rfind(|run| matches!(run.mixer, Mixer::Attention(_) | Mixer::Mla(_)));
        let draft = attends.map_or(0.0, |run| layer_bytes(run) + 2.0 * (hidden * hidden) as f64 * element);
        Some(table * (element + head) + layers + f64::from(shape.draft_layers) * draft + encoder as f64 * element)
    }
}

/// The matrices of one layer that quantization treats as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartWeights {
    /// Their parameters.
    pub parameters: f64,
    /// Those that one token passes.
    pub active: f64,
    /// How they are stored; none in the model's own type.
    pub format: Option<WeightFormat>,
    /// Bytes of one parameter, scales included.
    pub bytes_per_parameter: f64,
    /// Routed experts, and those of one token, where these are the routed experts.
    pub experts: Option<(u64, u64)>,
}

impl LayerRun {
    /// The matrices of one layer of the run, small tensors last. Without a format of the checkpoint they
    /// are in `loaded`, or else have `element_bytes` for each parameter.
    pub fn weights(&self, shape: &Shape, loaded: Option<WeightFormat>, element_bytes: f64) -> Vec<PartWeights> {
        let hidden = u128::from(shape.hidden_size);
        let experts = match &self.feed_forward {
            FeedForward::Experts(experts) => Some((experts.count, experts.per_token)),
            _ => None,
        };
        let parts = parts(self, hidden);
        let rest = layer(self, hidden) - parts.iter().map(|(_, count)| count).sum::<u128>();
        let of_part = |(part, count): &(Part, u128)| {
            let format = match &shape.quantization {
                None => loaded,
                quantization => part_format(self, *part, quantization.as_ref()),
            };
            let routed = experts.filter(|_| *part == Part::Experts);
            let share = routed.map_or(1.0, |(count, per_token)| per_token.min(count) as f64 / count.max(1) as f64);
            PartWeights {
                parameters: *count as f64,
                active: *count as f64 * share,
                format,
                bytes_per_parameter: format.map_or(element_bytes, bytes_per_parameter),
                experts: routed,
            }
        };
        let small =
            PartWeights { parameters: rest as f64, active: rest as f64, format: None, bytes_per_parameter: element_bytes, experts: None };
        parts.iter().map(of_part).chain([small]).collect()
    }
}

impl ModelFacts {
    /// Parameters that one token passes, without the embedding, of which it reads a row; none where the
    /// layers are not known. Encoders and draft layers are not counted.
    pub fn active_parameters(&self) -> Option<f64> {
        let shape = self.shape.as_ref()?;
        let layer = |run: &LayerRun| f64::from(run.count) * run.weights(shape, None, 2.0).iter().map(|part| part.active).sum::<f64>();
        Some(shape.layers.iter().map(layer).sum::<f64>() + shape.vocab_size as f64 * shape.hidden_size as f64)
    }
}

/// Bytes of a parameter of `part`; none where it keeps the model's type.
fn part_bytes(run: &LayerRun, part: Part, quantization: Option<&Quantization>) -> Option<f64> {
    part_format(run, part, quantization).map(bytes_per_parameter)
}

/// How `part` is stored; none where it keeps the model's type.
fn part_format(run: &LayerRun, part: Part, quantization: Option<&Quantization>) -> Option<WeightFormat> {
    let quantization = quantization.filter(|_| !run.unquantized.contains(&part))?;
    Some(quantization.other.iter().find(|(other, _)| *other == part).map_or(quantization.format, |(_, format)| *format))
}

/// Bytes of a parameter with its share of scales and zero points.
fn bytes_per_parameter(format: WeightFormat) -> f64 {
    match format {
        WeightFormat::Fp8Tensor | WeightFormat::Fp8Channel | WeightFormat::Int8Channel => 1.0,
        WeightFormat::Fp8Block(rows, columns) => 1.0 + 4.0 / (f64::from(rows) * f64::from(columns)),
        WeightFormat::Int8Group { group } => 1.0 + 2.0 / f64::from(group),
        WeightFormat::Int4 { group, zero_points } => 0.5 + if zero_points { 2.5 } else { 2.0 } / f64::from(group),
        WeightFormat::Mxfp4 => 0.5 + 1.0 / 32.0,
        WeightFormat::Nvfp4 => 0.5 + 1.0 / 16.0,
    }
}

/// Parameters of one layer, with a norm before each block.
fn layer(run: &LayerRun, hidden: u128) -> u128 {
    let blocks = u128::from(run.mixer != Mixer::None) + u128::from(run.feed_forward != FeedForward::None);
    parts(run, hidden).iter().map(|(_, parameters)| parameters).sum::<u128>() + blocks * hidden + small(run, hidden)
}

/// Parameters of each part of a layer that quantization treats as one.
pub(super) fn parts(run: &LayerRun, hidden: u128) -> Vec<(Part, u128)> {
    let mut parts = match &run.mixer {
        Mixer::Attention(attention) => attention_parts(attention, hidden),
        Mixer::Mla(mla) => mla_parts(mla, hidden),
        Mixer::GatedDeltaNet(net) => delta_parts(net, hidden),
        Mixer::Mamba2(mamba) => mamba_parts(mamba, hidden),
        Mixer::None => Vec::new(),
    };
    match &run.feed_forward {
        FeedForward::Dense(dense) => parts.push((Part::Dense, block(hidden, dense.intermediate_size, dense.gated))),
        FeedForward::Experts(experts) => parts.extend(expert_parts(experts, hidden)),
        FeedForward::None => {}
    }
    parts
}

fn block(hidden: u128, width: u64, gated: bool) -> u128 {
    hidden * u128::from(width) * if gated { 3 } else { 2 }
}

fn attention_parts(a: &Attention, hidden: u128) -> Vec<(Part, u128)> {
    let value_dim = u128::from(a.value_head_dim.unwrap_or(a.head_dim));
    let (heads, kv_heads, head_dim) = (u128::from(a.heads), u128::from(a.kv_heads), u128::from(a.head_dim));
    let queries = heads * head_dim * if a.output_gate { 2 } else { 1 };
    let values = if a.shared_key_value { 0 } else { kv_heads * value_dim };
    let cached = if a.shares_cache { 0 } else { kv_heads * head_dim + values };
    vec![(Part::MixerInput, hidden * (queries + cached)), (Part::MixerOutput, heads * value_dim * hidden)]
}

fn mla_parts(m: &Mla, hidden: u128) -> Vec<(Part, u128)> {
    let heads = u128::from(m.heads);
    let query = u128::from(m.qk_nope_head_dim) + u128::from(m.qk_rope_head_dim);
    let queries = m.q_lora_rank.map_or(hidden * heads * query, |rank| u128::from(rank) * (hidden + heads * query));
    let down = hidden * (u128::from(m.kv_lora_rank) + u128::from(m.qk_rope_head_dim));
    let up = u128::from(m.kv_lora_rank) * heads * (u128::from(m.qk_nope_head_dim) + u128::from(m.v_head_dim));
    vec![(Part::MixerInput, queries + down + up), (Part::MixerOutput, heads * u128::from(m.v_head_dim) * hidden)]
}

fn delta_parts(n: &GatedDeltaNet, hidden: u128) -> Vec<(Part, u128)> {
    let keys = u128::from(n.key_heads) * u128::from(n.key_head_dim);
    let values = u128::from(n.value_heads) * u128::from(n.value_head_dim);
    vec![(Part::MixerInput, hidden * (2 * keys + 2 * values)), (Part::MixerOutput, values * hidden)]
}

fn mamba_parts(m: &Mamba2, hidden: u128) -> Vec<(Part, u128)> {
    let inner = u128::from(m.heads) * u128::from(m.head_dim);
    let states = 2 * u128::from(m.groups) * u128::from(m.state_size);
    vec![(Part::MixerInput, hidden * (2 * inner + states + u128::from(m.heads))), (Part::MixerOutput, inner * hidden)]
}

fn expert_parts(e: &Experts, hidden: u128) -> Vec<(Part, u128)> {
    let width = e.latent_size.map_or(hidden, u128::from);
    let routed = u128::from(e.count) * block(width, e.intermediate_size, e.gated);
    let shared = block(hidden, e.shared_intermediate_size, e.gated);
    let dense = block(hidden, e.parallel_dense_intermediate_size, true);
    vec![(Part::Experts, routed), (Part::SharedExperts, shared), (Part::Dense, dense)]
}

/// What is small and never quantized: biases, routers, gates, convolutions, indexers, norms of heads.
fn small(run: &LayerRun, hidden: u128) -> u128 {
    let mixer = match &run.mixer {
        Mixer::Attention(a) => {
            let qkv = (u128::from(a.heads) + 2 * u128::from(a.kv_heads)) * u128::from(a.head_dim);
            (if a.qkv_bias { qkv } else { 0 }) + if a.output_bias { hidden } else { 0 }
        }
        Mixer::Mla(m) => {
            let norms = u128::from(m.kv_lora_rank) + m.q_lora_rank.map_or(0, u128::from);
            norms
                + m.indexer.as_ref().map_or(0, |i| {
                    let (heads, dim) = (u128::from(i.heads), u128::from(i.head_dim));
                    m.q_lora_rank.map_or(hidden, u128::from) * heads * dim + hidden * (dim + heads) + 2 * dim
                })
        }
        Mixer::GatedDeltaNet(n) => {
            let keys = u128::from(n.key_heads) * u128::from(n.key_head_dim);
            let values = u128::from(n.value_heads) * u128::from(n.value_head_dim);
            let heads = u128::from(n.value_heads);
            2 * hidden * heads + (2 * keys + values) * u128::from(n.conv_kernel) + 2 * heads + u128::from(n.value_head_dim)
        }
        Mixer::Mamba2(m) => {
            let inner = u128::from(m.heads) * u128::from(m.head_dim);
            let convolved = inner + 2 * u128::from(m.groups) * u128::from(m.state_size);
            convolved * (u128::from(m.conv_kernel) + u128::from(m.conv_bias)) + 3 * u128::from(m.heads) + inner
        }
        Mixer::None => 0,
    };
    let feed_forward = match &run.feed_forward {
        FeedForward::Dense(Dense { intermediate_size, gated, bias: true }) => {
            u128::from(*intermediate_size) * if *gated { 2 } else { 1 } + hidden
        }
        FeedForward::Experts(e) => {
            let width = e.latent_size.map_or(hidden, u128::from);
            let router = u128::from(e.count) * hidden;
            let biases = if e.bias { u128::from(e.count) * (1 + 2 * u128::from(e.intermediate_size) + width) } else { 0 };
            let latent = e.latent_size.map_or(0, |latent| 2 * hidden * u128::from(latent));
            router + biases + latent + if e.shared_gate { hidden } else { 0 }
        }
        _ => 0,
    };
    mixer + feed_forward
}

#[cfg(test)]
mod tests {
    /// Counts in billions of `vllm-project/recipes` and model cards.
    #[test]
    fn the_catalogue_counts_what_is_published() {
        let published = [
            ("meta-llama/Llama-3.1-8B", 8.03),
            ("meta-llama/Llama-3.1-70B", 70.6),
            ("Qwen/Qwen3-8B", 8.19),
            ("Qwen/Qwen3-30B-A3B", 30.5),
            ("Qwen/Qwen3-235B-A22B", 235.1),
            ("Qwen/Qwen3-Coder-480B-A35B-Instruct", 480.2),
            ("Qwen/Qwen3.5-397B-A17B", 397.0),
            ("Qwen/Qwen3.5-122B-A10B", 122.0),
            ("openai/gpt-oss-20b", 20.9),
            ("openai/gpt-oss-120b", 116.8),
            ("deepseek-ai/DeepSeek-V3", 671.0),
            ("moonshotai/Kimi-K2-Instruct", 1026.5),
            ("zai-org/GLM-5", 744.0),
            ("MiniMaxAI/MiniMax-M2.5", 229.0),
            ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31.6),
            ("nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8", 120.6),
            ("mistralai/Mixtral-8x7B-v0.1", 46.7),
            ("mistralai/Mixtral-8x22B-v0.1", 140.6),
            ("google/gemma-2-9b", 9.24),
        ];
        for (repository, billions) in published {
            let counted = crate::catalog::model(repository).and_then(|facts| facts.parameters()).expect("a known size") as f64 / 1e9;
            assert!((counted / billions - 1.0).abs() < 0.01, "{repository}: {counted} against {billions}");
        }
    }

    /// Billions that a token passes, of model cards: the A3B of a name counts the head, without embedding.
    #[test]
    fn experts_count_for_the_tokens_that_pass_them() {
        let published = [
            ("Qwen/Qwen3-30B-A3B", 3.3, 0.1),
            ("Qwen/Qwen3-235B-A22B", 22.0, 0.05),
            ("deepseek-ai/DeepSeek-V3", 37.0, 0.03),
            ("openai/gpt-oss-120b", 5.1, 0.15),
            ("mistralai/Mixtral-8x7B-v0.1", 12.9, 0.03),
            ("meta-llama/Meta-Llama-3.1-8B", 7.5, 0.01),
        ];
        for (repository, billions, within) in published {
            let counted = crate::catalog::model(repository).and_then(|facts| facts.active_parameters()).expect("a known size") / 1e9;
            assert!((counted / billions - 1.0).abs() < within, "{repository}: {counted} against {billions}");
        }
    }
}
