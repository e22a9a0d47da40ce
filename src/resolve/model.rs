//! One model, with its defaults.

use std::collections::BTreeMap;

use semver::Version;

use crate::catalog;
use crate::engine;
use crate::spec::{self, Spec};
use crate::stack::{AccessMode, Cache, Duration, FactsFile, Indicator, Model, Objective, Pool, Replicas, Resources, Scale, Serve};

/// Seconds that compiling and capturing graphs may take: vLLM 0.32.0 needs 96 to 146 s from start
/// to health even for a 216 KB model on a CPU, most of it imports and compilation.
const COMPILE_SECONDS: f64 = 180.0;
/// Safety factor on the computed start, because stated bandwidths are shared.
const STARTUP_FACTOR: f64 = 2.0;
/// Shortest start that is waited for.
const LEAST_STARTUP_SECONDS: f64 = 600.0;
/// Milliseconds for a token where no objective says: slow for any GPU of the catalogue.
const DEFAULT_TOKEN_MILLISECONDS: u64 = 50;
/// Shortest drain.
const LEAST_DRAIN_SECONDS: u64 = 30;
/// Longest drain: a pod that takes longer blocks node upgrades.
const MOST_DRAIN_SECONDS: u64 = 3600;
/// Tokens of one step where nothing is said.
const DEFAULT_BATCHED_TOKENS: u64 = 8192;

/// Resolves the model, or `None` when a fact that it needs is missing.
pub(super) fn resolve(
    name: &str,
    model: &spec::Model,
    file: Option<&FactsFile>,
    spec: &Spec,
    pools: &BTreeMap<String, Pool>,
) -> Option<Model> {
    let facts = match file {
        Some(file) => Some(file.facts()?),
        None => catalog::model(&model.source.repository),
    };
    let size_gib = model.source.size_gib.or(facts.and_then(|f| f.size_gib()))?;
    let engine_version = Version::parse(&model.engine.version).ok()?;
    let engine = engine::of(model.engine.name);
    let pool = pools.get(&model.place.pool)?;
    let replicas = replicas(&model.replicas);
    let tensor_parallel = model.place.tensor_parallel;
    let shared_memory_gib = shared_memory_gib(tensor_parallel);
    let many_nodes = replicas.max > 1 && pool.nodes > 1;
    let access = if many_nodes { AccessMode::ReadWriteMany } else { AccessMode::ReadWriteOnce };
    let objectives = objectives(&model.objective)?;
    Some(Model {
        name: name.to_owned(),
        repository: model.source.repository.clone(),
        revision: model.source.revision.clone(),
        size_gib,
        attention_heads: model.source.attention_heads.or(facts.map(|f| f.attention_heads)),
        context_tokens: model.source.context_tokens.or(facts.map(|f| f.context_tokens)),
        facts: facts.cloned(),
        engine: model.engine.name,
        image: model.engine.image.clone().unwrap_or_else(|| engine.default_image(&engine_version)),
        engine_version,
        pool: pool.name.clone(),
        tensor_parallel,
        serve: serve(&model.serve),
        can_surge: false,
        load: model.load.clone(),
        drain_seconds: drain_seconds(name, model, spec, &objectives),
        objectives,
        token_secret: model.token_secret.clone(),
        cache: Cache {
            storage_class: model.cache.storage_class.clone(),
            access: model.cache.access.unwrap_or(access),
            size_gib: model.cache.size_gib.unwrap_or_else(|| whole(size_gib * 1.2 + 10.0)),
        },
        tokenizer: model.tokenizer.clone(),
        resources: model.resources.clone().unwrap_or_else(|| resources(tensor_parallel, shared_memory_gib)),
        shared_memory_gib,
        startup_seconds: startup_seconds(size_gib, pool),
        replicas,
    })
}

