//! What the memory proof must know of a model's settings.

use semver::Version;
use serde_json::Value;

use super::data::DATA;
use crate::catalog::Dtype;
use crate::estimate::memory::{Gpu, Setup};
use crate::stack::{Model, Pool};

/// Arguments that change no byte of GPU memory at the start, each group with why.
const HARMLESS: &[(&str, &[&str])] = &[
    (
        "they shape what the API server reads and answers, which has no GPU memory",
        &[
            "--allow-credentials",
            "--allowed-headers",
            "--allowed-local-media-path",
            "--allowed-media-domains",
            "--allowed-methods",
            "--allowed-origins",
            "--api-key",
            "--chat-template",
            "--chat-template-content-format",
            "--default-chat-template-kwargs",
            "--disable-access-log-for-endpoints",
            "--disable-fastapi-docs",
            "--disable-frontend-multiprocessing",
            "--disable-uvicorn-access-log",
            "--enable-auto-tool-choice",
            "--enable-force-include-usage",
            "--enable-offline-docs",
            "--enable-prompt-tokens-details",
            "--enable-reasoning",
            "--enable-request-id-headers",
            "--enable-server-load-tracking",
            "--enable-tokenizer-info-endpoint",
            "--exclude-tools-when-tool-choice-none",
            "--generation-config",
            "--h11-max-header-count",
            "--h11-max-incomplete-event-size",
            "--interleave-mm-strings",
            "--middleware",
            "--override-generation-config",
            "--reasoning-parser",
            "--reasoning-parser-plugin",
            "--response-role",
            "--return-tokens-as-token-ids",
            "--root-path",
            "--sse-keep-alive-interval",
            "--ssl-ca-certs",
            "--ssl-cert-reqs",
            "--ssl-certfile",
            "--ssl-ciphers",
            "--ssl-keyfile",
            "--stream-interval",
            "--tool-call-parser",
            "--tool-parser-plugin",
            "--tool-server",
            "--tool-strict-level",
            "--trust-request-chat-template",
        ],
    ),
    (
        "they only log, trace or count",
        &[
            "--aggregate-engine-logging",
            "--collect-detailed-traces",
            "--disable-log-requests",
            "--disable-log-stats",
            "--enable-log-deltas",
            "--enable-log-outputs",
            "--enable-log-requests",
            "--enable-logging-iteration-details",
            "--enable-per-request-metrics",
            "--kv-cache-metrics",
            "--kv-cache-metrics-sample",
            "--log-config-file",
            "--log-error-stack",
            "--max-log-len",
            "--otlp-traces-endpoint",
            "--show-hidden-metrics-for-version",
            "--use-tqdm-on-load",
            "--uvicorn-log-level",
        ],
    ),
    (
        "they say where files come from and how they are read, not what is loaded",
        &[
            "--code-revision",
            "--config-format",
            "--hf-config-path",
            "--hf-token",
            "--ignore-patterns",
            "--max-parallel-loading-workers",
            "--safetensors-load-strategy",
            "--tokenizer",
            "--tokenizer-mode",
            "--tokenizer-revision",
            "--trust-remote-code",
        ],
    ),
    (
        "they choose tokens or the order of requests once the engine runs",
        &[
            "--guided-decoding-backend",
            "--max-logprobs",
            "--prefix-caching-hash-algo",
            "--scheduling-policy",
            "--seed",
            "--structured-outputs-config",
        ],
    ),
    (
        "they size memory of the host",
        &["--media-io-kwargs", "--mm-hasher-algorithm", "--mm-processor-cache-gb", "--mm-shm-cache-max-object-size-mb", "--swap-space"],
    ),
];

/// Ways to speculate with layers that the checkpoint itself has; others load a model of their own, or none.
const SPECULATION: &[&str] = &["mtp", "deepseek_mtp", "glm4_moe_mtp", "qwen3_next_mtp", "qwen3_5_mtp", "ernie_mtp"];

