//! The layers of `ARCHITECTURE.md`, and the size of files, held against the sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{root, texts};

/// What each folder may use of the others, beside itself: what stands before it in the pipeline, and
/// `source` the schema of `spec`, which directs it, and `lock` the stack, whose versions it pins. Tests inside a folder may use more.
const LAYERS: [(&str, &[&str]); 25] = [
    ("source", &["diagnostic", "spec"]),
    ("diagnostic", &[]),
    ("spec", &[]),
    ("catalog", &["spec"]),
    ("lock", &["diagnostic", "source", "spec", "stack"]),
    ("stack", &["catalog", "lock", "spec"]),
    ("statistics", &[]),
    ("experiment", &["diagnostic", "spec", "stack", "statistics"]),
    ("syntax", &[]),
    ("estimate", &["catalog", "diagnostic", "lock", "stack"]),
    ("engine", &["catalog", "estimate", "stack"]),
    ("fit", &["diagnostic", "engine", "estimate", "stack"]),
    ("capacity", &["catalog", "estimate", "fit", "stack"]),
    ("cost", &["capacity", "diagnostic", "fit", "spec", "stack", "syntax"]),
    ("resolve", &["catalog", "diagnostic", "engine", "lock", "source", "spec", "stack"]),
    ("pricing", &["capacity", "cost", "diagnostic", "estimate", "fit", "resolve", "source", "spec", "stack"]),
    ("prompt", &["capacity", "cost", "estimate", "fit", "lock", "stack"]),
    (
        "check",
        &[
            "capacity",
            "catalog",
            "cost",
            "diagnostic",
            "engine",
            "estimate",
            "experiment",
            "fit",
            "lock",
            "pricing",
            "resolve",
            "source",
            "spec",
            "stack",
            "syntax",
        ],
    ),
    ("emit", &["capacity", "catalog", "cost", "diagnostic", "engine", "experiment", "fit", "lock", "stack", "syntax"]),
    ("plan", &["cost", "diagnostic", "emit", "pricing", "prompt", "spec", "syntax"]),
    ("deliver", &["diagnostic", "emit"]),
    ("upgrade", &["diagnostic", "engine", "fit", "source", "spec", "stack"]),
    ("policy", &["diagnostic", "source", "spec"]),
    (
        "compile",
        &[
            "capacity",
            "check",
            "cost",
            "diagnostic",
            "emit",
            "experiment",
            "fit",
            "lock",
            "plan",
            "policy",
            "pricing",
            "resolve",
            "source",
            "spec",
            "stack",
        ],
    ),
    (
        "cli",
        &[
            "catalog",
            "compile",
            "cost",
            "deliver",
            "diagnostic",
            "emit",
            "estimate",
            "experiment",
            "fit",
            "lock",
            "plan",
            "policy",
            "prompt",
            "resolve",
            "source",
            "spec",
            "stack",
            "upgrade",
        ],
    ),
];

/// Most lines of a source file.
const MOST_LINES: usize = 500;

/// The Rust sources by path below `src`, without those that only test.
fn sources() -> BTreeMap<String, String> {
    let mut files = texts(&root().join("src"));
    files.retain(|path, _| path.ends_with(".rs") && !path.ends_with("/tests.rs"));
    assert!(files.len() > 100, "only {} sources", files.len());
    files
}

/// The modules of this crate that `text` names in code outside its tests.
fn used(text: &str) -> BTreeSet<&str> {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().expect("a first part");
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    // `pub(in crate::…)` says who may use an item, and uses nothing.
    let names = lines.flat_map(|line| line.split("crate::").skip(1).zip(line.split("crate::")));
    let names = names.filter(|(_, before)| !before.ends_with("pub(in ")).map(|(after, _)| after);
    names.map(|after| after.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().expect("a word")).collect()
}

#[test]
fn no_stage_uses_a_later_one() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into();
    let mut seen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let files = sources();
    for (path, text) in &files {
        let layer = path.split('/').next().expect("a folder").trim_end_matches(".rs");
        if matches!(layer, "lib" | "main") {
            continue;
        }
        let allowed = layers.get(layer).unwrap_or_else(|| panic!("say in LAYERS what `{layer}` may use"));
        for name in used(text).into_iter().filter(|name| *name != layer) {
            assert!(allowed.contains(&name), "src/{path} uses `crate::{name}`, which {layer} may not");
            seen.entry(layer).or_default().insert(name);
        }
    }
    for (layer, allowed) in LAYERS {
        let seen = seen.remove(layer).unwrap_or_default();
        assert_eq!(seen, allowed.iter().copied().collect(), "{layer} no longer uses all that LAYERS allows");
    }
}

/// The test above must see a wrong word wherever it may stand, and only there.
#[test]
fn uses_are_seen() {
    let text = "//! [`crate::cli`]\nuse crate::emit::{a, b};\npub(in crate::check) fn f(x: &crate::stack::Model) {}\n\n#[cfg(test)]\nmod tests {\n    use crate::compile::rules;\n}\n";
    assert_eq!(used(text), BTreeSet::from(["emit", "stack"]));
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> =
        sources().into_iter().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > MOST_LINES).collect();
    assert!(long.is_empty(), "{long:?}");
}

/// A folder that the table does not name would be a stage that nobody explains.
#[test]
fn the_architecture_names_every_folder() {
    let table = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the document");
    let folders: BTreeSet<String> = sources().into_keys().filter_map(|path| Some(path.split_once('/')?.0.to_owned())).collect();
    assert!(folders.len() > 10, "{folders:?}");
    for folder in folders {
        assert!(table.contains(&format!("| `{folder}/` |")), "the table has no `{folder}/`");
    }
}
