//! The work of one token: operations, weights and caches, as the layers have them.
//!
//! A matrix of `n` parameters takes `2 n` operations for each token that passes it (Kaplan et al. 2020,
//! "Scaling laws for neural language models", section 2.1); attention takes another `2` for each element of
//! a query and of a value, head and token that the query sees.

use super::peaks::Flops;
use crate::catalog::{Dtype, Gpu, Mixer, Reach};
use crate::estimate::memory::Setup;
use crate::estimate::memory::cache::{self, LayerReads};
use crate::estimate::memory::weights::on_the_fly;

/// Seconds of one GPU at its peak: with the kernels that engines have, and with the fastest arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seconds {
    pub(super) usual: f64,
    pub(super) least: f64,
}

impl Seconds {
    fn of(operations: f64, flops: Flops) -> Self {
        Self { usual: operations / flops.usual, least: operations / flops.most }
    }

    fn add(&mut self, other: Self, times: f64) {
        self.usual += other.usual * times;
        self.least += other.least * times;
    }
}

/// Attention of equal layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attends {
    /// For each token that a query sees while prompts are read.
    pub(super) prefill: Seconds,
    /// The same while answers are written; latent attention then works on the compressed vectors.
    pub(super) decode: Seconds,
    /// Which tokens a query sees.
    pub(super) reach: Reach,
    /// Most of these that are read, where sparse attention chooses.
    pub(super) chosen_tokens: Option<u64>,
}

/// Experts of equal layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Routed {
    /// Bytes of all of them, on all GPUs together.
    pub(super) bytes: f64,
    /// How many a layer has.
    pub(super) count: f64,
    /// How many a token passes.
    pub(super) per_token: f64,
}

/// The work of one token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Work {
    /// All matrices of the layers, of all GPUs together.
    pub(super) linear: Seconds,
    /// The output head.
    pub(super) head: Seconds,
    /// Attention.
    pub(super) attention: Vec<Attends>,
    /// Bytes of all weights that every token passes, head included, on all GPUs together.
    pub(super) dense_bytes: f64,
    /// Experts.
    pub(super) experts: Vec<Routed>,
    /// Caches of one GPU.
    pub(super) caches: Vec<LayerReads>,
    /// Bytes that the GPUs of a copy add up for each token: twice in each layer.
    pub(super) reduced_bytes: f64,
    /// How often they add up in a step.
    pub(super) reductions: f64,
}

impl Work {
    /// The work of one token with `setup`.
    ///
    /// # Errors
    /// What is not known, in words.
    pub(super) fn of(setup: &Setup<'_>, gpu: &Gpu) -> Result<Self, String> {
        let Some(shape) = &setup.facts.shape else {
            return Err(format!("the layers of `{}`", setup.facts.repository));
        };
        if let Some(missing) = setup.facts.missing.first() {
            return Err(missing.clone());
        }
        if setup.dtype == Some(Dtype::Float32) {
            return Err("how fast arithmetic of 32 bits is".to_owned());
        }
        let loaded = on_the_fly(setup, shape)?;
        let mut work = Self {
            linear: Seconds::default(),
            head: Seconds::default(),
            attention: Vec::new(),
            dense_bytes: 0.0,
            experts: Vec::new(),
            caches: cache::reads(setup)?,
            reduced_bytes: 0.0,
            reductions: 0.0,
        };
        let fast = Flops::attention(gpu);
        for run in &shape.layers {
            let layers = f64::from(run.count);
            for part in run.weights(shape, loaded, 2.0) {
                work.linear.add(Seconds::of(2.0 * part.active, Flops::of(gpu, part.format)), layers);
                let bytes = part.parameters * part.bytes_per_parameter * layers;
                match part.experts {
                    Some((count, per_token)) => {
                        work.experts.push(Routed { bytes, count: count as f64, per_token: per_token.min(count) as f64 });
                    }
                    None => work.dense_bytes += bytes,
                }
            }
            work.mix(&run.mixer, layers, fast);
            work.reductions += 2.0 * layers;
        }
        let head = shape.vocab_size as f64 * shape.hidden_size as f64;
        let head_format = shape.quantization.as_ref().filter(|q| q.head && !shape.tied_embeddings).map(|q| q.format);
        work.head = Seconds::of(2.0 * head, Flops::of(gpu, head_format));
        work.dense_bytes += head * if head_format.is_some() { 1.0 } else { 2.0 };
        work.reduced_bytes = work.reductions * shape.hidden_size as f64 * 2.0;
        Ok(work)
    }

