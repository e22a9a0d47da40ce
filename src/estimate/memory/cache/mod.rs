//! How the cache is cut into blocks: one layout for each pipeline stage.
//!
//! The caches of the layers ([`stage`], [`page`], [`state`], [`block`]) become groups ([`group`]), these
//! a number of bytes for each block; a request takes blocks of every group ([`request`]). What the
//! engine checks before it serves is in [`refusal`]. [`rules`] says which version does what.

mod block;
mod dtype;
mod group;
mod page;
mod reads;
mod refusal;
mod request;
mod rules;
mod stage;
mod state;
#[cfg(test)]
mod tests;

pub use reads::{LayerReads, reads};

use group::{Group, Groups};
use page::{Kind, Spec};
use request::{Demand, Load, longest};
use rules::{Logged, Need, Rules};
use stage::Layers;

use super::{Bounds, CacheFigures, Refusal, Setup, SignedBounds};

/// The cache of one pipeline stage, as the engine lays it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Bytes of one block over all layers of the GPU.
    pub bytes_per_block: u64,
    /// Tokens of a block of the attention layers.
    pub block_tokens: u64,
    rules: Rules,
    load: Load,
    demands: Vec<Demand>,
    needs: Vec<(Demand, u64)>,
    stated_tokens: Option<u64>,
    context_tokens: u64,
    states: bool,
}

impl Layout {
    /// Groups of layers that share the pool.
    pub fn groups(&self) -> u64 {
        self.demands.len() as u64
    }

    /// Blocks that fit in `available` bytes.
    pub fn blocks(&self, available: i64) -> u64 {
        u64::try_from(available).unwrap_or(0) / self.bytes_per_block.max(1)
    }

    /// Blocks that a request of `tokens` may hold at once.
    pub fn blocks_per_request(&self, tokens: u64) -> u64 {
        self.demands.iter().fold(0, |sum, demand| sum.saturating_add(demand.blocks(tokens, self.load)))
    }

    /// Bytes that the engine's check takes a request of `tokens` to need.
    fn needed_bytes(&self, tokens: u64) -> u128 {
        let bytes = |(demand, bytes): &(Demand, u64)| u128::from(demand.blocks(tokens, self.load)) * u128::from(*bytes);
        self.needs.iter().map(bytes).fold(0, u128::saturating_add)
    }

    /// What the checks count with: less one block where the version holds one back.
    fn checked(&self, available: i64) -> i64 {
        let held = if self.rules.holds_back_a_block() { self.bytes_per_block } else { 0 };
        available.saturating_sub_unsigned(held)
    }

    /// The longest request up to `most` tokens that `available` bytes hold, as the engine estimates it.
    pub fn longest_request(&self, available: i64, most: u64) -> u64 {
        let checked = u128::from(u64::try_from(self.checked(available)).unwrap_or(0));
        longest(most, |tokens| self.needed_bytes(tokens) <= checked)
    }

    /// Longest request that the engine is started with: what is stated, else what it fits by itself.
    fn length(&self, available: i64) -> u64 {
        self.stated_tokens.unwrap_or_else(|| self.longest_request(available, self.context_tokens))
    }

    /// The check of the cache that fails with `available` bytes, in the engine's order and words.
    pub fn refusal(&self, available: i64, setup: &Setup<'_>) -> Option<Refusal> {
        let checked = self.checked(available);
        let tokens = match self.stated_tokens {
            Some(tokens) => tokens,
            None => match self.length(available) {
                0 => return Some(refusal::no_length()),
                tokens => tokens,
            },
        };
        if checked <= 0 {
            return Some(refusal::no_blocks(self.rules));
        }
        let needed = self.needed_bytes(tokens);
        if needed > checked.unsigned_abs().into() {
            let longest = self.longest_request(available, tokens);
            return Some(refusal::one_request(self.rules, tokens, needed as f64, checked as f64, longest));
        }
        let blocks = self.blocks(available);
        if self.states && self.rules.checks_states() && !setup.enforce_eager && setup.max_num_seqs > blocks {
            return Some(refusal::too_few_states(setup.max_num_seqs, blocks));
        }
        None
    }

