//! One good and one bad case for each rule: `tests/checks/<code>/{good,bad}/stack.kdl`.
//!
//! In a bad case, every line that must be reported carries the rule's code in a comment, and
//! `expected.txt` holds what people see. `LLMC_UPDATE_EXPECTED=1` writes those files anew; read
//! them before committing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{copy, llmc, root};

/// Rules whose faulty input is not a text that a repository should hold: [`special_files`] makes
/// it in a temporary folder.
const MADE_BY_THE_TEST: [&str; 4] = ["LLMC-F002", "LLMC-F003", "LLMC-F004", "LLMC-P005"];

/// A rule of the emitters (K1xx, O1xx) judges objects and queries that no spec can make wrong, one of A03x
/// scores (`analyze.rs` has its cases), X999 is a
/// fault of the compiler, and Y008 one of a tree that stands.
fn needs_a_case(code: &str) -> bool {
    let of_the_emitters = ["LLMC-A03", "LLMC-K1", "LLMC-O1"].iter().any(|prefix| code.starts_with(prefix));
    !of_the_emitters && !["LLMC-X999", "LLMC-Y008"].contains(&code) && !MADE_BY_THE_TEST.contains(&code)
}

fn cases() -> PathBuf {
    root().join("tests/checks")
}

fn folders(path: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(path).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a UTF-8 name")).collect()
}

