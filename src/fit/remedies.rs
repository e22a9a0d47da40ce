//! The nearest settings that work, found by asking the proof about each.

use super::{Fit, thousands};
use crate::catalog;
use crate::estimate::memory::{Bounds, Verdict};
use crate::stack::{Model, Pool};

/// A cache of half the size.
const EIGHT_BIT: &str = "`kv-cache-dtype=\"fp8\"`";
/// Most remedies that are named.
const MOST: usize = 7;
/// Largest share of a GPU's memory that is proposed.
const MOST_UTILIZATION_PERCENT: u32 = 95;

/// Settings that are tried: a model on a pool.
#[derive(Clone)]
struct Settings {
    model: Model,
    pool: Pool,
}

/// A change of settings that works, in the words of a spec, and what else it means.
struct Remedy {
    setting: String,
    note: String,
}

impl Remedy {
    fn new(setting: impl Into<String>) -> Self {
        Self { setting: setting.into(), note: String::new() }
    }

    fn but(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// What the settings shall do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Be proven to start.
    Start,
    /// Be proven to start and to hold the load at full length with the least copies.
    Hold,
}

/// Settings near those of `fit` that reach `goal`, the least change first.
pub(super) fn remedies(fit: &Fit<'_>, goal: Goal) -> Vec<String> {
    // What is not known stays so with other settings, and each trial would fail.
    if !fit.is_known() && fit.verdict() != Verdict::ProvenToRefuse {
        return Vec::new();
    }
    let here = Settings { model: fit.model.clone(), pool: fit.pool.clone() };
    let mut found = vec![shorter(&here, goal), fewer(&here, goal)];
    if goal == Goal::Start {
        found.extend([utilization(&here), smaller_steps(&here), without_graphs(&here)]);
    }
    let eight_bit = eight_bit(&here);
    let is_enough = eight_bit.as_ref().is_some_and(|next| next.reaches(goal));
    found.push(is_enough.then(|| Remedy::new(EIGHT_BIT)));
    if goal == Goal::Hold {
        found.extend([copies(&here), less_load(&here)]);
    }
    let hardware = [wider(&here, goal), larger(&here, goal)];
    // A second change only where it needs less than the first alone.
    let both = eight_bit.filter(|_| !is_enough).map(|next| {
        let less = [wider(&next, goal), larger(&next, goal)].into_iter().zip(&hardware);
        let less = less.map(|(other, alone)| other.filter(|other| alone.as_ref().is_none_or(|alone| alone.setting != other.setting)));
        std::iter::once(shorter(&next, goal)).chain(less).collect::<Vec<_>>()
    });
    found.extend(hardware);
    let with = |other: Remedy| Remedy { setting: format!("{EIGHT_BIT} with {}", other.setting), ..other };
    found.extend(both.into_iter().flatten().map(|other| other.map(with)));
    let would = if goal == Goal::Start { "would start" } else { "would hold it" };
    let words = |remedy: Remedy| format!("{} {would}{}", remedy.setting, remedy.note);
    let found: Vec<String> = found.into_iter().flatten().take(MOST).map(words).collect();
    if found.is_empty() {
        vec![format!("no setting near these is proven to work; `llmc fit` shows the figures of `{}`", fit.model.name)]
    } else {
        found
    }
}

/// What would decide an answer that is not proven.
pub(super) fn what_settles(fit: &Fit<'_>) -> Vec<String> {
    let Some(setup) = &fit.setup else {
        return vec![format!("give the facts of `{}`: `llmc model add` writes them from its `config.json`", fit.model.repository)];
    };
    let unknown = setup.unknown_arguments.iter().map(|flag| format!("remove `{flag}`, whose effect on memory is not known"));
    let mut words: Vec<String> = unknown.collect();
    if setup.facts.shape.is_none() {
        words.push(format!("give the facts of `{}`: `llmc model add` writes them from its `config.json`", fit.model.repository));
    }
    if !fit.is_known() {
        if words.is_empty() {
            words.push("hold the first start against its log: `GPU KV cache size` and `Available KV cache memory`".to_owned());
        }
        return words;
    }
    let here = Settings { model: fit.model.clone(), pool: fit.pool.clone() };
    words.extend(stated_memory(&here, setup.gpu.total_bytes));
    words.extend(exact_cache(&here, fit));
    words.extend(remedies(fit, Goal::Start));
    words
}

/// The memory that a GPU must report for a proof, where the bounds hold one.
fn stated_memory(here: &Settings, total: Bounds) -> Option<String> {
    if here.pool.gpu_memory_gib.is_some() {
        return None;
    }
    const HUNDREDTH_BYTES: f64 = 10_737_418.24;
    let hundredths = |bytes: u64| (bytes as f64 / HUNDREDTH_BYTES) as u64;
    let works = |gib: u64| here.with(|next| next.pool.gpu_memory_gib = Some(gib as f64 / 100.0)).reaches(Goal::Start);
    let gib = smallest(hundredths(total.low), hundredths(total.high), works)? as f64 / 100.0;
    Some(format!("a GPU that reports {gib} GiB or more, stated as `gpu-memory-gib` of `{}`, would start", here.pool.name))
}

/// A cache of exactly as much as is left at the least.
fn exact_cache(here: &Settings, fit: &Fit<'_>) -> Option<String> {
    const MIB: u64 = 1 << 20;
    let least = u64::try_from(fit.proof.as_ref()?.available_kv_bytes?.low).ok()? / MIB * MIB;
    let next = here.with(|next| next.model.serve.kv_cache_memory_bytes = Some(least));
    (here.model.serve.kv_cache_memory_bytes.is_none() && least > 0 && next.reaches(Goal::Start))
        .then(|| format!("`kv-cache-memory-bytes={least}` would start"))
}

impl Settings {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    fn reaches(&self, goal: Goal) -> bool {
        let fit = Fit::of(&self.model, &self.pool);
        fit.verdict() == Verdict::ProvenToStart && (goal == Goal::Start || self.holds(&fit))
    }

