//! The command line that the compiler writes.

use crate::stack::Model;

/// Flags that the compiler writes itself, with the field that decides each.
const OWNED: &[(&str, &str)] = &[
    ("--api-server-count", "replicas"),
    // A file with any of the others.
    ("--config", "serve"),
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

/// The field of the spec that decides the option `name`.
pub(super) fn owner(name: &str) -> Option<&'static str> {
    OWNED.iter().find(|(owned, _)| *owned == name).map(|(_, field)| *field)
}
