//! `llmc prompt list`, `show`, `diff` and `rollback`. `tests/prompt/` holds what people see;
//! `LLMC_UPDATE_EXPECTED=1` writes it anew.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Run, copy, edit, llmc, root};

/// A repository with `stacks` of the examples and their trees.
fn repository(stacks: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["stacks", "generated"] {
        for stack in stacks {
            copy(&root().join(part).join(stack), &folder.path().join(part).join(stack));
        }
    }
    folder
}

/// The example with the experiment, after edits of its spec.
fn support(edits: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = repository(&["customer-support"]);
    let spec = folder.path().join("stacks/customer-support/stack.kdl");
    edits.iter().for_each(|(from, to)| edit(&spec, from, to));
    (folder, spec)
}

const LIVE_V1: &str = "        live \"v1\"\n        rollback \"v1\"\n    }\n    prompt";
const LIVE_V2: &str = "        live \"v2\" // since Monday\n        rollback \"v1\"\n    }\n    prompt";

/// Holds `text` against `tests/prompt/<name>.txt`.
fn holds(name: &str, text: &str) {
    let path = root().join("tests/prompt").join(format!("{name}.txt"));
    if std::env::var_os("LLMC_UPDATE_EXPECTED").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "LLMC_UPDATE_EXPECTED=1 writes {name}.txt\n{text}");
}

fn fails(folder: &Path, args: &[&str]) -> String {
    let Run { code, stdout, stderr } = llmc(folder, args);
    assert_eq!((code, stdout.as_str()), (1, ""), "{args:?}: {stderr}");
    stderr
}

#[test]
fn versions_are_listed_shown_and_compared() {
    let (folder, _) = support(&[]);
    let run = |args: &[&str]| {
        let run = llmc(folder.path(), args);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
        run.stdout
    };
    holds("list", &run(&["prompt", "list"]));
    holds("show", &run(&["prompt", "show", "support@v2"]));
    holds("diff", &run(&["prompt", "diff", "support@v1", "v2"]));
    // The live version against the newest, and a version with its prompt's name.
    assert_eq!(run(&["prompt", "diff", "support"]), run(&["prompt", "diff", "support@v1", "support@v2"]));
    // Colour is for terminals, and for those who ask.
    assert!(!run(&["prompt", "diff", "support"]).contains('\u{1b}'));
    assert!(run(&["--color", "always", "prompt", "diff", "support"]).contains("\u{1b}[32m  +You are a friendly"));

    let versions: Value = serde_json::from_str(&run(&["prompt", "list", "--json"])).unwrap();
    let state = |at: usize| ["prompt", "version", "live", "rollback"].map(|field| versions[at][field].clone());
    assert_eq!(state(0), ["support".into(), "v1".into(), Value::Bool(true), Value::Bool(true)]);
    assert_eq!(state(1), ["support".into(), "v2".into(), Value::Bool(false), Value::Bool(false)]);
    assert_eq!(versions[1]["experiments"][0]["percent"], 10.0);
    let shown: Value = serde_json::from_str(&run(&["prompt", "show", "support@v2", "--json"])).unwrap();
    let file = fs::read_to_string(root().join("stacks/customer-support/prompts/support.v2.md")).unwrap();
    assert_eq!((shown["system"].as_str(), shown["version"].as_str()), (Some(file.as_str()), Some("v2")));
    let index = fs::read_to_string(root().join("generated/customer-support/prompts/index.yaml")).unwrap();
    assert!(index.contains(shown["config_map"].as_str().unwrap()));
    let diff: Value = serde_json::from_str(&run(&["prompt", "diff", "support", "--json"])).unwrap();
    assert!(diff["texts"][0]["diff"].as_str().unwrap().contains("+You are a friendly") && diff["texts"][1]["diff"].is_null());
    // The longer text costs more, on every route.
    for route in 0..2 {
        let of = |side: &str, end: &str| -> f64 { diff[side]["routes"][route]["request"][end].as_str().unwrap().parse().unwrap() };
        assert!(of("old", "low") < of("new", "low") && of("old", "high") < of("new", "high"), "{diff:#}");
    }
}

