//! Architecture facts of a model: what its weights and its cache are made of.
//!
//! They are read from a model's own `config.json`, or from a facts
//! file that was written from it. Terms are those of `config.json`; sizes are elements unless a name
//! says bytes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What is known about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Repository of the model hub, such as `Qwen/Qwen3-8B`.
    pub repository: String,
    /// Other repositories with the same shape, types and quantization, such as fine-tunes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Where the facts come from: package and version, or file and digest.
    pub source: String,
    /// Bytes of the checkpoint's files that an engine downloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_bytes: Option<u64>,
    /// Longest sequence in tokens (`max_position_embeddings`, scaled positions included).
    pub context_tokens: u64,
    /// Attention heads of the layers that attend.
    pub attention_heads: u32,
    /// The layers; none where `config.json` is not known, see `missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Why there is no shape, or what of it is not understood, in words; empty when all is known. With
    /// an entry, nothing can be proven from the shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// The parts of a model, in the order in which a token passes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Class of the model (`architectures` of `config.json`), which decides what the engine does.
    pub architecture: String,
    /// Type of weights that are not quantized, and of the cache unless something else is asked for.
    pub dtype: Dtype,
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Rows of the embedding, before any padding.
    pub vocab_size: u64,
    /// Whether the output head is the embedding itself.
    pub tied_embeddings: bool,
    /// Runs of equal layers, in order; their counts add up to the number of layers. In a file, a run that
    /// equals an earlier one but for its count may say so with `like`, the place of that one from 0.
    #[serde(with = "super::runs")]
    pub layers: Vec<LayerRun>,
    /// Layers that predict further tokens (MTP); stored with the weights, loaded only for speculation.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub draft_layers: u32,
    /// Parameters of encoders for images or sound and of their projectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Encoder>,
    /// How linear layers are quantized, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    /// What the headers of the checkpoint's tensors say; exact where it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<StoredBytes>,
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl ModelFacts {
    /// Size of the checkpoint in GiB to two places, if it is known.
    pub fn checkpoint_gib(&self) -> Option<f64> {
        self.checkpoint_bytes.map(|bytes| (bytes as f64 / f64::from(1 << 30) * 100.0).round() / 100.0)
    }
}

impl Shape {
    /// Number of layers.
    pub fn layer_count(&self) -> u64 {
        self.layers.iter().map(|run| u64::from(run.count)).sum()
    }

    /// The layers one by one, in order.
    pub fn each_layer(&self) -> impl Iterator<Item = &LayerRun> {
        self.layers.iter().flat_map(|run| std::iter::repeat_n(run, run.count as usize))
    }
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits.
    Float32,
    /// 16 bits.
    Float16,
    /// 16 bits with the range of 32.
    Bfloat16,
}

impl Dtype {
    /// Its name in a `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
        }
    }

    /// Bytes of one element.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Float32 => 4,
            Self::Float16 | Self::Bfloat16 => 2,
        }
    }
}

/// `count` equal layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRun {
    /// How many.
    pub count: u32,
    /// What mixes tokens.
    pub mixer: Mixer,
    /// What works on each token by itself.
    pub feed_forward: FeedForward,
    /// Parts that keep the model's own type in a quantized model.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unquantized: BTreeSet<Part>,
}

/// A part of a layer that quantization treats as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Projections into the mixer: q, k and v, or those of a recurrent mixer.
    MixerInput,
    /// Projection out of the mixer.
    MixerOutput,
    /// The dense feed-forward block.
    Dense,
    /// The routed experts.
    Experts,
    /// The shared experts.
    SharedExperts,
}

/// What mixes the tokens of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixer {
    /// Multi-head, grouped or multi-query attention.
    Attention(Attention),
    /// Multi-head latent attention.
    Mla(Mla),
    /// Gated delta net (Qwen3-Next, Qwen3.5): linear attention with a state.
    GatedDeltaNet(GatedDeltaNet),
    /// Mamba 2.
    Mamba2(Mamba2),
    /// None: a layer that is a feed-forward block only.
    None,
}

/// Attention over keys and values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Elements of a query or key head.
    pub head_dim: u64,
    /// Elements of a value head, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_head_dim: Option<u64>,
    /// Tokens that a query sees.
    #[serde(default, skip_serializing_if = "Reach::is_all")]
    pub reach: Reach,
    /// Whether q, k and v have a bias.
    #[serde(default, skip_serializing_if = "is_false")]
    pub qkv_bias: bool,
    /// Whether the output projection has one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub output_bias: bool,
    /// Whether a gate as large as the queries is projected with them (`attn_output_gate`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub output_gate: bool,
    /// Whether keys serve as values too, so that no value projection is stored (`attention_k_eq_v`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared_key_value: bool,
    /// Layer whose cache this one reads instead of having its own (`num_kv_shared_layers`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub shares_cache: bool,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// Which earlier tokens a query sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Every one.
    #[default]
    All,
    /// The last so many, itself included.
    Window(u64),
    /// Those of its own chunk of so many.
    Chunk(u64),
}

