//! A secret that stands in a spec is refused, and is in no output of any format.

use std::fs;
use std::path::Path;

use crate::harness::{llmc, root};

/// Secrets of several forms, made of parts so that no scanner takes this file for a leak.
fn secrets() -> Vec<String> {
    vec![
        format!("hf{}{}", "_", "Zq9".repeat(11)),
        format!("sk{}{}", "-", "proj-Zq9Zq9Zq9Zq9Zq9Zq9"),
        format!("ghp{}{}", "_", "Zq9".repeat(12)),
        format!("github{}{}", "_pat_", "Zq9".repeat(12)),
        format!("AKIA{}", "ZQ9ZQ9ZQ9ZQ9ZQ9Z"),
        format!("xoxb{}", "-999999999999-Zq9Zq9Zq9"),
        format!("eyJ{}.eyJ{}.{}", "Zq9Zq9Zq9Zq9", "Zq9Zq9Zq9", "Zq9Zq9"),
        format!("-----BEGIN {0} KEY-----Zq9Zq9Zq9-----END {0} KEY-----", "PRIVATE"),
        format!("Bearer {}", "Zq9".repeat(8)),
        format!("password={}", "Zq9Zq9"),
    ]
}

/// What no output may have: every secret above holds it, and nothing else does.
const LEAK: &str = "zq9";

/// Runs every command that prints findings in every format, and gives back all that they print.
fn outputs(folder: &Path) -> String {
    let mut all = String::new();
    let formats = ["text", "short", "json", "sarif", "github"];
    let mut runs: Vec<Vec<&str>> = formats.iter().map(|format| vec!["check", "--format", format, "stack.kdl"]).collect();
    runs.push(vec!["check", "--color", "always", "stack.kdl"]);
    runs.push(vec!["compile", "stack.kdl"]);
    for arguments in runs {
        let run = llmc(folder, &arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("LLMC-X001") || run.stderr.contains("LLMC-X001"), "{arguments:?}: {}{}", run.stdout, run.stderr);
        all.push_str(&run.stdout);
        all.push_str(&run.stderr);
    }
    assert!(!folder.join("generated").exists(), "nothing is written");
    all
}

/// Writes one line for each secret into the spec, and one into the prompt, and looks for any of
/// them in all that is printed. `{n}` in a line is the number of the secret, `{s}` itself.
fn assert_hidden(spec_line: &str, prompt_line: &str) {
    let lines = |line: &str, escape: fn(&str) -> String| -> String {
        let filled = secrets()
            .iter()
            .enumerate()
            .map(|(n, secret)| line.replace("{n}", &n.to_string()).replace("{s}", secret).replace("{e}", &escape(secret)))
            .collect::<Vec<_>>();
        filled.join("\n")
    };
    // `-` is written `\u{2D}`, so the text of the spec does not show the secret as it is.
    let escaped = |secret: &str| secret.replacen('-', "\\u{2D}", 1).replacen('_', "\\u{5F}", 1);
    let good = fs::read_to_string(root().join("tests/checks/LLMC-X001/good/stack.kdl")).expect("the good case");
    let spec = good.replacen("    namespace \"llm\"\n", &format!("    namespace \"llm\"\n{}\n", lines(spec_line, escaped)), 1);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("stack.kdl"), &spec).expect("written");
    fs::write(folder.path().join("chat.md"), format!("{{{{ question }}}}\n{}\n", lines(prompt_line, escaped))).expect("written");
    let printed = outputs(folder.path());
    let leaks: Vec<&str> = printed.lines().filter(|line| line.to_lowercase().contains(LEAK)).collect();
    assert!(leaks.is_empty(), "{spec}\n{}", leaks.join("\n"));
}

#[test]
fn in_a_value_and_in_the_findings_of_other_rules_on_its_line() {
    assert_hidden("    callers \"{s}\"", "");
    assert_hidden("    no-such-field-{n} \"{s}\"", "");
    assert_hidden("    owner \"{s}\"", "");
    assert_hidden("    route \"a{n}\" { prompt \"{s}\"; model \"{s}\" }", "");
    assert_hidden("    external \"{s}\" { provider \"{s}\" }", "");
    assert_hidden("    prompt \"p{n}\" { live \"{s}\"; version \"{s}\" { user file=\"{s}\" } }", "");
}

#[test]
fn behind_escapes_and_in_comments() {
    assert_hidden("    callers \"{e}\"", "");
    assert_hidden("    no-such-field-{n} \"{e}\"", "");
    assert_hidden("    no-such-field-{n} 1 // {s}", "");
}

#[test]
fn in_a_prompt_and_in_the_findings_of_its_line() {
    assert_hidden("", "{{ unknown }} {s}");
    assert_hidden("", "{{ \"{s}\" | unknown }}");
}