    /// The figures that follow from the bytes that are left for the cache.
    pub fn figures(&self, available: SignedBounds) -> Option<CacheFigures> {
        let each = |f: &dyn Fn(i64) -> u64| Bounds { low: f(available.low), expected: f(available.expected), high: f(available.high) };
        let concurrency = |bytes: i64| self.concurrency(bytes);
        let most = self.context_tokens.max(self.stated_tokens.unwrap_or(0));
        Some(CacheFigures {
            bytes_per_block: self.bytes_per_block,
            block_tokens: self.block_tokens,
            groups: self.groups(),
            blocks: each(&|bytes| self.blocks(bytes)),
            blocks_per_request: self.blocks_per_request(self.length(available.expected)),
            logged_tokens: each(&|bytes| self.logged_tokens(bytes)),
            max_concurrency: (concurrency(available.low), concurrency(available.expected), concurrency(available.high)),
            longest_request_tokens: each(&|bytes| self.longest_request(bytes, most)),
        })
    }

    /// "Maximum concurrency for L tokens per request" (`get_max_concurrency_for_kv_cache_config`).
    fn concurrency(&self, available: i64) -> f64 {
        let tokens = self.length(available);
        if tokens == 0 {
            return 0.0;
        }
        if self.rules.logged() == Logged::Blocks {
            return self.logged_tokens(available) as f64 / tokens as f64;
        }
        self.blocks(available) as f64 / self.blocks_per_request(tokens).max(1) as f64
    }

    /// "GPU KV cache size: N tokens".
    fn logged_tokens(&self, available: i64) -> u64 {
        let blocks = self.blocks(available);
        match self.rules.logged() {
            Logged::Blocks => blocks.saturating_mul(self.block_tokens),
            Logged::SmallestBlock => {
                // 0.9.1 took the block size of the settings, as 0.10.2 still did for a single group; then the
                // smallest of the groups.
                let settings = !self.rules.since(0, 9, 2) || (self.groups() == 1 && !self.rules.since(0, 11, 0));
                let smallest = self.demands.iter().map(|demand| demand.block_tokens).min().unwrap_or(0);
                let tokens = if settings { self.block_tokens } else { smallest };
                (blocks / self.groups().max(1)).saturating_mul(tokens).saturating_mul(self.load.shards)
            }
            Logged::Concurrency => (self.concurrency(available) * self.length(available) as f64) as u64,
        }
    }
}

/// The layout of each pipeline stage, first stage first.
///
/// # Errors
/// What is not known about the model or the version, in words.
pub fn per_stage(setup: &Setup<'_>) -> Result<Vec<Layout>, Vec<String>> {
    lay_out(setup).map_err(|unknown| vec![unknown])
}

fn lay_out(setup: &Setup<'_>) -> Result<Vec<Layout>, String> {
    let rules = Rules::of(&setup.version)?;
    let Some(shape) = &setup.facts.shape else {
        return Err(format!("the layers of `{}`", setup.facts.repository));
    };
    if setup.max_model_len.is_none() && !rules.fits_length() {
        return Err(format!("a longest request left to the engine, which vLLM {} cannot choose", setup.version));
    }
    let layers = stage::layers(setup, rules, shape)?;
    let load = Load { in_flight_tokens: in_flight_tokens(setup, rules, &layers)?, shards: shards(setup, rules, &layers)? };
    let stages = 0..layers.stages;
    if rules.groups_whole_model() {
        let groups = group::groups(&layers.caches, rules, &setup.version)?;
        stages.map(|stage| layout(setup, rules, &layers, load, &groups, stage)).collect()
    } else {
        stages
            .map(|stage| {
                let own: Vec<(usize, Spec)> = layers.caches.iter().filter(|(at, _)| *at == stage).copied().collect();
                let groups = group::groups(&own, rules, &setup.version)?;
                layout(setup, rules, &layers, load, &groups, stage)
            })
            .collect()
    }
}