fn replicas(replicas: &spec::Replicas) -> Replicas {
    let max = replicas.max.unwrap_or(replicas.min);
    let scale = replicas.scale_on.as_ref().filter(|_| max > replicas.min);
    Replicas {
        min: replicas.min,
        max,
        scale: scale.map(|s| Scale { metric: s.metric, target: s.target }),
        rollouts_per_month: replicas.rollouts_per_month,
    }
}

fn serve(serve: &spec::Serve) -> Serve {
    let batched = serve.max_num_batched_tokens.unwrap_or_else(|| DEFAULT_BATCHED_TOKENS.max(u64::from(serve.max_num_seqs)));
    Serve {
        max_model_len: serve.max_model_len,
        gpu_memory_utilization: serve.gpu_memory_utilization,
        kv_cache_memory_bytes: serve.kv_cache_memory_bytes,
        max_num_seqs: serve.max_num_seqs,
        max_num_batched_tokens: batched,
        kv_cache_dtype: serve.kv_cache_dtype.clone(),
        quantization: serve.quantization.clone(),
        args: serve.args.clone(),
    }
}

/// The objectives, or `None` when one names no indicator.
fn objectives(objectives: &BTreeMap<String, spec::Objective>) -> Option<BTreeMap<Indicator, Objective>> {
    objectives
        .iter()
        .map(|(name, o)| {
            let indicator = Indicator::ALL.into_iter().find(|i| i.name() == name)?;
            Some((indicator, Objective { below: o.below, target: o.target, window: o.window }))
        })
        .collect()
}

/// Shared memory for the workers of one copy: NCCL and the message queues need little for one GPU
/// and about 4 GiB for each of several (llm-d and KServe give 8 to 20 GiB for a pod).
fn shared_memory_gib(tensor_parallel: u32) -> u32 {
    if tensor_parallel == 1 { 2 } else { 4 * tensor_parallel }
}

fn resources(tensor_parallel: u32, shared_memory_gib: u32) -> Resources {
    Resources { cpu: (4 * tensor_parallel).to_string(), memory: format!("{}Gi", 8 + 8 * tensor_parallel + shared_memory_gib) }
}

/// Download, load and compile, doubled, and never under ten minutes. The whole checkpoint counts
/// for both bandwidths, since the first start fills the cache.
fn startup_seconds(size_gib: f64, pool: &Pool) -> u32 {
    let mib = size_gib * 1024.0;
    let seconds = mib / f64::from(pool.download_mib_per_second) + mib / f64::from(pool.load_mib_per_second) + COMPILE_SECONDS;
    whole((seconds * STARTUP_FACTOR).max(LEAST_STARTUP_SECONDS))
}

/// Time for the longest answer that a prompt on any route to the model may ask for.
fn drain_seconds(name: &str, model: &spec::Model, spec: &Spec, objectives: &BTreeMap<Indicator, Objective>) -> u32 {
    if let Some(stated) = model.drain {
        return clamp(stated.milliseconds().div_ceil(1000), MOST_DRAIN_SECONDS);
    }
    let prompts = spec.route.values().filter(|r| r.models().any(|model| model == name)).filter_map(|r| spec.prompt.get(&r.prompt));
    let longest = prompts.flat_map(|p| p.version.values()).map(|v| v.sampling.max_tokens).max().unwrap_or(model.serve.max_model_len);
    let tpot = objectives.get(&Indicator::Tpot).and_then(|o| o.below).map_or(DEFAULT_TOKEN_MILLISECONDS, Duration::milliseconds);
    clamp(longest.saturating_mul(tpot).div_ceil(1000).max(LEAST_DRAIN_SECONDS), MOST_DRAIN_SECONDS)
}

fn clamp(value: u64, most: u64) -> u32 {
    u32::try_from(value.min(most)).unwrap_or(u32::MAX)
}

/// Rounded up; saturates at the ends of `u32`.
fn whole(value: f64) -> u32 {
    value.ceil().clamp(0.0, f64::from(u32::MAX)) as u32
}