/// The findings of the spec in `folder`, as the JSON output has them.
fn findings(folder: &Path) -> Vec<Value> {
    let run = llmc(folder, &["check", "--format", "json", "stack.kdl"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{}", folder.display(), run.stderr));
    let findings = report["findings"].as_array().expect("a list of findings").clone();
    let errors = findings.iter().filter(|f| f["severity"] == "error").count();
    assert_eq!(run.code != 0, errors > 0, "{}: the exit code and the findings disagree", folder.display());
    findings
}

/// File and line of each finding of `code`.
fn reported(findings: &[Value], code: &str) -> BTreeSet<(String, u64)> {
    let place = |f: &Value| (f["primary"]["path"].as_str().expect("a path").to_owned(), f["primary"]["line"].as_u64().expect("a line"));
    findings.iter().filter(|f| f["code"] == code).map(place).collect()
}

/// File and line of every comment that names `code`.
fn marked(folder: &Path, below: &str, code: &str, marks: &mut BTreeSet<(String, u64)>) {
    for name in folders(folder) {
        let path = folder.join(&name);
        let shown = format!("{below}{name}");
        if path.is_dir() {
            marked(&path, &format!("{shown}/"), code, marks);
        } else if name != "expected.txt" {
            let text = fs::read_to_string(&path).expect("a text");
            let lines = text.lines().zip(1..).filter(|(line, _)| line.contains(code));
            marks.extend(lines.map(|(_, number)| (shown.clone(), number)));
        }
    }
}

#[test]
fn every_rule_has_a_case_and_every_case_a_rule() {
    let rules: BTreeSet<String> = llmc::compile::rules().iter().map(|r| r.code.to_owned()).filter(|code| needs_a_case(code)).collect();
    assert_eq!(folders(&cases()), rules);
    for code in &rules {
        assert_eq!(folders(&cases().join(code)), BTreeSet::from(["bad".to_owned(), "good".to_owned()]), "{code}");
    }
    for code in MADE_BY_THE_TEST {
        assert!(llmc::compile::rules().iter().any(|r| r.code == code), "{code} is no rule");
    }
}

#[test]
fn a_good_case_has_no_error_and_no_finding_of_its_rule() {
    for code in folders(&cases()) {
        let findings = findings(&cases().join(&code).join("good"));
        let wrong: Vec<&Value> = findings.iter().filter(|f| f["severity"] == "error" || f["code"] == code.as_str()).collect();
        assert!(wrong.is_empty(), "{code}: {wrong:#?}");
    }
}

#[test]
fn a_bad_case_is_reported_at_its_lines_and_nowhere_else() {
    let mut wrong = Vec::new();
    for code in folders(&cases()) {
        let folder = cases().join(&code).join("bad");
        let findings = findings(&folder);
        let mut marks = BTreeSet::new();
        marked(&folder, "", &code, &mut marks);
        assert!(!marks.is_empty(), "{code}: no comment of the bad case says which line is wrong");
        let reported = reported(&findings, &code);
        if reported != marks {
            wrong.push(format!("{code}: reported {reported:?}, must be {marks:?}"));
        }
        let others = findings.iter().filter(|f| f["code"] != code.as_str());
        wrong.extend(others.map(|f| format!("{code}: the bad case breaks {} too: {}", f["code"], f["message"])));
        // The parsers' own words need no help; a rule about a deployment says what works.
        let helped = |f: &Value| f["help"].as_array().is_some_and(|help| !help.is_empty());
        if !code.starts_with("LLMC-F") && !code.starts_with("LLMC-S") && !findings.iter().all(helped) {
            wrong.push(format!("{code}: a finding without help"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_bad_case_reads_as_expected() {
    let update = std::env::var_os("LLMC_UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for code in folders(&cases()) {
        let folder = cases().join(&code).join("bad");
        let run = llmc(&folder, &["check", "stack.kdl"]);
        assert_eq!(run.stdout, "", "{code}: findings for people go to standard error");
        let path = folder.join("expected.txt");
        if update {
            fs::write(&path, &run.stderr).expect("written");
        } else if fs::read_to_string(&path).ok().as_deref() != Some(run.stderr.as_str()) {
            wrong.push(format!("{code} reads now:\n{}", run.stderr));
        }
    }
    assert!(wrong.is_empty(), "LLMC_UPDATE_EXPECTED=1 writes the new texts\n{}", wrong.join("\n"));
}

/// A spec with one prompt file, whose content each case replaces.
fn stack_with_a_prompt() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&cases().join("LLMC-F001/good"), folder.path());
    fs::remove_file(folder.path().join("chat.md")).expect("the prompt file of the case");
    folder
}

/// Codes that the spec in `folder` breaks.
fn codes(folder: &Path) -> BTreeSet<String> {
    findings(folder).iter().map(|f| f["code"].as_str().expect("a code").to_owned()).collect()
}

fn only(code: &str) -> BTreeSet<String> {
    BTreeSet::from([code.to_owned()])
}

/// A megabyte of faults is answered in seconds, with the first of them.
#[test]
fn templates_with_very_many_faults() {
    let folder = stack_with_a_prompt();
    for (fault, code) in [("{{ a }}", "LLMC-P002"), ("{{ f() }}", "LLMC-P004"), ("password=abcd ", "LLMC-X001")] {
        fs::write(folder.path().join("chat.md"), format!("{{{{ question }}}}\n{}", format!("{fault}\n").repeat(60_000))).expect("written");
        let started = std::time::Instant::now();
        let findings = findings(folder.path());
        // And one that so long a prompt fits no model.
        let (faults, others): (Vec<_>, Vec<_>) = findings.iter().partition(|f| f["code"] == code);
        assert_eq!(faults.len(), 50, "{code}");
        assert!(others.len() == 1 && others[0]["code"] == "LLMC-P008", "{others:?}");
        // A quadratic pass over the file takes minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(30), "{code} took {:?}", started.elapsed());
    }
}

#[test]
fn special_files() {
    let folder = stack_with_a_prompt();
    let prompt = folder.path().join("chat.md");
    fs::write(&prompt, "{{ question }}\n").expect("written");
    assert_eq!(codes(folder.path()), BTreeSet::new());

    let mut long = b"{{ question }}\n".to_vec();
    // The longest file that is accepted fits no model.
    long.resize(900 * 1024, b'a');
    fs::write(&prompt, &long).expect("written");
    assert_eq!(codes(folder.path()), only("LLMC-P008"));
    long.push(b'a');
    fs::write(&prompt, &long).expect("written");
    assert_eq!(codes(folder.path()), BTreeSet::from(["LLMC-P005".to_owned(), "LLMC-P008".to_owned()]));
    fs::write(&prompt, vec![b'a'; 1024 * 1024 + 1]).expect("written");
    assert_eq!(codes(folder.path()), only("LLMC-F003"));
    fs::write(&prompt, b"\xB0\xA1 {{ question }}").expect("written");
    assert_eq!(codes(folder.path()), only("LLMC-F004"));

    fs::remove_file(&prompt).expect("removed");
    fs::create_dir(&prompt).expect("a folder");
    assert_eq!(codes(folder.path()), only("LLMC-F002"));
    fs::remove_dir(&prompt).expect("removed");

    // Nobody writes to the pipe, so reading it would never end.
    let made = std::process::Command::new("mkfifo").arg(&prompt).status().expect("mkfifo starts");
    assert!(made.success());
    assert_eq!(codes(folder.path()), only("LLMC-F002"));
    fs::remove_file(&prompt).expect("removed");

    let outside = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(outside.path(), "{{ question }}\n").expect("written");
    std::os::unix::fs::symlink(outside.path(), &prompt).expect("a link");
    assert_eq!(codes(folder.path()), only("LLMC-F006"));
}