/// Most tokens that are scheduled and not settled: those of one step, since 0.26.0 of each step that
/// is under way (`config/vllm.py`, `max_concurrent_batches`).
fn in_flight_tokens(setup: &Setup<'_>, rules: Rules, layers: &Layers) -> Result<u64, String> {
    let matters = layers.caches.iter().any(|(_, spec)| matches!(spec.kind, Kind::Window(_) | Kind::Chunk(_)));
    if !rules.counts_steps_in_flight() || !matters {
        return Ok(setup.max_num_batched_tokens);
    }
    let overlaps = setup.async_scheduling.unwrap_or(rules.overlaps_steps());
    let steps = match (setup.pipeline_parallel, overlaps) {
        (0 | 1, true) => 2,
        (0 | 1, false) => 1,
        (stages, false) => stages,
        (_, true) => return Err("the steps under way at once with pipeline stages, which depend on the model runner".to_owned()),
    };
    Ok(setup.max_num_batched_tokens.saturating_mul(steps))
}

/// GPUs among which the tokens of a request are spread (`--decode-context-parallel-size`, 0.10.2).
fn shards(setup: &Setup<'_>, rules: Rules, layers: &Layers) -> Result<u64, String> {
    let shards = setup.decode_context_parallel.max(1);
    let plain = layers.caches.iter().all(|(_, spec)| matches!(spec.kind, Kind::Full | Kind::Mla));
    if shards > 1 && (!plain || !rules.since(0, 10, 2)) {
        return Err(format!("decode context parallelism with these layers in vLLM {}", setup.version));
    }
    Ok(shards)
}

/// Demands of the layers of a stage, each with the bytes of all layers that have it.
fn by_layer(layers: &Layers, stage: usize) -> Vec<(Demand, u64)> {
    let mut needs: Vec<(Demand, u64)> = Vec::new();
    for (_, spec) in layers.caches.iter().filter(|(at, _)| *at == stage) {
        let demand = Demand::of(spec);
        match needs.iter_mut().find(|(known, _)| *known == demand) {
            Some((_, bytes)) => *bytes = bytes.saturating_add(spec.page_bytes),
            None => needs.push((demand, spec.page_bytes)),
        }
    }
    needs
}

fn layout(setup: &Setup<'_>, rules: Rules, layers: &Layers, load: Load, groups: &Groups, stage: usize) -> Result<Layout, String> {
    let bytes = |group: &Group, all: bool| {
        group.pages.iter().filter(|(at, _)| all || *at == stage).fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes))
    };
    let largest = |all: bool| groups.groups.iter().map(|group| bytes(group, all)).max().unwrap_or(0);
    let bytes_per_block = largest(groups.mixed && rules.groups_whole_model() && !rules.cuts_mixed_groups());
    if bytes_per_block == 0 {
        return Err(format!("a pipeline stage without a cache (stage {stage})"));
    }
    let demands: Vec<Demand> = groups.groups.iter().map(|group| Demand::of(&group.spec)).collect();
    let checked = largest(rules.checks_whole_model());
    let needs = match rules.need() {
        Need::Layers => by_layer(layers, stage),
        Need::FirstGroup => demands.iter().take(1).map(|demand| (*demand, checked)).collect(),
        Need::Groups | Need::Blocks => demands.iter().map(|demand| (*demand, bytes_per_block)).collect(),
    };
    Ok(Layout {
        bytes_per_block,
        block_tokens: layers.block_tokens,
        rules,
        load,
        demands,
        needs,
        stated_tokens: setup.max_model_len,
        context_tokens: setup.facts.context_tokens,
        states: layers.states,
    })
}