/// What is asked of the proof.
///
/// # Errors
/// What is not known about the model, in words.
pub(super) fn setup<'a>(model: &'a Model, pool: &Pool) -> Result<Setup<'a>, Vec<String>> {
    let facts = model.facts.as_deref().ok_or_else(|| vec![format!("the `config.json` of `{}`", model.repository)])?;
    let serve = &model.serve;
    let mut setup = Setup {
        tensor_parallel: u64::from(model.tensor_parallel.max(1)),
        max_model_len: Some(serve.max_model_len),
        gpu_memory_utilization: serve.gpu_memory_utilization,
        kv_cache_memory_bytes: serve.kv_cache_memory_bytes,
        max_num_seqs: u64::from(serve.max_num_seqs),
        max_num_batched_tokens: serve.max_num_batched_tokens,
        kv_cache_dtype: serve.kv_cache_dtype.clone().unwrap_or_else(|| "auto".into()),
        quantization: serve.quantization.clone(),
        unsupported: facts.shape.iter().filter_map(|shape| unsupported(&model.engine_version, &shape.architecture)).collect(),
        ..Setup::new(model.engine_version.clone(), facts, gpu(pool))
    };
    for argument in &serve.args {
        if argue(&mut setup, argument).is_none() {
            // A value may be a secret, and says nothing that the flag does not.
            let flag = argument.split('=').next().unwrap_or_default();
            setup.unknown_arguments.push(flag.replace('_', "-"));
        }
    }
    Ok(setup)
}

/// That nobody read `version`, or that it does not have the class of the model: it refuses it, or runs what
/// `transformers` has of it.
fn unsupported(version: &Version, class: &str) -> Option<String> {
    if !DATA.releases.contains(version) {
        return Some(format!("what vLLM {version} does, which is none of the releases that were read"));
    }
    let rows: Vec<_> = DATA.classes.iter().filter(|row| row.value == class).collect();
    if rows.iter().any(|row| row.holds(version)) {
        return None;
    }
    let later = rows.iter().find(|row| row.is_later(version)).map_or_else(String::new, |row| format!(" before {}", row.since));
    Some(format!("what vLLM {version} does with a `{class}`, which it does not have{later}"))
}

/// The GPU with the memory that is stated, or else what such cards report.
fn gpu(pool: &Pool) -> Gpu {
    let gpu = Gpu::from(pool.gpu);
    match pool.gpu_memory_gib {
        Some(gib) => gpu.reporting_gib(gib),
        None => gpu,
    }
}

/// Reads one argument into `setup`; none where its effect is not known.
fn argue(setup: &mut Setup<'_>, argument: &str) -> Option<()> {
    let (flag, value) = argument.split_once('=').map_or((argument, None), |(flag, value)| (flag, Some(value)));
    let flag = flag.replace('_', "-");
    let number = || value.and_then(|value| value.parse::<u64>().ok()).filter(|number| *number > 0);
    match (flag.as_str(), value) {
        ("--enforce-eager", None) => setup.enforce_eager = true,
        ("--no-enforce-eager", None) => setup.enforce_eager = false,
        ("--block-size", Some(_)) => setup.block_size = Some(number()?),
        ("--dtype", Some(value)) => setup.dtype = dtype(value)?,
        ("--decode-context-parallel-size", Some(_)) => {
            setup.decode_context_parallel = number().filter(|size| setup.tensor_parallel.is_multiple_of(*size))?;
        }
        ("--enable-expert-parallel", None) => setup.expert_parallel = true,
        ("--no-enable-expert-parallel", None) => setup.expert_parallel = false,
        ("--enable-prefix-caching", None) => setup.prefix_caching = Some(true),
        ("--no-enable-prefix-caching", None) => setup.prefix_caching = Some(false),
        ("--async-scheduling", None) => setup.async_scheduling = Some(true),
        ("--no-async-scheduling", None) => setup.async_scheduling = Some(false),
        // The flag takes a list of words; in the form `--flag=value` it is a list of one.
        ("--max-cudagraph-capture-size" | "--cudagraph-capture-sizes" | "--cuda-graph-sizes", Some(_)) => {
            setup.max_capture_size = Some(number()?);
        }
        ("--language-model-only", None) => setup.text_only = true,
        ("--limit-mm-per-prompt", Some(value)) => setup.text_only = allows_no_media(value)?,
        ("--speculative-config", Some(value)) => setup.speculative_tokens = speculation(value)?,
        ("--compilation-config", Some(value)) => without_graphs(value).map(|()| setup.enforce_eager = true)?,
        ("--compilation-config.cudagraph-mode", Some("NONE" | "none")) => setup.enforce_eager = true,
        // They state the default.
        ("--runner", Some("auto" | "generate"))
        | ("--convert", Some("auto" | "none"))
        | ("--task", Some("auto" | "generate"))
        | ("--load-format", Some("auto" | "safetensors"))
        | ("--model-impl", Some("auto" | "vllm"))
        | ("--distributed-executor-backend", Some("mp"))
        | ("--optimization-level", Some("2"))
        | ("--enable-chunked-prefill", None) => {}
        _ if is_harmless(&flag) => {}
        _ => return None,
    }
    Some(())
}

