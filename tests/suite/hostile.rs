//! Input that is broken, hostile or in the way: each gives a finding or safe output, the exit code
//! says so, and nothing is half-written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::harness::{llmc, texts};

/// Checks `bytes` as a spec; gives exit code and findings, one line each.
fn check(name: &str, bytes: &[u8]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let run = llmc(folder.path(), &["check", "--format", "short", name]);
    (run.code, run.stderr)
}

fn refused(name: &str, bytes: impl AsRef<[u8]>, code: &str) {
    let (exit, findings) = check(name, bytes.as_ref());
    assert_eq!(exit, 1, "{findings}");
    assert!(findings.contains(code), "no {code} in: {findings}");
    assert!(findings.len() < 4000, "floods the terminal with {} bytes", findings.len());
}

#[test]
fn texts_made_to_exhaust_a_parser() {
    refused("huge.kdl", "// pad\n".repeat(1_500_000), "LLMC-F003");
    refused("huge.yaml", "# pad\n".repeat(1_800_000), "LLMC-F003");
    refused("open.kdl", format!("stack \"x\" {{{}", "a {".repeat(10_000)), "LLMC-S009");
    refused("nested.kdl", format!("stack \"x\" {{{}{}", "a {".repeat(4_000), "}".repeat(4_001)), "LLMC-S009");
    refused("comments.kdl", format!("stack \"x\" {}", "/*".repeat(4_000)), "LLMC-S001");
    refused("quotes.kdl", format!("stack \"x\" {{{}", "\"".repeat(20_000)), "LLMC-S001");
    refused("flow.yaml", format!("a: {}", "[".repeat(10_000)), "LLMC-S009");
    let levels: String = (0..300).map(|depth| format!("{}a:\n", "  ".repeat(depth))).collect();
    refused("block.yaml", levels, "LLMC-S009");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(",")));
    }
    refused("bomb.yaml", bomb, "LLMC-S009");
}

#[test]
fn texts_that_are_not_what_they_seem() {
    refused("latin.kdl", b"stack \"\xff\xfe\" {}", "LLMC-F004");
    refused("nul.kdl", "stack \"x\0y\" { namespace \"z\" }", "LLMC-F005");
    refused("bidi.kdl", "stack \"x\" { namespace \"z\u{202e}\" }", "LLMC-F005");
    refused("twice.kdl", "stack \"x\" { namespace \"a\"; namespace \"b\" }", "LLMC-S003");
    refused("twice.yaml", "stack: x\nnamespace: a\nnamespace: b\n", "LLMC-S003");
    refused("two.yaml", "stack: x\n---\nstack: y\n", "LLMC-S001");
    refused("empty.kdl", "", "LLMC-S010");
    refused("empty.yaml", "", "LLMC-S004");
    refused("null.yaml", "stack: ~\nnamespace:\n", "LLMC-S004");
    refused("infinite.kdl", "stack \"x\" { namespace \"y\"; budget { monthly #inf } }", "LLMC-S004");
    refused("infinite.yaml", "stack: x\nnamespace: y\nbudget: {monthly: .inf}\n", "LLMC-S001");
}

/// A line of many values takes no longer than many lines.
#[test]
fn a_spec_of_one_long_line() {
    let labels: Vec<String> = (0..12_000).map(|i| format!("\"k{i}\": \"파드 {i}\"")).collect();
    let spec =
        format!("{{\"stack\": \"x\", \"namespace\": \"y\", \"monitoring\": {{\"labels\": {{{}}}}}, \"owner\": 5}}", labels.join(", "));
    let started = std::time::Instant::now();
    let mut diagnostics = Vec::new();
    let document = llmc::source::read(&spec, llmc::source::Syntax::Yaml, llmc::spec::schema(), &mut diagnostics).unwrap();
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let owner = &document.spans[&llmc::diagnostic::Route::of(["owner"])];
    assert_eq!((&spec[owner.key.clone()], &spec[owner.value.clone()]), ("\"owner\"", "5"));
}