    fn holds(&self, fit: &Fit<'_>) -> bool {
        fit.load.as_ref().zip(fit.least_held()).is_some_and(|(load, held)| held >= load.each_at_least_copies)
    }
}

/// The longest `max-model-len` that works.
fn shorter(here: &Settings, goal: Goal) -> Option<Remedy> {
    let longest = here.model.serve.max_model_len;
    let step = if longest > 4096 { 256 } else { 16 };
    let with = |steps: u64| here.with(|next| next.model.serve.max_model_len = steps * step);
    // Never shorter than what the load itself has on average: that would refuse its requests.
    let least = here.model.load.as_ref().map_or(1, |load| load.input_tokens.saturating_add(load.output_tokens)).div_ceil(step).max(1);
    let steps = largest(least, longest.saturating_sub(1) / step, |steps| with(steps).reaches(goal))?;
    Some(Remedy::new(format!("`max-model-len={}`", steps * step)))
}

/// The largest `max-num-seqs` that works.
fn fewer(here: &Settings, goal: Goal) -> Option<Remedy> {
    let with = |seqs: u64| here.with(|next| next.model.serve.max_num_seqs = u32::try_from(seqs).unwrap_or(u32::MAX));
    let seqs = largest(1, u64::from(here.model.serve.max_num_seqs).saturating_sub(1), |seqs| with(seqs).reaches(goal))?;
    let remedy = Remedy::new(format!("`max-num-seqs={seqs}`"));
    Some(if goal == Goal::Hold { remedy.but(", while further requests wait") } else { remedy })
}

/// The smallest greater `gpu-memory-utilization` that works, or else the greatest smaller one.
fn utilization(here: &Settings) -> Option<Remedy> {
    let stated = (here.model.serve.gpu_memory_utilization * 100.0).round() as u32;
    let greater = stated.saturating_add(1)..=MOST_UTILIZATION_PERCENT;
    let smaller = (50..stated.min(MOST_UTILIZATION_PERCENT)).rev();
    let works =
        |percent: &u32| here.with(|next| next.model.serve.gpu_memory_utilization = f64::from(*percent) / 100.0).reaches(Goal::Start);
    let percent = greater.chain(smaller).find(works)?;
    Some(Remedy::new(format!("`gpu-memory-utilization={}`", f64::from(percent) / 100.0)))
}

/// Fewer tokens in a step.
fn smaller_steps(here: &Settings) -> Option<Remedy> {
    let (stated, least) = (here.model.serve.max_num_batched_tokens, u64::from(here.model.serve.max_num_seqs).max(2048));
    let halves = std::iter::successors(Some(stated / 2), |tokens| Some(tokens / 2)).take_while(|tokens| *tokens >= least);
    let mut works = halves.filter(|tokens| here.with(|next| next.model.serve.max_num_batched_tokens = *tokens).reaches(Goal::Start));
    works.next().map(|tokens| Remedy::new(format!("`max-num-batched-tokens={tokens}`")))
}

/// No CUDA graphs.
fn without_graphs(here: &Settings) -> Option<Remedy> {
    let flag = "--enforce-eager";
    let next = here.with(|next| next.model.serve.args.push(flag.into()));
    next.reaches(Goal::Start).then(|| Remedy::new(format!("`args \"{flag}\"`")).but(", and decode more slowly"))
}

/// A cache of 8-bit floats, where it has 16 bits.
fn eight_bit(here: &Settings) -> Option<Settings> {
    let is_wide = here.model.serve.kv_cache_dtype.as_deref().is_none_or(|dtype| ["auto", "bfloat16", "float16"].contains(&dtype));
    let next = here.with(|next| next.model.serve.kv_cache_dtype = Some("fp8".into()));
    is_wide.then_some(next)
}

/// More copies at the least.
fn copies(here: &Settings) -> Option<Remedy> {
    let with = |copies: u64| {
        here.with(|next| {
            next.model.replicas.min = u32::try_from(copies).unwrap_or(u32::MAX);
            next.model.replicas.max = next.model.replicas.max.max(next.model.replicas.min);
        })
    };
    let most = u64::from(here.model.load.as_ref()?.concurrency?).min(10_000);
    let more = u64::from(here.model.replicas.min) + 1;
    let copies = smallest(more, most, |copies| with(copies).reaches(Goal::Hold))?;
    let gpus = copies * u64::from(here.model.tensor_parallel);
    let of = if gpus > here.pool.gpus() {
        format!(", of which `{}` has {}", here.pool.name, thousands(here.pool.gpus()))
    } else {
        String::new()
    };
    Some(Remedy::new(format!("`replicas min={copies}`")).but(format!(", on {} GPUs{of}", thousands(gpus))))
}

/// The largest load that is held.
fn less_load(here: &Settings) -> Option<Remedy> {
    let with = |concurrency: u64| {
        here.with(|next| {
            if let Some(load) = &mut next.model.load {
                load.concurrency = u32::try_from(concurrency).ok();
            }
        })
    };
    let stated = u64::from(here.model.load.as_ref()?.concurrency?);
    let concurrency = largest(1, stated.saturating_sub(1), |concurrency| with(concurrency).reaches(Goal::Hold))?;
    Some(Remedy::new(format!("a load of `concurrency={concurrency}`")))
}

/// More GPUs for each copy, on one node.
fn wider(here: &Settings, goal: Goal) -> Option<Remedy> {
    let heads = here.model.attention_heads?;
    let fits = |gpus: &u32| *gpus > here.model.tensor_parallel && *gpus <= here.pool.gpus_per_node && heads.is_multiple_of(*gpus);
    let sizes = [2, 4, 8, 16, 32, 64].into_iter().filter(fits);
    let mut works = sizes.filter(|gpus| here.with(|next| next.model.tensor_parallel = *gpus).reaches(goal));
    works.next().map(|gpus| Remedy::new(format!("`tensor-parallel={gpus}`")))
}

/// The smallest larger GPU of the catalogue.
fn larger(here: &Settings, goal: Goal) -> Option<Remedy> {
    let memory = |gpu: &catalog::Gpu| gpu.vendor_memory_gb;
    let mut gpus: Vec<&'static catalog::Gpu> = catalog::gpu_names().filter_map(catalog::gpu).collect();
    gpus.retain(|gpu| memory(gpu) > memory(here.pool.gpu));
    gpus.sort_by_key(|gpu| (memory(gpu), gpu.name.as_str()));
    let works = |gpu: &&&'static catalog::Gpu| {
        let next = here.with(|next| {
            next.pool.gpu = gpu;
            next.pool.gpu_memory_gib = None;
        });
        next.reaches(goal)
    };
    gpus.iter().find(works).map(|gpu| Remedy::new(format!("`gpu \"{}\"`", gpu.name)))
}