/// Whether the flag, or the one that `--no-` negates, is one of [`HARMLESS`]. A part of a JSON value,
/// `--flag.key`, counts as the flag.
fn is_harmless(flag: &str) -> bool {
    let flag = flag.split('.').next().unwrap_or_default();
    let positive = flag.strip_prefix("--no-").map(|rest| format!("--{rest}"));
    HARMLESS.iter().any(|(_, flags)| flags.contains(&flag) || positive.as_deref().is_some_and(|flag| flags.contains(&flag)))
}

/// The type; none inside for the model's own.
fn dtype(word: &str) -> Option<Option<Dtype>> {
    match word {
        "auto" => Some(None),
        "half" | "float16" => Some(Some(Dtype::Float16)),
        "bfloat16" => Some(Some(Dtype::Bfloat16)),
        "float" | "float32" => Some(Some(Dtype::Float32)),
        _ => None,
    }
}

/// Whether a limit allows no image, sound or video; none where the limits say something else.
fn allows_no_media(json: &str) -> Option<bool> {
    let limits: Value = serde_json::from_str(json).ok()?;
    let limits = limits.as_object()?;
    let is_none = |kind: &str| limits.get(kind).and_then(Value::as_u64) == Some(0);
    // A kind that is not named has a limit above 0.
    (is_none("image") && is_none("video") && limits.values().all(|limit| limit.as_u64() == Some(0))).then_some(true)
}

/// Tokens that are guessed, where guessing loads no other model.
fn speculation(json: &str) -> Option<u64> {
    let config: Value = serde_json::from_str(json).ok()?;
    let config = config.as_object()?;
    let method = config.get("method").and_then(Value::as_str)?;
    let known = ["method", "num_speculative_tokens"];
    let is_known = SPECULATION.contains(&method) && config.keys().all(|key| known.contains(&key.as_str()));
    config.get("num_speculative_tokens").and_then(Value::as_u64).filter(|_| is_known)
}