/// What a field would not read is refused at its place, once, and with what works.
#[test]
fn what_has_no_effect_is_refused_where_it_stands() {
    let kdl = |body: &str| format!("stack \"x\" {{\n  namespace \"y\"\n  {body}\n}}\n");
    let yaml = |body: &str| format!("stack: x\nnamespace: y\n{body}\n");
    let pool = |nodes: &str| format!("pool \"p\" {{ gpu \"a100-80gb-sxm\"; nodes {nodes}; gpus-per-node 8; price-per-gpu-hour 2 }}");
    let one = |name: &str, text: String, place: &str, words: &str| {
        let (exit, findings) = check(name, text.as_bytes());
        assert_eq!(exit, 1, "{text}");
        let errors: Vec<&str> = findings.lines().filter(|line| line.contains(": error[")).collect();
        let is_it = |line: &&str| line.starts_with(&format!("{name}:{place}: ")) && line.contains(words);
        assert!(matches!(errors.as_slice(), [line] if is_it(line)), "not `{words}` at {place}:\n{findings}");
    };
    one("a.kdl", kdl("owner (u8)\"z\""), "3:10", "the type annotation `(u8)` has no meaning");
    one("a.kdl", kdl("(team)owner \"z\""), "3:4", "the type annotation `(team)` has no meaning");
    one("a.yaml", yaml("owner: !!python/object:os.system z"), "3:8", "the tag `!!python/object:os.system` has no meaning");
    one("a.yaml", yaml("owner: !!binary eg=="), "3:8", "the tag `!!binary` has no meaning");
    one("a.yaml", yaml("callers: !set [a]"), "3:10", "the tag `!set` has no meaning");
    // The validator takes these for whole numbers, and the types say no place.
    one("a.kdl", kdl(&pool("1.0")), "3:41", "`nodes` must be a whole number, not the number 1.0");
    one("a.yaml", yaml("budget: {monthly: 1e-300}"), "3:19", "`1e-300` is not an amount of money");
    one("a.kdl", kdl("pool { gpu \"a100-80gb-sxm\"; nodes 1 }"), "3:3", "this `pool` has no name");
    one("a.kdl", kdl("budget 5 { monthly 5; }"), "3:10", "`budget` takes no argument");
    one("a.kdl", kdl("owner true"), "3:9", "`true` is not written so in KDL 2");
    one("a.kdl", kdl("owner r\"z\""), "3:9", "a raw string does not begin with `r` in KDL 2");
    one("a.yaml", yaml("pool: {1: {gpu: a100-80gb-sxm, nodes: 1}}"), "3:8", "`1` lacks the required field");
    one("a.yaml", yaml("callers: {[a]: b}"), "3:11", "a key must be a word");
    one("a.yaml", "- stack\n".into(), "1:1", "the stack must be a block, not a list");
}

/// The findings of a broken spec do not hide each other.
#[test]
fn everything_that_can_be_known_is_reported() {
    let spec = r#"stack "x" {
        namespce "y"
        tenant "e" {}
        pool "p" { gpu "a100-80gb-sxm"; nodes "two"; gpus-per-node 8; price-per-gpu-hour 2 }
        route "r" { prompt "p"; model "m" }
    }"#;
    let (exit, findings) = check("stack.kdl", spec.as_bytes());
    assert_eq!(exit, 1);
    assert!(!findings.contains("S005"), "a misspelt field is reported as missing too:\n{findings}");
    for (line, code) in [(2, "S002"), (3, "S008"), (4, "S004"), (5, "R001")] {
        let found = findings.lines().any(|l| l.starts_with(&format!("stack.kdl:{line}:")) && l.contains(code));
        assert!(found, "no {code} on line {line}:\n{findings}");
    }
}

#[test]
fn inputs_that_are_not_plain_files() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    assert!(Command::new("mkfifo").arg(here.join("pipe.kdl")).status().unwrap().success());
    let run = llmc(here, &["check", "--format", "short", "pipe.kdl"]);
    assert_eq!((run.code, run.stderr.contains("LLMC-F002")), (1, true), "{}", run.stderr);
    let run = llmc(here, &["check", "--format", "short", "missing.kdl"]);
    assert_eq!((run.code, run.stderr.contains("LLMC-F001")), (1, true), "{}", run.stderr);
    let run = llmc(here, &["check"]);
    assert_eq!((run.code, run.stderr.contains("llmc init")), (1, true), "{}", run.stderr);
}