#[test]
fn wrong_names_are_answered_with_the_nearest() {
    let (folder, spec) = support(&[]);
    for (args, answer) in [
        (&["prompt", "show", "suport"][..], "no prompt `suport`; did you mean `support`?"),
        (&["prompt", "show", "other"], "no prompt `other`; there is: support, triage"),
        (&["prompt", "show", "support@x9"], "prompt `support` has no version `x9`; there is: v1, v2"),
        (&["prompt", "diff", "triage"], "prompt `triage` has one version only, `v1`"),
        (
            &["prompt", "diff", "support@v2"],
            "`v2` is the newest version of prompt `support`; name two, as in `llmc prompt diff support@v1 v2`",
        ),
        (&["prompt", "rollback", "triage"], "version `v1` of prompt `triage` is live already, and is the one that `rollback` names"),
        (&["prompt", "rollback", "support", "--stack", "shop"], "no stack `shop`"),
    ] {
        let said = fails(folder.path(), args);
        assert!(said.contains(answer), "{args:?}: {said}");
    }
    // A prompt of two stacks is asked for by both names.
    let other = folder.path().join("stacks/other");
    copy(spec.parent().unwrap(), &other);
    edit(&other.join("stack.kdl"), "stack \"customer-support\"", "stack \"other\"");
    let said = fails(folder.path(), &["prompt", "show", "support"]);
    assert!(said.contains("the stacks `customer-support`, `other` each have a prompt `support`"), "{said}");
    assert_eq!(llmc(folder.path(), &["prompt", "show", "support", "--stack", "other"]).code, 0);
    // A version without its text is not one that is unknown.
    fs::remove_file(other.join("prompts/support.v2.md")).unwrap();
    let said = fails(folder.path(), &["prompt", "show", "support@v1", "--stack", "other"]);
    assert!(said.contains("prompt `support` cannot be read whole; `llmc check` says why"), "{said}");
}