/// That no graph is captured; none where the configuration says anything else.
fn without_graphs(json: &str) -> Option<()> {
    let config: Value = serde_json::from_str(json).ok()?;
    let config = config.as_object()?;
    let mode = config.get("cudagraph_mode").and_then(Value::as_str)?;
    (config.len() == 1 && mode.eq_ignore_ascii_case("none")).then_some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{HARMLESS, argue, is_harmless, unsupported};
    use crate::catalog::{self, Dtype};
    use crate::estimate::memory::{Gpu, Setup};

    fn setup() -> Setup<'static> {
        let facts = catalog::model("meta-llama/Llama-3.1-8B-Instruct").expect("a model of the catalogue");
        let gpu = Gpu::from(catalog::gpu("h100-80gb-sxm").expect("a GPU of the catalogue"));
        Setup { tensor_parallel: 8, ..Setup::new(semver::Version::new(0, 32, 0), facts, gpu) }
    }

    #[test]
    fn arguments_become_settings() {
        let with = |argument: &str| {
            let mut setup = setup();
            argue(&mut setup, argument).unwrap_or_else(|| panic!("{argument} is known"));
            setup
        };
        assert!(with("--enforce-eager").enforce_eager && with("--compilation-config={\"cudagraph_mode\": \"NONE\"}").enforce_eager);
        assert_eq!(with("--block-size=32").block_size, Some(32));
        assert_eq!((with("--dtype=half").dtype, with("--dtype=auto").dtype), (Some(Dtype::Float16), None));
        assert_eq!(with("--decode_context_parallel_size=4").decode_context_parallel, 4);
        assert!(with("--enable-expert-parallel").expert_parallel && with("--language-model-only").text_only);
        assert_eq!(with("--no-enable-prefix-caching").prefix_caching, Some(false));
        assert_eq!(with("--async-scheduling").async_scheduling, Some(true));
        assert_eq!(with("--max-cudagraph-capture-size=16").max_capture_size, Some(16));
        assert_eq!(with("--speculative-config={\"method\":\"mtp\",\"num_speculative_tokens\":3}").speculative_tokens, 3);
        assert!(with("--limit-mm-per-prompt={\"image\": 0, \"video\": 0}").text_only);
    }

    /// What is not understood to the letter is not known.
    #[test]
    fn doubtful_arguments_are_unknown() {
        for argument in [
            "--block-size=0",
            "--block-size=many",
            "--block-size",
            "--dtype=float8",
            "--enforce-eager=maybe",
            "--decode-context-parallel-size=3",
            "--speculative-config={\"method\":\"eagle3\",\"model\":\"acme/draft\",\"num_speculative_tokens\":3}",
            "--speculative-config={\"method\":\"ngram\",\"num_speculative_tokens\":3}",
            "--speculative-config=[]",
            "--compilation-config={\"cudagraph_mode\":\"NONE\",\"mode\":0}",
            "--compilation-config=3",
            "--limit-mm-per-prompt={\"image\": 1, \"video\": 0}",
            "--limit-mm-per-prompt={\"image\": 0}",
            "--optimization-level=0",
            "--no-enable-chunked-prefill",
            "--enable-lora",
            "--cpu-offload-gb=8",
            "--see",
            "--hf-overrides={}",
            "--load-format=bitsandbytes",
        ] {
            assert_eq!(argue(&mut setup(), argument), None, "{argument}");
        }
    }

    /// Releases that came before a class, or after it was left to `transformers`, run something else.
    #[test]
    fn a_class_is_supported_from_the_release_that_has_it() {
        let told = |version: &str, class: &str| unsupported(&version.parse().expect("a version"), class);
        assert_eq!(told("0.8.4", "Qwen3ForCausalLM"), None);
        let early = told("0.8.3", "Qwen3ForCausalLM").expect("a reason");
        assert_eq!(early, "what vLLM 0.8.3 does with a `Qwen3ForCausalLM`, which it does not have before 0.8.4");
        assert!(told("0.18.1", "Gemma4ForConditionalGeneration").is_some() && told("0.33.0", "Gemma4ForConditionalGeneration").is_none());
        assert!(told("0.28.0", "Olmo3ForCausalLM").is_none() && told("0.33.0", "Olmo3ForCausalLM").is_some());
        let known = catalog::models().filter_map(|model| model.shape.as_ref());
        known.for_each(|shape| assert_eq!(told("0.33.0", &shape.architecture), None));
    }

    #[test]
    fn harmless_arguments_are_listed_once_and_sorted() {
        let mut all = BTreeSet::new();
        for (why, flags) in HARMLESS {
            assert!(why.len() > 20 && flags.is_sorted(), "{why}");
            flags.iter().for_each(|flag| assert!(all.insert(flag), "{flag} is listed twice"));
        }
        assert!(is_harmless("--no-enable-auto-tool-choice") && is_harmless("--structured-outputs-config.backend"));
        assert!(!is_harmless("--no-") && !is_harmless("--"));
    }
}