/// A folder with the stack that `llmc init` writes.
fn first_stack(here: &Path) {
    let run = llmc(here, &["init", "demo"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn prompts_stay_inside_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    fs::write(here.join("secret.md"), "outside {{ question }}").unwrap();
    let spec = here.join("stacks/demo/stack.kdl");
    let good = fs::read_to_string(&spec).unwrap();
    symlink("../../../secret.md", here.join("stacks/demo/prompts/link.md")).unwrap();
    symlink("..", here.join("stacks/demo/up")).unwrap();
    assert!(Command::new("mkfifo").arg(here.join("stacks/demo/pipe.md")).status().unwrap().success());
    for (path, code) in [
        ("../../secret.md", "LLMC-F006"),
        ("/etc/hostname", "LLMC-F006"),
        ("prompts/link.md", "LLMC-F006"),
        ("up/demo/prompts/answer.user.md", "LLMC-F006"),
        ("", "LLMC-F006"),
        ("pipe.md", "LLMC-F002"),
        ("prompts", "LLMC-F002"),
        ("prompts/none.md", "LLMC-F001"),
    ] {
        fs::write(&spec, good.replace("prompts/answer.user.md", path)).unwrap();
        let run = llmc(here, &["compile", "--format", "short"]);
        assert_eq!(run.code, 1, "`{path}` was accepted");
        assert!(run.stderr.contains(code), "`{path}`: {}", run.stderr);
        assert!(!here.join("generated").exists(), "`{path}` was written");
    }
}

#[test]
fn outputs_that_are_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    // A folder of somebody else.
    fs::create_dir_all(here.join("foreign/demo")).unwrap();
    fs::write(here.join("foreign/demo/mine.txt"), "keep").unwrap();
    let run = llmc(here, &["compile", "--out", "foreign"]);
    assert_eq!((run.code, run.stderr.contains("llmc did not write it")), (1, true), "{}", run.stderr);
    assert_eq!(fs::read_dir(here.join("foreign/demo")).unwrap().count(), 1);
    // A link, which could point anywhere.
    fs::create_dir_all(here.join("elsewhere")).unwrap();
    fs::create_dir_all(here.join("linked")).unwrap();
    symlink("../elsewhere", here.join("linked/demo")).unwrap();
    let run = llmc(here, &["compile", "--out", "linked"]);
    assert_eq!((run.code, run.stderr.contains("symbolic link")), (1, true), "{}", run.stderr);
    assert_eq!(fs::read_dir(here.join("elsewhere")).unwrap().count(), 0);
    // A file where the folder should be.
    fs::create_dir_all(here.join("blocked")).unwrap();
    fs::write(here.join("blocked/demo"), "a file").unwrap();
    let run = llmc(here, &["compile", "--out", "blocked"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(fs::read_to_string(here.join("blocked/demo")).unwrap(), "a file");
}

/// What a killed compile leaves is removed by the next one that writes, and nothing else is.
#[test]
fn a_killed_compile_leaves_nothing_behind_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    let left = here.join("generated/.llmc-staging-a1B2c3");
    fs::create_dir_all(left.join("tree/prompts")).unwrap();
    fs::write(left.join("tree/llmc.json"), "{").unwrap();
    fs::create_dir(here.join("generated/.llmc-notes")).unwrap();
    let outside = here.join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, here.join("generated/.llmc-staging-link")).unwrap();
    assert_eq!(llmc(here, &["compile"]).code, 0);
    let mut names: Vec<_> = fs::read_dir(here.join("generated")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".llmc-notes", ".llmc-staging-link", "demo"]);
    assert!(outside.is_dir());
}

/// Compiles at the same time wait for each other, and each finds a whole tree.
#[test]
fn compiles_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    let start = || Command::new(env!("CARGO_BIN_EXE_llmc")).arg("compile").current_dir(here).output().unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        for run in runs {
            let output = run.join().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
    assert_eq!(fs::read_dir(here.join("generated")).unwrap().count(), 1, "something was left over");
}