/// The largest number between `low` and `high` that works, where every smaller one does too.
fn largest(low: u64, high: u64, works: impl Fn(u64) -> bool) -> Option<u64> {
    if low > high || !works(low) {
        return None;
    }
    let (mut good, mut bad) = (low, high.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        *(if works(middle) { &mut good } else { &mut bad }) = middle;
    }
    Some(good)
}

/// The smallest number between `low` and `high` that works, where every larger one does too.
fn smallest(low: u64, high: u64, works: impl Fn(u64) -> bool) -> Option<u64> {
    if low > high || !works(high) {
        return None;
    }
    let (mut bad, mut good) = (low.saturating_sub(1), high);
    while good - bad > 1 {
        let middle = bad + (good - bad) / 2;
        *(if works(middle) { &mut good } else { &mut bad }) = middle;
    }
    Some(good)
}

#[cfg(test)]
mod tests {
    use super::{largest, smallest};

    #[test]
    fn the_nearest_number_is_found() {
        for edge in 0..12 {
            assert_eq!(largest(1, 10, |n| n <= edge), (edge > 0).then_some(edge.min(10)), "{edge}");
            assert_eq!(smallest(1, 10, |n| n >= edge), (edge <= 10).then_some(edge.max(1)), "{edge}");
        }
        assert_eq!((largest(2, 1, |_| true), smallest(2, 1, |_| true)), (None, None));
    }
}