    /// Adds what mixes tokens in `layers` layers.
    fn mix(&mut self, mixer: &Mixer, layers: f64, fast: Flops) {
        let mut attends = |prefill: f64, decode: f64, least: f64, reach, chosen_tokens| {
            let seconds = |operations: f64| Seconds { least: layers * least / fast.most, ..Seconds::of(layers * operations, fast) };
            self.attention.push(Attends { prefill: seconds(prefill), decode: seconds(decode), reach, chosen_tokens });
        };
        match mixer {
            Mixer::Attention(layer) => {
                let elements = layer.head_dim as f64 + layer.value_head_dim.unwrap_or(layer.head_dim) as f64;
                let operations = 2.0 * layer.heads as f64 * elements;
                attends(operations, operations, operations, layer.reach, None);
            }
            Mixer::Mla(layer) => {
                let heads = 2.0 * layer.heads as f64;
                let whole = heads * (layer.qk_nope_head_dim as f64 + layer.qk_rope_head_dim as f64 + layer.v_head_dim as f64);
                let latent = heads * (2.0 * layer.kv_lora_rank as f64 + layer.qk_rope_head_dim as f64);
                let chosen = layer.indexer.as_ref().map(|_| crate::estimate::memory::weights::CHOSEN_TOKENS);
                attends(whole, latent, whole.min(latent), Reach::All, chosen);
                if let Some(indexer) = &layer.indexer {
                    let operations = 2.0 * indexer.heads as f64 * indexer.head_dim as f64;
                    attends(operations, operations, operations, Reach::All, None);
                }
            }
            // A state is decayed, added to and read: at least two operations for each element twice.
            Mixer::GatedDeltaNet(net) => {
                let state = net.value_heads as f64 * net.key_head_dim as f64 * net.value_head_dim as f64;
                self.linear.add(Seconds::of(4.0 * state, fast), layers);
            }
            Mixer::Mamba2(mamba) => {
                let state = mamba.heads as f64 * mamba.head_dim as f64 * mamba.state_size as f64;
                self.linear.add(Seconds::of(4.0 * state, fast), layers);
            }
            Mixer::None => {}
        }
    }

    /// Bytes of the weights that a step with `tokens` tokens reads, on all GPUs together: of the experts
    /// those that at least one token is routed to, each token choosing by itself.
    pub(super) fn weight_bytes(&self, tokens: f64) -> f64 {
        let touched = |routed: &Routed| {
            let missed = (1.0 - routed.per_token / routed.count.max(1.0)).max(0.0);
            routed.bytes * (1.0 - missed.powf(tokens.max(1.0)))
        };
        self.dense_bytes + self.experts.iter().map(touched).sum::<f64>()
    }

    /// The fewest bytes that any step reads: that of one token.
    pub(super) fn least_weight_bytes(&self) -> f64 {
        self.weight_bytes(1.0)
    }

    /// Bytes on one GPU that a request reads in one step while it sees the tokens of `span`.
    pub(super) fn read_bytes(&self, span: Span) -> f64 {
        let layer = |layer: &LayerReads| {
            let seen = span.seen(layer.reach, layer.chosen_tokens);
            layer.layers as f64 * (layer.token_bytes as f64 * seen + 2.0 * layer.state_bytes as f64)
        };
        self.caches.iter().map(layer).sum()
    }

    /// Bytes on one GPU that a request keeps on average over `span`.
    pub(super) fn kept_bytes(&self, span: Span) -> f64 {
        let layer =
            |layer: &LayerReads| layer.layers as f64 * (layer.token_bytes as f64 * span.seen(layer.reach, None) + layer.state_bytes as f64);
        self.caches.iter().map(layer).sum()
    }
}

/// Tokens one after the other: the first sees `start` tokens before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) start: f64,
    pub(super) tokens: f64,
}

impl Span {
    /// How many tokens a query sees on average. Of chunks half of one, as a query sees its own alone.
    pub(super) fn seen(self, reach: Reach, chosen_tokens: Option<u64>) -> f64 {
        let end = self.start + self.tokens;
        let all = f64::midpoint(self.start, end);
        let capped = |most: f64| {
            if end <= most {
                all
            } else if self.start >= most || self.tokens <= 0.0 {
                most.min(all)
            } else {
                // Growing up to the cap, then level.
                let growing = most - self.start;
                (growing * f64::midpoint(self.start, most) + (end - most) * most) / self.tokens
            }
        };
        let seen = match reach {
            Reach::All => all,
            Reach::Window(tokens) => capped(tokens as f64),
            Reach::Chunk(tokens) => {
                if end <= tokens as f64 {
                    all
                } else {
                    all.min(tokens as f64 / 2.0)
                }
            }
        };
        chosen_tokens.map_or(seen, |most| seen.min(capped(most as f64)))
    }
}
