//! `llmc fit`: what it says about the example stacks, about settings that cannot work, and to programs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{copy, edit, example_stacks, llmc, root};

/// The models of `llmc fit --json` with `args`, and the exit code.
fn answers(folder: &Path, args: &[&str]) -> (Vec<Value>, i32) {
    let run = llmc(folder, &[&["fit", "--json"], args].concat());
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
    assert_eq!(document["format_version"], "1.0");
    (document["models"].as_array().unwrap().clone(), run.code)
}

/// A copy of a rule's case, after `edits` of its spec.
fn case(code: &str, kind: &str, edits: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/checks").join(code).join(kind), folder.path());
    for (from, to) in edits {
        edit(&folder.path().join("stack.kdl"), from, to);
    }
    folder
}

/// The answer for the one model of a case.
fn answer(folder: &tempfile::TempDir) -> (Value, i32) {
    let (mut models, code) = answers(folder.path(), &["stack.kdl"]);
    assert_eq!(models.len(), 1, "{models:?}");
    (models.remove(0), code)
}

#[test]
fn every_model_of_the_example_stacks_is_proven_to_start() {
    let (models, code) = answers(root(), &[]);
    assert_eq!(code, 0);
    let stacks: std::collections::BTreeSet<&str> = models.iter().map(|model| model["stack"].as_str().unwrap()).collect();
    assert_eq!(stacks.into_iter().map(str::to_owned).collect::<Vec<_>>(), example_stacks());
    for model in &models {
        assert_eq!((model["verdict"].as_str(), &model["refusal"]), (Some("proven-to-start"), &Value::Null), "{model:#}");
        let number = |pointer: &str| model.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}: {model:#}"));
        let total = number("/gpu_memory_bytes/expected");
        assert!(0.0 < number("/weights_bytes_per_gpu") && number("/weights_bytes_per_gpu") < total);
        for part in ["weights_bytes", "non_torch_bytes", "activation_bytes", "graph_bytes", "available_kv_bytes", "kv_blocks"] {
            let [low, expected, high] = ["low", "expected", "high"].map(|end| number(&format!("/{part}/{end}")));
            assert!(low <= expected && expected <= high && high < total, "{part}: {model:#}");
        }
        // Blocks are whole, and their tokens are what the engine logs.
        let (blocks, tokens) = (number("/kv_blocks/expected"), number("/kv_tokens"));
        assert_eq!(blocks, (number("/available_kv_bytes/expected") / number("/kv_bytes_per_block")).floor(), "{model:#}");
        assert!((tokens - blocks * number("/kv_block_tokens")).abs() < number("/kv_block_tokens"), "{model:#}");
        assert!((number("/max_concurrency") - tokens / number("/max_model_len")).abs() < 0.01, "{model:#}");
        assert!(number("/kv_tokens_low") <= tokens && tokens <= number("/kv_tokens_high"));
    }
}