impl Reach {
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// Multi-head latent attention (DeepSeek V2 and V3, Kimi K2, GLM 5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mla {
    /// Query heads.
    pub heads: u64,
    /// Rank of the compressed queries; none where they are not compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_lora_rank: Option<u64>,
    /// Rank of the compressed keys and values: what the cache holds.
    pub kv_lora_rank: u64,
    /// Elements of a head with positions.
    pub qk_rope_head_dim: u64,
    /// Elements of a head without positions.
    pub qk_nope_head_dim: u64,
    /// Elements of a value head.
    pub v_head_dim: u64,
    /// The indexer of sparse attention (DeepSeek V3.2, GLM 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexer: Option<Indexer>,
}

/// Chooses the tokens that sparse attention reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indexer {
    /// Heads.
    pub heads: u64,
    /// Elements of a head.
    pub head_dim: u64,
}

/// A gated delta net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatedDeltaNet {
    /// Key heads.
    pub key_heads: u64,
    /// Value heads.
    pub value_heads: u64,
    /// Elements of a key head.
    pub key_head_dim: u64,
    /// Elements of a value head.
    pub value_head_dim: u64,
    /// Width of the convolution.
    pub conv_kernel: u64,
    /// Type of the recurrent state.
    pub state_dtype: Dtype,
}

/// A Mamba 2 mixer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mamba2 {
    /// Heads.
    pub heads: u64,
    /// Elements of a head.
    pub head_dim: u64,
    /// Groups of the input and output matrices.
    pub groups: u64,
    /// Elements of the state for each element of a head.
    pub state_size: u64,
    /// Width of the convolution.
    pub conv_kernel: u64,
    /// Type of the recurrent state.
    pub state_dtype: Dtype,
    /// Whether the convolution has a bias.
    #[serde(default, skip_serializing_if = "is_false")]
    pub conv_bias: bool,
}

/// What works on each token by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedForward {
    /// One block.
    Dense(Dense),
    /// A mixture of experts.
    Experts(Experts),
    /// None: a layer that is a mixer only.
    None,
}

/// A feed-forward block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Width.
    pub intermediate_size: u64,
    /// Whether it has a gate beside the projection up.
    pub gated: bool,
    /// Whether its projections have a bias.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bias: bool,
}

/// A mixture of experts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experts {
    /// Routed experts.
    pub count: u64,
    /// Experts that a token is routed to.
    pub per_token: u64,
    /// Width of a routed expert.
    pub intermediate_size: u64,
    /// Whether experts have a gate beside the projection up.
    pub gated: bool,
    /// Width of what routed experts read, where it is not the hidden size (`moe_latent_size`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent_size: Option<u64>,
    /// Width of all shared experts together; 0 without any.
    #[serde(default)]
    pub shared_intermediate_size: u64,
    /// Whether the shared expert has a gate of one row (Qwen).
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared_gate: bool,
    /// Whether projections of experts and router have a bias (gpt-oss).
    #[serde(default, skip_serializing_if = "is_false")]
    pub bias: bool,
    /// Width of a dense block that runs beside the experts in the same layer (Gemma 4).
    #[serde(default)]
    pub parallel_dense_intermediate_size: u64,
}

/// Encoders beside the language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// Parameters, in the model's own type; none where they could not be counted.
    pub parameters: Option<u64>,
}

/// How linear layers are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// `quant_method` of `config.json`.
    pub method: String,
    /// How each quantized weight is stored.
    pub format: WeightFormat,
    /// Format of parts that differ from `format`, such as 8-bit attention beside 4-bit experts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<(Part, WeightFormat)>,
    /// Whether the output head is quantized.
    #[serde(default, skip_serializing_if = "is_false")]
    pub head: bool,
    /// Whether the checkpoint asks for an 8-bit cache (`kv_cache_quant_algo`, `kv_cache_scheme`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub fp8_cache: bool,
}

/// How a quantized matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightFormat {
    /// 8-bit floats with one scale for each matrix.
    Fp8Tensor,
    /// 8-bit floats with one scale for each output row.
    Fp8Channel,
    /// 8-bit floats with a 32-bit scale for each block of rows by columns.
    Fp8Block(u32, u32),
    /// 8-bit integers with one scale for each output row.
    Int8Channel,
    /// 4-bit integers with a 16-bit scale, and a zero point unless symmetric, for each group of inputs.
    Int4 {
        /// Inputs of a group.
        group: u32,
        /// Whether groups have zero points.
        zero_points: bool,
    },
    /// 8-bit integers with a 16-bit scale for each group of inputs (GPTQ with 8 bits).
    Int8Group {
        /// Inputs of a group.
        group: u32,
    },
    /// 4-bit floats with an 8-bit scale for each 32 inputs.
    Mxfp4,
    /// 4-bit floats with an 8-bit scale for each 16 inputs.
    Nvfp4,
}

/// Bytes of tensors of one kind, as the headers of a checkpoint have them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredBytes {
    /// How the engine shares them among the GPUs of a copy.
    pub share: Share,
    /// Their bytes over all layers.
    pub bytes: u64,
}

/// How tensors are shared among the GPUs of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Split evenly.
    Split,
    /// Key and value projections: split by heads, repeated beyond their number.
    KvHeads,
    /// Embedding and output head: split by rows, after padding.
    Vocabulary,
    /// Routed experts: split evenly, or whole experts with expert parallelism.
    Experts,
    /// On every GPU.
    Whole,
    /// Encoders for images and sound.
    Encoder,
    /// Layers for speculation, which are not loaded without it.
    Draft,
}
