//! The README claims only what a command shows.

use std::fs;

use crate::harness::{llmc, root};

/// The code blocks of the README in `language`, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The README's example with its prompt files, after `edit`.
fn example(folder: &std::path::Path, edit: impl Fn(&str) -> String) {
    let spec = blocks("kdl").into_iter().find(|b| b.starts_with("stack ")).unwrap();
    fs::create_dir_all(folder.join("prompts")).unwrap();
    fs::write(folder.join("stack.kdl"), edit(&spec)).unwrap();
    fs::write(folder.join("prompts/support.md"), "Be brief.\n").unwrap();
    fs::write(folder.join("prompts/user.md"), "{{ query }}\n").unwrap();
}

#[test]
fn the_example_compiles_without_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path(), str::to_owned);
    let run = llmc(folder.path(), &["compile", "stack.kdl", "--out", "out"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let table = fs::read_to_string(root().join("README.md")).unwrap();
    for part in fs::read_dir(folder.path().join("out/shop-assistant")).unwrap() {
        let name = part.unwrap().file_name().into_string().unwrap();
        assert!(table.contains(&format!("`{name}")), "the README does not say what {name} is");
    }
}

/// The finding that the README shows is the one that its example gives with three GPUs for each
/// copy.
#[test]
fn the_finding_reads_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    example(folder.path(), |spec| spec.replace("tensor-parallel=4", "tensor-parallel=3"));
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    assert_eq!(run.code, 1);
    let shown = blocks("text").remove(0);
    assert!(run.stderr.contains(shown.trim()), "the README shows\n{shown}\nllmc says\n{}", run.stderr);
}

/// Every `llmc` command line in the README exists.
#[test]
fn commands_exist() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let help = llmc(root(), &["--help"]).stdout;
    let words: Vec<&str> = text.split("`llmc ").skip(1).map(|rest| rest.split([' ', '`']).next().unwrap()).collect();
    assert!(words.len() >= 4, "{words:?}");
    for word in words {
        assert!(help.contains(&format!("\n  {word} ")), "`llmc {word}` is not a command");
    }
}
