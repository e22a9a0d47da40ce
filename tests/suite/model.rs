//! `llmc model`: facts from a model's own files, written, shown, and refused where they are wrong.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{llmc, root};

fn config() -> Value {
    json!({"architectures": ["Qwen3ForCausalLM"], "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 2,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 1000, "max_position_embeddings": 32768,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16"})
}

/// A folder with the config of a model.
fn folder(config: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    folder
}

/// A file of weights with one tensor of each of `tensors`, without the weights themselves.
fn weights(path: &Path, tensors: &[(&str, u64)]) {
    let mut start = 0;
    let entries = tensors.iter().map(|(name, bytes)| {
        let entry = json!({"dtype": "BF16", "shape": [bytes / 2], "data_offsets": [start, start + bytes]});
        start += bytes;
        ((*name).to_owned(), entry)
    });
    let header = Value::Object(entries.collect()).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_model_is_added_shown_and_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let stack = root().join("tests/checks/LLMC-E010/good");
    crate::harness::copy(&stack, folder.path());
    fs::remove_file(folder.path().join("models/tuned-1b.json")).unwrap();
    // Not in the folder that the spec names for another model, whose weights these are not.
    fs::create_dir(folder.path().join("models/new-1b")).unwrap();
    fs::copy(folder.path().join("models/plain-1b/config.json"), folder.path().join("models/new-1b/config.json")).unwrap();
    weights(
        &folder.path().join("models/new-1b/model.safetensors"),
        &[("model.embed_tokens.weight", 4096), ("model.layers.0.mlp.up_proj.weight", 64)],
    );
    let add = llmc(folder.path(), &["model", "add", "models/new-1b", "--repository", "acme/tuned-1b"]);
    assert_eq!((add.code, add.stdout.as_str()), (0, ""), "{}", add.stderr);
    assert!(add.stderr.starts_with("wrote models/tuned-1b.json\n"), "{}", add.stderr);
    assert!(add.stderr.contains("source \"acme/tuned-1b\" revision=\"…\" facts=\"models/tuned-1b.json\""), "{}", add.stderr);
    let facts: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("models/tuned-1b.json")).unwrap()).unwrap();
    let stored = json!([{"share": "split", "bytes": 64}, {"share": "vocabulary", "bytes": 4096}]);
    assert_eq!((&facts["shape"]["stored"], facts["attention_heads"].as_u64()), (&stored, Some(16)));
    assert!(facts["checkpoint_bytes"].as_u64().unwrap() > 100);
    let check = llmc(folder.path(), &["check", "stack.kdl"]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    let show = llmc(folder.path(), &["model", "show", "models/tuned-1b.json"]);
    assert_eq!(show.code, 0, "{}", show.stderr);
    for line in [
        "model         acme/tuned-1b",
        "class         Qwen3ForCausalLM",
        "layers        24 × attention, 16 heads on 8 of 128; block of 6144",
    ] {
        assert!(show.stdout.contains(line), "{line} is not in\n{}", show.stdout);
    }
    let shown = llmc(folder.path(), &["model", "show", "models/plain-1b", "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["facts"]["shape"]["hidden_size"], 2048);
    assert!(shown["parameters"].as_u64().unwrap() > 1_000_000_000);
}

#[test]
fn files_of_others_are_kept() {
    let folder = folder(&config());
    let add = |more: &[&str]| {
        llmc(folder.path(), &[&["model", "add", "config.json", "--repository", "acme/a", "--out", "a.json"], more].concat())
    };
    assert_eq!(add(&[]).code, 0);
    assert_eq!(add(&[]).code, 0, "the facts of the same model are replaced");
    fs::write(folder.path().join("a.json"), "somebody's").unwrap();
    let refused = add(&[]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("`a.json` exists and has not the facts of `acme/a`"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("a.json")).unwrap(), "somebody's");
    assert_eq!(add(&["--force"]).code, 0);
    for name in ["../../x", "acme/\u{1b}[31mx", "a/b/c", "acme/", ".hidden"] {
        let refused = llmc(folder.path(), &["model", "add", "config.json", "--repository", name]);
        assert!(refused.code == 1 && refused.stderr.contains("is no name of a repository"), "{name:?}: {}", refused.stderr);
        assert!(!folder.path().join("models").exists(), "{name:?}");
    }
    let unnamed = llmc(folder.path(), &["model", "add", "config.json"]);
    assert!(unnamed.code == 1 && unnamed.stderr.contains("name it with --repository"), "{}", unnamed.stderr);
}

#[test]
fn what_is_missing_is_said() {
    let mut unknown = config();
    unknown["architectures"] = json!(["NewForCausalLM"]);
    let folder = folder(&unknown);
    let add = llmc(folder.path(), &["model", "add", ".", "--repository", "acme/new"]);
    assert_eq!(add.code, 0, "{}", add.stderr);
    assert!(add.stderr.contains("not known: the layers of a `NewForCausalLM`, which is not known"), "{}", add.stderr);
    assert!(add.stderr.contains("not known: the size of the checkpoint"), "{}", add.stderr);
}

#[test]
fn broken_files_are_named_with_their_field() {
    let with = |field: &str, value: Value| {
        let mut config = config();
        config[field] = value;
        config.to_string()
    };
    let cases = [
        (with("num_hidden_layers", json!(-3)), "config.json: `num_hidden_layers` is -3; it must be between 1 and 10000"),
        (
            with("hidden_size", json!(1_000_000_000_000_000_000_u64)),
            "`hidden_size` is 1000000000000000000; it must be between 1 and 10000000",
        ),
        (with("vocab_size", Value::Null), "`vocab_size` is missing"),
        (with("head_dim", json!("\u{1b}[31mred")), "`head_dim` is the text \"\\u001b[31mred\""),
        ("{\"hidden_size\": 1".to_owned(), "the file is not JSON"),
        ("[".repeat(500_000), "the file is not JSON"),
        ("[1]".to_owned(), "the file is a list, not an object"),
        (" ".repeat((64 << 20) + 1), "it is larger than 64 MiB"),
    ];
    for (text, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), text).unwrap();
        for command in ["add", "show"] {
            let run = llmc(folder.path(), &["model", command, "."]);
            assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{expected}");
            assert!(run.stderr.contains(expected), "{expected} is not in\n{}", run.stderr);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");
    }
}

#[test]
fn broken_weights_are_refused() {
    let header = |length: u64, text: &str| [length.to_le_bytes().as_slice(), text.as_bytes()].concat();
    let cases = [
        (b"short".to_vec(), "too short for a header"),
        (header(u64::MAX, "{}"), "the format allows 100000000"),
        (header(9, "{}"), "ends inside its header"),
        (header(2, "[]"), "the header is not JSON"),
        (header(33, r#"{"a":{"data_offsets":[9,1e300]}}   "#), "`a` has no `data_offsets`"),
    ];
    for (bytes, expected) in cases {
        let folder = folder(&config());
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        let run = llmc(folder.path(), &["model", "show", "."]);
        assert!(run.code == 1 && run.stderr.contains(expected), "{expected} is not in\n{}", run.stderr);
    }
    let folder = folder(&config());
    let index = |file: &str| json!({"metadata": {"total_size": 77}, "weight_map": {"a": file}}).to_string();
    fs::write(folder.path().join("model.safetensors.index.json"), index("../secret")).unwrap();
    let outside = llmc(folder.path(), &["model", "show", "."]);
    assert!(outside.code == 1 && outside.stderr.contains("must be the name of a file beside the index"), "{}", outside.stderr);
    fs::write(folder.path().join("model.safetensors.index.json"), index("absent.safetensors")).unwrap();
    let absent = llmc(folder.path(), &["model", "show", ".", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&absent.stdout).unwrap()["facts"]["checkpoint_bytes"], 77);
}

/// What `llmc model add` reads of a folder, a spec that names the folder has as well.
#[test]
fn a_folder_in_a_spec_counts_its_weights() {
    let with = |name: &str, bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        crate::harness::copy(&root().join("tests/checks/LLMC-E010/good"), folder.path());
        if !name.is_empty() {
            fs::write(folder.path().join("models/plain-1b").join(name), bytes).unwrap();
        }
        folder
    };
    let check = |folder: &TempDir| {
        let run = llmc(folder.path(), &["check", "--format", "short", "stack.kdl"]);
        (run.code, run.stderr)
    };
    // The spec states 2.5 GiB for it.
    let index = |bytes: u64| json!({"metadata": {"total_size": bytes}, "weight_map": {"a": "model-1.safetensors"}}).to_string();
    let (code, text) = check(&with("model.safetensors.index.json", index(5 << 30).as_bytes()));
    assert!(code == 1 && text.contains("`models/plain-1b/config.json` says 5 for `size-gib`"), "{text}");
    let index = index(5 << 29);
    let indexed = with("model.safetensors.index.json", index.as_bytes());
    assert_eq!(check(&indexed).0, 0, "{}", check(&indexed).1);
    // A clone without its large files has pointers in their place.
    fs::write(indexed.path().join("models/plain-1b/model-1.safetensors"), "version https://git-lfs.github.com/spec/v1\n").unwrap();
    assert_eq!(check(&indexed).0, 0, "{}", check(&indexed).1);
    let (code, text) = check(&with("model.safetensors", b"short"));
    assert!(code == 1 && text.contains("`models/plain-1b/model.safetensors` cannot be used: the file is too short for a header"), "{text}");
    let linked = with("", b"");
    let elsewhere = tempfile::tempdir().unwrap();
    weights(&elsewhere.path().join("blob"), &[("model.embed_tokens.weight", 4096)]);
    let link = linked.path().join("models/plain-1b/model.safetensors");
    std::os::unix::fs::symlink(elsewhere.path().join("blob"), link).unwrap();
    let (code, text) = check(&linked);
    assert!(code == 1 && text.contains("`models/plain-1b/model.safetensors` cannot be used: it is a symbolic link"), "{text}");
    let show = llmc(linked.path(), &["model", "show", "models/plain-1b"]);
    assert_eq!(show.code, 0, "a cache of the hub is made of links: {}", show.stderr);
}

#[test]
fn the_catalogue_is_listed_and_searched() {
    let here = tempfile::tempdir().unwrap();
    let list = llmc(here.path(), &["model", "list", "llama-3.3-70b-instruct"]);
    assert!(list.stdout.contains("meta-llama/Meta-Llama-3.1-70B"), "an alias finds its model: {}", list.stdout);
    assert_eq!(llmc(here.path(), &["model", "list", "no such model"]).code, 1);
    let alias = llmc(here.path(), &["model", "show", "deepseek-ai/DeepSeek-R1-0528"]);
    assert!(
        alias.stdout.contains("58 × latent attention, 128 heads, 512 + 64 elements a token; 8 of 256 experts of 2048, shared 2048"),
        "{}",
        alias.stdout
    );
    let typo = llmc(here.path(), &["model", "show", "Qwen/Qwen3-8b"]);
    assert!(typo.code == 1 && typo.stderr.contains("did you mean `Qwen/Qwen3-8B`?"), "{}", typo.stderr);
}