/// A file that cannot grow stands for a full disk; the old tree survives both.
#[test]
fn a_disk_that_is_full_or_read_only_leaves_the_old_tree() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    assert_eq!(llmc(here, &["compile"]).code, 0);
    let manifest = fs::read(here.join("generated/demo/llmc.json")).unwrap();
    let spec = here.join("stacks/demo/stack.kdl");
    let changed = fs::read_to_string(&spec).unwrap().replace("monthly 1500", "monthly 1600");
    fs::write(&spec, changed).unwrap();
    let script = format!("ulimit -f 1; trap '' XFSZ; exec '{}' compile", env!("CARGO_BIN_EXE_llmc"));
    let full = Command::new("bash").args(["-c", &script]).current_dir(here).env_clear().output().unwrap();
    assert_eq!(full.status.code(), Some(1), "{}", String::from_utf8_lossy(&full.stderr));
    assert_eq!(fs::read(here.join("generated/demo/llmc.json")).unwrap(), manifest, "the old tree was touched");
    let left: Vec<_> = fs::read_dir(here.join("generated")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["demo"], "something was left over");
    // Root may write anywhere, so this half says nothing there.
    fs::set_permissions(here.join("generated"), fs::Permissions::from_mode(0o555)).unwrap();
    if tempfile::tempfile_in(here.join("generated")).is_err() {
        assert_eq!(llmc(here, &["compile"]).code, 1);
        assert_eq!(fs::read(here.join("generated/demo/llmc.json")).unwrap(), manifest);
    }
    fs::set_permissions(here.join("generated"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(llmc(here, &["compile"]).code, 0);
    assert_ne!(fs::read(here.join("generated/demo/llmc.json")).unwrap(), manifest);
}

#[test]
fn files_of_others_survive_and_edits_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    assert_eq!(llmc(here, &["compile"]).code, 0);
    let tree = here.join("generated/demo");
    fs::write(tree.join("NOTES.md"), "ours").unwrap();
    let service = tree.join("kubernetes/llama-8b/service.yaml");
    let compiled = fs::read_to_string(&service).unwrap();
    fs::write(&service, compiled.replace("8000", "8001")).unwrap();
    let run = llmc(here, &["compile"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("kubernetes/llama-8b/service.yaml"), "{}", run.stderr);
    assert_eq!(llmc(here, &["compile", "--overwrite"]).code, 0);
    assert_eq!(fs::read_to_string(&service).unwrap(), compiled);
    assert_eq!(fs::read_to_string(tree.join("NOTES.md")).unwrap(), "ours");
    assert_eq!(llmc(here, &["compile", "--check"]).code, 0);
}

/// Names that try to break out of PromQL, YAML, Colang and Markdown are refused; texts that do are
/// only texts.
#[test]
fn names_and_prompts_that_try_to_break_out() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    first_stack(here);
    let spec = here.join("stacks/demo/stack.kdl");
    let good = fs::read_to_string(&spec).unwrap();
    let names = ["a\\\"} or vector(1) #", "x: y", "- a", "{{ x }}", "$name", "define bot x", "| a | b |", "<b>", "a/../b", "A", "-a", "é"];
    for name in names {
        fs::write(&spec, good.replace("\"llama-8b\"", &format!("\"{name}\""))).unwrap();
        let run = llmc(here, &["compile", "--format", "short"]);
        assert_eq!(run.code, 1, "the name `{name}` was accepted");
        assert!(!here.join("generated").exists());
    }
    fs::write(&spec, &good).unwrap();
    let prompt = "---\n]]>\n```yaml\nkey: *alias\n```\n{{ '{{' }} {{ question }} \"'\n\ttab\u{2028}# done";
    fs::write(here.join("stacks/demo/prompts/answer.user.md"), prompt).unwrap();
    let run = llmc(here, &["compile"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let root_prompts = here.join("generated/demo/prompts");
    let text: String = texts(&root_prompts).into_values().collect();
    assert!(text.contains("{{ question }}"), "the prompt is not in {}", root_prompts.display());
}

#[test]
fn a_file_of_another_kind_is_no_spec() {
    let run = llmc(crate::harness::root(), &["check", "README.md"]);
    assert_eq!((run.code, run.stderr.contains("must end in .kdl")), (1, true), "{}", run.stderr);
}