/// The document is what its schema says, for models with an answer and without one.
#[test]
fn the_document_fits_its_schema() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(root().join("schemas/fit.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let unknown = case("LLMC-M001", "good", &[("meta-llama/Llama-3.1-8B-Instruct", "acme/unheard-of")]);
    for (folder, args) in [(root(), vec![]), (unknown.path(), vec!["stack.kdl"])] {
        let run = llmc(folder, &[vec!["fit", "--json"], args].concat());
        let mut document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert!(validator.is_valid(&document), "{document:#}");
        document["models"][0]["verdict"] = "maybe".into();
        assert!(!validator.is_valid(&document), "another verdict is refused");
    }
}

/// The first failure that this project started from: a 70B model on four A100s promises 32,768 tokens
/// to 50 requests at the same time.
#[test]
fn fifty_requests_of_full_length_do_not_fit_four_a100() {
    let folder = case("LLMC-M003", "bad", &[]);
    let (model, code) = answer(&folder);
    assert_eq!((code, &model["verdict"]), (1, &"proven-to-start".into()), "it starts, and cannot hold its load");
    assert_eq!(model["holds_load"], false);
    let most = model["max_concurrency_high"].as_f64().unwrap();
    assert!((10.0..20.0).contains(&most), "{most}");
    let nearest: Vec<&str> = model["nearest"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    for setting in ["max-model-len=", "kv-cache-dtype=\"fp8\"", "replicas min=", "concurrency=", "gpu \""] {
        assert!(nearest.iter().any(|words| words.contains(setting)), "{setting}: {nearest:?}");
    }
    let short = case("LLMC-M003", "good", &[]);
    assert_eq!((answer(&short).1, &answer(&short).0["holds_load"]), (0, &Value::Bool(true)));
}

/// A stated cache is exact: bytes of a token of Llama-3.1-8B are 2 x 32 layers x 8 heads x 128 x 2.
#[test]
fn a_stated_cache_is_exact() {
    const TOKEN_BYTES: u64 = 2 * 32 * 8 * 128 * 2;
    for blocks in [513_u64, 600, 1000] {
        let bytes = blocks * 16 * TOKEN_BYTES + 12_345;
        let stated = format!("max-model-len=8192 kv-cache-memory-bytes={bytes}");
        let folder = case("LLMC-M001", "good", &[("max-model-len=8192", &stated)]);
        let (model, code) = answer(&folder);
        assert_eq!((code, &model["verdict"]), (0, &"proven-to-start".into()), "{model:#}");
        let numbers = ["kv_tokens_low", "kv_tokens", "kv_tokens_high"].map(|field| model[field].as_u64().unwrap());
        assert_eq!(numbers, [blocks * 16; 3]);
        assert_eq!(model["kv_bytes_per_block"], 16 * TOKEN_BYTES);
        let out = folder.path().join("out");
        crate::harness::compile(&folder.path().join("stack.kdl"), &out);
        let deployment = fs::read_to_string(out.join("shop/kubernetes/llama/deployment.yaml")).unwrap();
        assert!(deployment.contains(&format!("- --kv-cache-memory-bytes={bytes}\n")), "{deployment}");
    }
    let large = case("LLMC-M001", "good", &[("max-num-seqs=64", "max-num-seqs=64 kv-cache-memory-bytes=90000000000")]);
    let run = llmc(large.path(), &["check", "--format", "short", "stack.kdl"]);
    let wanted = "its KV cache is stated larger than what the weights, activations and graphs leave";
    assert!(run.code == 1 && run.stderr.contains(wanted), "{}", run.stderr);
    let twice = case("LLMC-M001", "good", &[("max-num-seqs=64", "max-num-seqs=64 {\n args \"--kv-cache-memory-bytes=1\"\n }")]);
    let run = llmc(twice.path(), &["check", "stack.kdl"]);
    assert!(run.code == 1 && run.stderr.contains("`--kv-cache-memory-bytes` is written by the compiler"), "{}", run.stderr);
}

#[test]
fn a_stated_memory_narrows_the_bounds() {
    let gib = |model: &Value, end: &str| model["gpu_memory_bytes"][end].as_f64().unwrap() / f64::from(1 << 30);
    let (usual, _) = answer(&case("LLMC-M001", "good", &[]));
    let (stated, _) = answer(&case("LLMC-M001", "good", &[("gpu \"l4-24gb\"", "gpu \"l4-24gb\"\n gpu-memory-gib 22.03")]));
    assert!((gib(&stated, "expected") - 22.03).abs() < 1e-6 && gib(&stated, "high") - gib(&stated, "low") < 0.0101, "{stated:#}");
    assert!(gib(&usual, "high") - gib(&usual, "low") > 0.1);
    let width = |model: &Value| model["kv_tokens_high"].as_u64().unwrap() - model["kv_tokens_low"].as_u64().unwrap();
    assert!(width(&stated) < width(&usual));
    let small = case("LLMC-M001", "good", &[("gpu \"l4-24gb\"", "gpu \"l4-24gb\"\n gpu-memory-gib 12")]);
    assert_eq!((answer(&small).0["verdict"].as_str(), answer(&small).1), (Some("proven-to-refuse"), 1));
}

/// What the engine would print is quoted, and the JSON is on standard output all the same.
#[test]
fn a_refusal_is_in_the_engines_words() {
    let folder = case("LLMC-M001", "bad", &[]);
    let (model, code) = answer(&folder);
    assert_eq!((code, model["verdict"].as_str(), model["refused_at"].as_str()), (1, Some("proven-to-refuse"), Some("one-request")));
    let words = model["refusal"].as_str().unwrap();
    assert!(
        words.starts_with("To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is needed"),
        "{words}"
    );
    let run = llmc(folder.path(), &["fit", "stack.kdl"]);
    assert!(run.code == 1 && run.stdout.contains("proven to refuse") && run.stdout.contains(words), "{}", run.stdout);
    // Each proposed length is proven, and the next step is not.
    let near = model["nearest"][0].as_str().unwrap().split('=').nth(1).unwrap().split('`').next().unwrap().parse::<u64>().unwrap();
    for (length, verdict) in [(near, "proven-to-start"), (near + 1024, "not-proven")] {
        let folder = case("LLMC-M001", "bad", &[("131072", &length.to_string())]);
        assert_eq!(answer(&folder).0["verdict"], verdict, "{length}");
    }
}

#[test]
fn what_is_not_known_is_never_proven() {
    let unknown = [
        ("revision=", "size-gib=15 attention-heads=32 revision=", "acme/unheard-of", "LLMC-M002"),
        ("max-num-seqs=64", "max-num-seqs=64 { args \"--cpu-offload-gb=8\"; }", "meta-llama/Llama-3.1-8B-Instruct", "`--cpu-offload-gb`"),
    ];
    for (from, to, repository, words) in unknown {
        let folder = case("LLMC-M001", "good", &[("meta-llama/Llama-3.1-8B-Instruct", repository), (from, to)]);
        let (model, code) = answer(&folder);
        assert_eq!((code, model["verdict"].as_str()), (0, Some("not-proven")), "{model:#}");
        assert!(!model["missing"].as_array().unwrap().is_empty() && !model["nearest"].as_array().unwrap().is_empty(), "{model:#}");
        let run = llmc(folder.path(), &["check", "stack.kdl"]);
        assert!(run.code == 0 && run.stderr.contains("LLMC-M002") && run.stderr.contains(words), "{}", run.stderr);
    }
    let harmless = case(
        "LLMC-M001",
        "good",
        &[("max-num-seqs=64", "max-num-seqs=64 { args \"--enable-auto-tool-choice\" \"--tool-call-parser=llama3_json\"; }")],
    );
    assert_eq!(answer(&harmless).0["verdict"], "proven-to-start");
}

/// Arguments that change the memory are understood, and change it.
#[test]
fn arguments_count() {
    let graphs = |args: &str| {
        let folder = case("LLMC-M001", "good", &[("max-num-seqs=64", &format!("max-num-seqs=64 {{ args {args}; }}"))]);
        let (model, _) = answer(&folder);
        assert_eq!(model["missing"], Value::Array(Vec::new()), "{args}: {model:#}");
        model["graph_bytes"]["high"].as_u64().unwrap()
    };
    let usual = answer(&case("LLMC-M001", "good", &[])).0["graph_bytes"]["high"].as_u64().unwrap();
    assert_eq!(graphs("\"--enforce-eager\""), 0);
    assert_eq!(graphs("\"--enforce_eager\""), 0, "underscores are dashes");
    assert!(graphs("\"--max-cudagraph-capture-size=8\"") < usual);
}

/// One wrong block does not hide the others, and names what could not be asked.
#[test]
fn a_stack_with_errors_is_answered_as_far_as_it_resolves() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("stacks/customer-support"), folder.path());
    edit(&folder.path().join("stack.kdl"), "gpu \"l40s-48gb\"", "gpu \"l40x\"");
    let (models, code) = answers(folder.path(), &["stack.kdl"]);
    assert_eq!(code, 1);
    let verdicts: Vec<_> = models.iter().map(|model| (model["name"].as_str().unwrap(), model["verdict"].as_str().unwrap())).collect();
    assert_eq!(verdicts, [("llama-70b", "proven-to-start"), ("llama-8b", "not-proven")]);
    let run = llmc(folder.path(), &["fit", "stack.kdl"]);
    assert!(run.stderr.contains("LLMC-H001") && run.stdout.contains("llama-8b: not proven"), "{}{}", run.stdout, run.stderr);
}