/// Going back changes the value of `live` alone, restarts nothing, and says what an experiment does meanwhile.
#[test]
fn a_rollback_edits_one_value_and_restarts_no_pod() {
    let (folder, spec) = support(&[(LIVE_V1, LIVE_V2)]);
    assert_eq!(llmc(folder.path(), &["compile"]).code, 0);
    let before = fs::read_to_string(&spec).unwrap();
    fs::set_permissions(&spec, fs::Permissions::from_mode(0o640)).unwrap();
    let dry = llmc(folder.path(), &["prompt", "rollback", "support", "--dry-run"]);
    assert_eq!((dry.code, dry.stderr.as_str(), fs::read_to_string(&spec).unwrap()), (0, "", before.clone()));
    let run = llmc(folder.path(), &["prompt", "rollback", "support"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, dry.stdout.replace("would be live", "is live"));
    assert_eq!(fs::read_to_string(&spec).unwrap(), before.replace("live \"v2\" // since", "live \"v1\" // since"));
    assert_eq!(fs::metadata(&spec).unwrap().permissions().mode() & 0o777, 0o640);
    holds("rollback", &run.stdout);

    let plan: Value = serde_json::from_str(&llmc(folder.path(), &["plan", "--format", "json"]).stdout).unwrap();
    let stack = &plan["stacks"][0];
    assert_eq!(stack["rollouts"].as_array().map(Vec::len), Some(0), "{stack:#}");
    let objects = stack["objects"].as_array().unwrap();
    assert!(!objects.is_empty());
    for object in objects {
        assert_eq!(object["disruption"]["kind"], "none", "{object:#}");
        assert!(matches!(object["kind"].as_str(), Some("ConfigMap" | "PrometheusRule")), "{object:#}");
        assert_eq!(object["action"], "update", "{object:#}");
    }
    assert_eq!((&stack["prompts"][0]["prompt"], &stack["prompts"][0]["is_rollback"]), (&"support".into(), &true.into()));
    // Twice is too often.
    assert!(fails(folder.path(), &["prompt", "rollback", "support"]).contains("is live already"));
}

const GUARD: &str = "        guard \"ttft\" worse-by=0.10\n";
const STOPPED: &str = "        guard \"ttft\" worse-by=0.10\n        state \"stopped\"\n";

/// Versions with their own guardrails or model: all that each needs stands while the other is live.
#[test]
fn a_rollback_to_other_guardrails_or_models_restarts_no_pod() {
    let v3 = |own: &str| {
        let texts = "system file=\"prompts/support.v2.md\"\n            user file=\"prompts/support.user.md\"";
        let sampling = "sampling temperature=0.3 top-p=0.9 max-tokens=512";
        format!("        version \"v3\" {{\n            {texts}\n            {sampling}\n            {own}\n        }}\n")
    };
    let strict = "    guardrails \"strict\" {\n        image \"registry.example.com/nemo-guardrails:0.24.1\"\n        input {\n            block-pii \"email\"\n            self-check\n        }\n    }\n\n    guardrails \"default\" {";
    let default = "    guardrails \"default\" {";
    for (own, rails) in [("guardrails \"strict\"", strict), ("model \"gpt-4o\"", default)] {
        let live = format!("{}{}", v3(own), LIVE_V1.replace("live \"v1\"", "live \"v3\""));
        let (folder, spec) = support(&[(LIVE_V1, &live), (default, rails), (GUARD, STOPPED)]);
        for args in [&["prompt", "pin"][..], &["compile"]] {
            let run = llmc(folder.path(), args);
            assert_eq!(run.code, 0, "{own}: {}", run.stderr);
        }
        for name in if rails == strict { &["default", "strict"][..] } else { &["default"] } {
            let server = format!("generated/customer-support/guardrails/{name}/deployment.yaml");
            assert!(folder.path().join(&server).is_file(), "{own}: {server}");
        }
        edit(&spec, "        live \"v3\"\n", "        live \"v1\"\n");
        let plan: Value = serde_json::from_str(&llmc(folder.path(), &["plan", "--format", "json"]).stdout).unwrap();
        let stack = &plan["stacks"][0];
        assert_eq!(stack["prompts"][0]["live"], serde_json::json!(["v3", "v1"]), "{own}");
        assert_eq!(stack["rollouts"].as_array().map(Vec::len), Some(0), "{own}: {stack:#}");
        // No server, configuration or rule of who reaches whom is among them.
        for object in stack["objects"].as_array().unwrap() {
            assert_eq!((&object["disruption"]["kind"], &object["action"]), (&"none".into(), &"update".into()), "{own}: {object:#}");
            assert!(matches!(object["kind"].as_str(), Some("ConfigMap" | "PrometheusRule")), "{own}: {object:#}");
            assert!(!object["name"].as_str().unwrap().contains("-guardrails"), "{own}: {object:#}");
        }
    }
}

#[test]
fn a_rollback_keeps_yaml_and_windows_line_ends() {
    let folder = repository(&["korean-assistant", "research-desk"]);
    let spec = folder.path().join("stacks/korean-assistant/stack.yaml");
    // As if its version were the first.
    let text: String =
        fs::read_to_string(&spec).unwrap().split_inclusive('\n').filter(|line| !line.starts_with("    rollback: ")).collect();
    let start = text.find("    live: ").expect("the live version");
    let line = text[start..].split('\n').next().unwrap();
    let version = line.trim_start_matches("    live: ").to_owned();
    // A second version of the same text, live, and the first to go back to.
    let first = text.find(&format!("      {version}:\n")).expect("its version");
    let end = text[first..].find("    live: ").map(|at| first + at).unwrap();
    let body = text[first..end].replacen(&format!("      {version}:"), "      v9:", 1);
    let mut two = text.clone();
    two.replace_range(start..start + line.len(), &format!("    live:   'v9'   # hier\n    rollback: {version}"));
    two.insert_str(end, &body);
    let two = two.replace('\n', "\r\n");
    fs::write(&spec, &two).unwrap();
    let run = llmc(folder.path(), &["prompt", "rollback", "qna"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(fs::read_to_string(&spec).unwrap(), two.replace("live:   'v9'   # hier", &format!("live:   '{version}'   # hier")));
}

#[test]
fn a_rollback_that_cannot_be_is_refused_and_writes_nothing() {
    let gone = "        live \"v2\"\n        rollback \"v0\"\n    }\n    prompt";
    let none = "        live \"v2\"\n    }\n    prompt";
    let escaped = "        live \"v\\u{32}\"\n        rollback \"v1\"\n    }\n    prompt";
    for (to, answer) in [
        (gone, "prompt `support` has no version `v0`, which `rollback` names; did you mean"),
        (none, "prompt `support` names no `rollback`, so nobody can know which version was good"),
        (escaped, "`/prompt/support/live` is written in a way that llmc does not edit; change it by hand"),
    ] {
        let (folder, spec) = support(&[(LIVE_V1, to)]);
        let before = fs::read_to_string(&spec).unwrap();
        let said = fails(folder.path(), &["prompt", "rollback", "support"]);
        assert!(said.contains(answer), "{said}");
        assert_eq!(fs::read_to_string(&spec).unwrap(), before);
    }
    // What was wrong before does not stand in the way: the edit is made, and what is wrong is said.
    let (folder, spec) = support(&[(LIVE_V1, LIVE_V2)]);
    fs::write(spec.parent().unwrap().join("prompts/support.v2.md"), "{{ broken").unwrap();
    let run = llmc(folder.path(), &["prompt", "rollback", "support"]);
    assert!(run.code == 1 && run.stderr.contains("error[LLMC-P") && run.stderr.contains("so there is no plan"), "{}", run.stderr);
    assert!(fs::read_to_string(&spec).unwrap().contains("live \"v1\" // since"));
    // What cannot be read is said as `check` says it.
    let (folder, spec) = support(&[(LIVE_V1, LIVE_V2), ("    budget {", "    budget {{")]);
    let before = fs::read_to_string(&spec).unwrap();
    let said = fails(folder.path(), &["prompt", "rollback", "support"]);
    assert!(said.contains("error[LLMC-") && said.contains("no prompt `support`"), "{said}");
    assert_eq!(fs::read_to_string(&spec).unwrap(), before);
    // A file that nobody may write stays, and a link goes on being one.
    let (folder, spec) = support(&[(LIVE_V1, LIVE_V2)]);
    let before = fs::read_to_string(&spec).unwrap();
    fs::set_permissions(&spec, fs::Permissions::from_mode(0o444)).unwrap();
    let said = fails(folder.path(), &["prompt", "rollback", "support"]);
    assert!(said.contains("cannot write `stacks/customer-support/stack.kdl`: it is read-only"), "{said}");
    assert_eq!(fs::read_to_string(&spec).unwrap(), before);
    fs::set_permissions(&spec, fs::Permissions::from_mode(0o644)).unwrap();
    let real = spec.with_file_name("real.kdl");
    fs::rename(&spec, &real).unwrap();
    std::os::unix::fs::symlink("real.kdl", &spec).unwrap();
    assert_eq!(llmc(folder.path(), &["prompt", "rollback", "support"]).code, 0);
    assert!(fs::symlink_metadata(&spec).unwrap().is_symlink() && fs::read_to_string(&real).unwrap().contains("live \"v1\" // since"));
}

/// What goes live is told with its identity, tokens and cost, and a step of a ramp as a line of its own.
#[test]
fn a_plan_tells_what_goes_live_and_who_is_moved() {
    let (folder, _) = support(&[(LIVE_V1, LIVE_V2), ("ramp 10 25 30", "ramp 10 25 30; step 2")]);
    let run = llmc(folder.path(), &["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let stack = &plan["stacks"][0];
    let prompt = &stack["prompts"][0];
    assert_eq!(prompt["live"], serde_json::json!(["v1", "v2"]));
    assert_eq!((&prompt["is_rollback"], &prompt["is_pinned"]), (&false.into(), &true.into()));
    for route in prompt["routes"].as_array().unwrap() {
        let pair = |field: &str| (route[field][0].clone(), route[field][1].clone());
        let (was, is) = pair("identity");
        assert!(was != is && [&was, &is].iter().all(|digest| digest.as_str().is_some_and(|digest| digest.len() == 64)), "{route:#}");
        let (was, is) = pair("tokens");
        assert!(was.as_u64().unwrap() < is.as_u64().unwrap(), "{route:#}");
        assert_eq!(stack["totals"]["tokens_per_request"][route["route"].as_str().unwrap()], serde_json::json!([was, is]));
        for end in ["request_low", "request_high"] {
            let of = |at: usize| -> f64 { route[end][at].as_str().unwrap().parse().unwrap() };
            assert!(of(0) < of(1), "{route:#}");
        }
    }
    assert_eq!(stack["experiments"][0]["what"], "ramp of `support-v2` goes from 10 to 25 %: 1,500 more of 10,000 parts");
    let risks: Vec<&str> = stack["risks"].as_array().unwrap().iter().map(|risk| risk["message"].as_str().unwrap()).collect();
    assert!(risks.iter().any(|risk| risk.starts_with("the load of route `support` still states 900 input tokens")), "{risks:?}");
    let markdown = llmc(folder.path(), &["plan", "--format", "markdown"]).stdout;
    for part in [
        "It is pinned in `llmc.lock`.",
        "| Route | Identity | Tokens | A request, `USD` |",
        "ramp of `support-v2` goes from 10 to 25 %: 1,500 more",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
}
