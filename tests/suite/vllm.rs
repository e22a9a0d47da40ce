//! vLLM's own parser and configuration accept every compiled argument list.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{compile, example_stacks, judge, root, yaml};

/// The `config.json` of a model, as far as vLLM reads it for these checks; the shapes are those of
/// the published checkpoints.
fn config(repository: &str) -> Value {
    let llama = |layers: u32, hidden: u32, heads: u32, intermediate: u32| {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "num_hidden_layers": layers,
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "intermediate_size": intermediate,
            "vocab_size": 128_256,
            "max_position_embeddings": 131_072,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 500_000.0,
            "tie_word_embeddings": false,
            "torch_dtype": "bfloat16",
        })
    };
    match repository {
        "meta-llama/Llama-3.1-8B-Instruct" => llama(32, 4096, 32, 14_336),
        "meta-llama/Llama-3.3-70B-Instruct" => llama(80, 8192, 64, 28_672),
        "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic" => {
            let mut config = llama(80, 8192, 64, 28_672);
            config["quantization_config"] = json!({
                "quant_method": "compressed-tensors",
                "format": "float-quantized",
                "quantization_status": "compressed",
                "ignore": ["lm_head"],
                "config_groups": { "group_0": {
                    "targets": ["Linear"],
                    "weights": { "num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel", "dynamic": false },
                    "input_activations": { "num_bits": 8, "type": "float", "symmetric": true, "strategy": "token", "dynamic": true },
                }},
            });
            config
        }
        other => panic!("say here what the config.json of `{other}` holds"),
    }
}

/// Name and argument list of each compiled model.
fn argument_lists() -> Vec<(String, Vec<String>)> {
    let out = tempfile::tempdir().unwrap();
    compile(&root().join("stacks"), out.path());
    let mut lists = Vec::new();
    for stack in example_stacks() {
        for model in fs::read_dir(out.path().join(&stack).join("kubernetes")).unwrap() {
            let model = model.unwrap().path();
            let text = fs::read_to_string(model.join("deployment.yaml")).unwrap();
            let object = yaml(&text);
            let container = &object["spec"]["template"]["spec"]["containers"][0];
            assert_eq!(container["command"], json!(["vllm", "serve"]), "the image's own entry point differs between versions");
            let args = container["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect();
            lists.push((format!("{stack}/{}", model.file_name().unwrap().to_str().unwrap()), args));
        }
    }
    assert!(lists.len() >= 5, "{lists:?}");
    lists.sort();
    lists
}

#[test]
fn vllm_accepts_every_argument_list_and_refuses_broken_ones() {
    let lists = argument_lists();
    let mut cases: Vec<Value> = Vec::new();
    for (name, args) in &lists {
        cases.push(json!({ "name": name, "args": args, "config": config(&args[0]), "engine_config": true }));
    }
    // A judge that accepts everything is noticed by these.
    let (_, args) = lists.iter().find(|(name, _)| name == "customer-support/llama-70b").unwrap();
    let broken = |name: &str, from: &str, to: &str| {
        let changed: Vec<String> = args.iter().map(|a| if a.starts_with(from) { to.to_owned() } else { a.clone() }).collect();
        assert_ne!(&changed, args, "no argument begins with {from}");
        json!({ "name": name, "args": changed, "config": config(&args[0]), "engine_config": true })
    };
    cases.extend([
        broken("broken: prefix of a flag", "--max-num-seqs", "--max-num-se=64"),
        broken("broken: removed flag", "--max-num-seqs", "--swap-space=4"),
        broken("broken: longer than the model", "--max-model-len", "--max-model-len=262144"),
        broken("broken: heads", "--tensor-parallel-size", "--tensor-parallel-size=3"),
        broken("broken: memory share", "--gpu-memory-utilization", "--gpu-memory-utilization=1.5"),
        broken("broken: batch", "--max-num-batched-tokens", "--max-num-batched-tokens=16"),
    ]);
    let run = judge("vllm", &[], &Value::from(cases.clone()).to_string());
    let verdicts: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), cases.len(), "{}", run.stdout);
    for verdict in verdicts {
        let expected = !verdict["name"].as_str().unwrap().starts_with("broken");
        assert_eq!(verdict["accepted"], expected, "{verdict}");
        assert_ne!(verdict["stage"], "judge", "the judge gave no verdict: {verdict}");
    }
}
