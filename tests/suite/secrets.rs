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
    for format in ["text", "short", "json", "sarif", "github"] {
        for command in ["check", "compile"] {
            for colour in ["always", "never"] {
                let run = llmc(folder, &[command, "--color", colour, "--format", format, "stack.kdl"]);
                assert_eq!(run.code, 1, "{format}: {}{}", run.stdout, run.stderr);
                assert!(run.stdout.contains("LLMC-X001") || run.stderr.contains("LLMC-X001"), "{format}: {}{}", run.stdout, run.stderr);
                all.push_str(&run.stdout);
                all.push_str(&run.stderr);
            }
        }
    }
    assert!(!folder.join("generated").exists(), "nothing is written");
    all
}

fn assert_hidden(edit: impl Fn(&str) -> (String, String)) {
    let case = root().join("tests/checks/LLMC-X001/good");
    let spec = fs::read_to_string(case.join("stack.kdl")).expect("the good case");
    for secret in secrets() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (spec, prompt) = {
            let (line, prompt) = edit(&secret);
            (spec.replacen("    namespace \"llm\"\n", &line, 1), prompt)
        };
        fs::write(folder.path().join("stack.kdl"), &spec).expect("written");
        fs::write(folder.path().join("chat.md"), prompt).expect("written");
        let printed = outputs(folder.path());
        let leaks: Vec<&str> = printed.lines().filter(|line| line.to_lowercase().contains(LEAK)).collect();
        assert!(leaks.is_empty(), "{spec}\n{}", leaks.join("\n"));
    }
}

const PROMPT: &str = "{{ question }}\n";

#[test]
fn in_a_value_and_in_the_findings_of_other_rules_on_its_line() {
    // The name is also invalid, the field unknown, the reference dangling, the type wrong.
    assert_hidden(|secret| (format!("    namespace \"llm\"; owner \"{secret}\"; callers \"{secret}\"\n"), PROMPT.into()));
    assert_hidden(|secret| (format!("    namespace \"llm\"; no-such-field \"{secret}\"\n"), PROMPT.into()));
    assert_hidden(|secret| (format!("    namespace \"llm\"; route \"a\" {{ prompt \"{secret}\"; model \"{secret}\" }}\n"), PROMPT.into()));
    assert_hidden(|secret| (format!("    namespace \"llm\"; external \"{secret}\" {{ provider \"{secret}\" }}\n"), PROMPT.into()));
}

#[test]
fn behind_escapes_and_in_comments() {
    // `Z` is written `\u{5A}`, so the text of the spec does not show the secret as it is.
    let escaped = |secret: &str| secret.replacen('-', "\\u{2D}", 1).replacen('_', "\\u{5F}", 1);
    assert_hidden(|secret| (format!("    namespace \"llm\"; owner \"{}\"\n", escaped(secret)), PROMPT.into()));
    assert_hidden(|secret| (format!("    namespace \"llm\" // {secret}\n    no-such-field 1\n"), PROMPT.into()));
}

#[test]
fn in_a_prompt_and_in_the_findings_of_its_line() {
    assert_hidden(|secret| ("    namespace \"llm\"\n".into(), format!("{{{{ question }}}} {{{{ unknown }}}} {secret}\n")));
    assert_hidden(|secret| ("    namespace \"llm\"\n".into(), format!("{{{{ question }}}} {{{{ \"{secret}\" | unknown }}}}\n")));
}