#[test]
fn what_cannot_be_read_fails() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.kdl"), "stack {{{ \u{1b}").unwrap();
    for path in ["broken.kdl", "missing.kdl", ".", "nowhere/at/all"] {
        let run = llmc(folder.path(), &["fit", path]);
        assert!(run.code == 1 && !run.stderr.is_empty() && !run.stderr.contains('\u{1b}'), "{path}: {}{}", run.stdout, run.stderr);
    }
    assert_eq!(answers(folder.path(), &["broken.kdl"]), (Vec::new(), 1));
    let run = llmc(root(), &["fit", "custmer-support"]);
    assert!(run.code == 1 && run.stderr.contains("did you mean `customer-support`?"), "{}", run.stderr);
    for named in ["customer-support", "stacks/customer-support", "stacks/customer-support/stack.kdl"] {
        assert_eq!(answers(root(), &[named]).0.len(), 2, "{named}");
    }
}

/// The flag came with 0.10.2; an older engine would refuse it and not start.
#[test]
fn an_old_engine_takes_no_stated_cache() {
    for (version, code) in [("0.10.1", 1), ("0.10.2", 0)] {
        let edits = [("max-num-seqs=64", "max-num-seqs=64 kv-cache-memory-bytes=2147483648"), ("0.32.0", version)];
        let folder = case("LLMC-M001", "good", &edits);
        let run = llmc(folder.path(), &["check", "stack.kdl"]);
        assert_eq!(
            (run.code, run.stderr.contains("does not take the size of the KV cache")),
            (code, code == 1),
            "{version}: {}",
            run.stderr
        );
    }
}

/// A repository whose tree is compiled from the article's stack with requests of 8,192 tokens.
fn standing() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("tests/checks/LLMC-M003/good"), &folder.path().join("stacks/shop"));
    let run = llmc(folder.path(), &["compile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder
}

/// The headroom of the one model that a plan shows, before and after.
fn headroom(folder: &tempfile::TempDir) -> Value {
    let run = llmc(folder.path(), &["plan", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    plan["stacks"][0]["totals"]["memory_headroom"].clone()
}

#[test]
fn a_plan_shows_the_headroom_before_and_after() {
    let folder = standing();
    let before = headroom(&folder)["llama"][0].as_f64().unwrap();
    // 50 requests of 1,150 tokens, in blocks of 16, in the cache that `fit` shows.
    let (model, _) = answers(folder.path(), &["shop"]);
    let blocks = model[0]["kv_blocks"]["expected"].as_f64().unwrap();
    assert!((before - 100.0 * (1.0 - 50.0 * 72.0 / blocks)).abs() < 0.051, "{before}");

    let spec = folder.path().join("stacks/shop/stack.kdl");
    edit(&spec, "requests-per-second=1.5 input-tokens=900", "requests-per-second=0.2 input-tokens=7000");
    let both = headroom(&folder);
    let after = both["llama"][1].as_f64().unwrap();
    assert!(both["llama"][0] == before && after < 30.0 && after > 0.0, "{both}");
    let text = llmc(folder.path(), &["plan"]).stdout;
    assert!(text.contains(&format!("{before:.1} % left → ")) && text.contains(&format!("{after:.1} % left")), "{text}");
    let markdown = llmc(folder.path(), &["plan", "--format", "markdown"]).stdout;
    assert!(markdown.contains(&format!("{before:.1} % → {after:.1} %")), "{markdown}");

    // One copy has it all until others have started.
    edit(&spec, "input-tokens=7000", "input-tokens=12000");
    edit(&spec, "max-model-len=8192", "max-model-len=16384");
    edit(&spec, "nodes 1", "nodes 3");
    edit(&spec, "        load ", "        replicas min=1 max=4 { scale-on \"queue\" target=5; }\n        load ");
    let short = -headroom(&folder)["llama"][1].as_f64().unwrap();
    let text = llmc(folder.path(), &["plan"]).stdout;
    let risk = format!("medium  the KV cache of `llama` does not hold its load: it lacks {short:.1} %");
    assert!(short > 0.0 && text.contains(&risk) && text.contains(&format!("→ [####################] {short:.1} % short")), "{text}");
}

/// What a tree that stands says of itself may be missing, or anything.
#[test]
fn the_headroom_of_a_strange_tree() {
    let folder = standing();
    let spec = folder.path().join("stacks/shop/stack.kdl");
    edit(&spec, "concurrency=50", "concurrency=40");
    let manifest = folder.path().join("generated/shop/llmc.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let stands: Value = serde_json::from_str(&text).unwrap();
    let with = |value: Option<Value>| {
        let mut changed = stands.clone();
        let fields = changed.as_object_mut().unwrap();
        fields.remove("memory_headroom_percent").unwrap();
        fields.extend(value.map(|value| ("memory_headroom_percent".to_owned(), value)));
        fs::write(&manifest, changed.to_string()).unwrap();
        headroom(&folder)
    };
    let none = with(None);
    assert!(none["llama"][0].is_null() && none["llama"][1].is_f64(), "{none}");
    let strange = with(Some(serde_json::json!({ "llama": -1e300, "another\u{1b}[2J": 5.0 })));
    assert_eq!(strange["llama"][0], -1e6);
    assert_eq!(strange.as_object().unwrap().len(), 1, "only models of the stack: {strange}");
}
