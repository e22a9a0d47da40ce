//! What holds for any input: no panic, one meaning, the same bytes.

use std::fs;
use std::path::Path;

use llmc::source::{self, Syntax, format};
use llmc::spec;
use proptest::prelude::*;

use crate::harness::{compile, copy, example_stacks, llmc_with, root, tree};

/// Text in the shape of a spec, so that more than the first token is reached.
fn spec_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("stack"),
        Just("model"),
        Just("pool"),
        Just("\"a\""),
        Just("{"),
        Just("}"),
        Just("="),
        Just(";"),
        Just("\n"),
        Just("#true"),
        Just("12"),
        Just("/-"),
        Just("/*"),
        Just("*/"),
        Just("//"),
        Just("\"\"\""),
        Just("r#\""),
        Just("\\"),
        Just(":"),
        Just("- "),
        Just("&a"),
        Just("*a"),
        Just("["),
        Just("]"),
        Just(","),
        Just("|"),
        Just(">"),
        Just("!x"),
        Just("\u{feff}"),
        Just("한"),
        Just("  "),
        Just("'"),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn reads_without_panic(text: &str) {
    let schema = spec::schema();
    for syntax in [Syntax::Kdl, Syntax::Yaml] {
        let mut diagnostics = Vec::new();
        let document = source::read(text, syntax, schema, &mut diagnostics);
        assert!(document.is_some() || !diagnostics.is_empty(), "refused without a word: {text:?}");
        assert!(diagnostics.iter().all(|d| !d.message.contains("please report")), "the parser failed on {text:?}");
        if let Ok(once) = format(text, syntax) {
            assert_eq!(format(&once, syntax).as_deref(), Ok(once.as_str()), "formatting is not stable for {text:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,200}") {
        reads_without_panic(&text);
    }

    #[test]
    fn no_text_like_a_spec_makes_a_parser_panic(text in spec_like()) {
        reads_without_panic(&text);
    }

    /// One character of a real spec changed, so that every stage is reached.
    #[test]
    fn no_damaged_spec_makes_the_compiler_panic(at in 0.0..1.0, with in "\\PC{0,3}", cut in 0usize..12) {
        let name = "stacks/research-desk/stack.kdl";
        let text = fs::read_to_string(root().join(name)).unwrap();
        let mut start = (at * text.len() as f64) as usize;
        while !text.is_char_boundary(start) { start -= 1; }
        let mut end = (start + cut).min(text.len());
        while !text.is_char_boundary(end) { end += 1; }
        let damaged = format!("{}{with}{}", &text[..start], &text[end..]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.kdl");
        fs::write(&path, &damaged).unwrap();
        let compilation = llmc::compile::compile(&path, "stack.kdl", &llmc::policy::Policies::shipped());
        prop_assert!(compilation.files.is_some() || !compilation.findings.is_empty());
        prop_assert!(compilation.findings.iter().all(|f| f.rule.code != "LLMC-X999"), "{damaged}");
    }

    /// Bytes that are no text at all.
    #[test]
    fn no_bytes_make_the_compiler_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), yaml in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let name = if yaml { "stack.yaml" } else { "stack.kdl" };
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        prop_assert!(!llmc::compile::compile(&path, name, &llmc::policy::Policies::shipped()).findings.is_empty());
    }
}

/// The example stacks are formatted, and formatting a mangled one restores its meaning.
#[test]
fn formatting_keeps_comments_and_meaning() {
    for stack in example_stacks() {
        let folder = root().join("stacks").join(&stack);
        let (path, syntax) = ["stack.kdl", "stack.yaml"]
            .into_iter()
            .map(|n| folder.join(n))
            .find(|p| p.exists())
            .map(|p| (p.clone(), Syntax::of(&p).unwrap()))
            .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(format(&text, syntax).unwrap(), text, "{stack} is not formatted");
        if syntax == Syntax::Kdl {
            let mangled = text.replace("    ", "\t ").replace(" {\n", "   {   \n");
            let formatted = format(&mangled, syntax).unwrap();
            let comments = |text: &str| text.matches("//").count();
            assert_eq!(comments(&formatted), comments(&text), "a comment of {stack} was lost");
            assert_eq!(formatted, text);
        }
    }
}

#[test]
fn two_compiles_are_equal_whatever_the_surroundings() {
    let compiled = |environment: &[(&str, &str)], jobs: &str| {
        let out = tempfile::tempdir().unwrap();
        let run = llmc_with(root(), &["compile", "--jobs", jobs, "--out", out.path().to_str().unwrap()], environment);
        assert_eq!(run.code, 0, "{}", run.stderr);
        tree(out.path())
    };
    let first = compiled(&[], "1");
    assert!(first.len() > 60, "only {} files", first.len());
    assert_eq!(first, compiled(&[("LC_ALL", "tr_TR.UTF-8"), ("LANG", "ko_KR.UTF-8"), ("TZ", "Pacific/Kiritimati")], "3"));
    assert_eq!(first, compiled(&[("LC_ALL", "C"), ("TZ", "America/St_Johns"), ("HOME", "/nonexistent")], "16"));
    for (path, content) in &first {
        let text = std::str::from_utf8(content).unwrap_or_else(|_| panic!("{path} is not UTF-8"));
        let home = root().to_str().unwrap();
        assert!(!text.contains(home), "{path} names a folder of this machine");
    }
}

/// A copy of the stacks elsewhere, and one whose blocks stand in another order, compile alike.
#[test]
fn neither_place_nor_order_matters() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("deep/er/research-desk");
    let original = root().join("stacks/research-desk");
    copy(&original, &elsewhere);
    let out = |path: &Path, name: &str| {
        let out = folder.path().join(name);
        compile(path, &out);
        tree(&out)
    };
    let first = out(&original, "one");
    assert_eq!(first, out(&elsewhere, "two"));
    let text = fs::read_to_string(elsewhere.join("stack.kdl")).unwrap();
    let start = text.find("    pool \"l4\"").unwrap();
    let end = text.find("    model \"llama-70b-fp8\"").unwrap();
    let moved = format!("{}{}{}", &text[..start], &text[end..text.rfind('}').unwrap()], &text[start..end]) + "}\n";
    assert_ne!(moved, text);
    fs::write(elsewhere.join("stack.kdl"), moved).unwrap();
    let mut reordered = out(&elsewhere, "three");
    let mut first = first;
    // The manifest holds a digest of the spec's text, which did change.
    for files in [&mut first, &mut reordered] {
        files.retain(|path, _| !path.ends_with("llmc.json"));
    }
    assert_eq!(first, reordered);
}
