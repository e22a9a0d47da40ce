//! `llmc.lock`: what is pinned stays, what changed is found, and no accident with the file goes unseen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use llmc::lock::{FORMAT, Lock, Pin, Use, identity, read, write};
use llmc::spec::Sampling;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use crate::harness::{copy, edit, llmc, root};

/// A stack with two versions of a prompt, both pinned.
fn pinned() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("tests/checks/LLMC-L001/good"), folder.path());
    folder
}

fn lock_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("llmc.lock")).expect("a lock")
}

fn pin(folder: &Path) -> crate::harness::Run {
    llmc(folder, &["prompt", "pin", "stack.kdl"])
}

/// Another prompt with its route, so that two branches may pin one each.
fn with_prompt(spec: &Path, name: &str) {
    let block = format!(
        "    prompt \"{name}\" {{\n        variable \"question\" max-tokens=100\n        version \"v1\" {{\n            user file=\"chat.md\"\n            sampling temperature=0.1 max-tokens=64\n        }}\n        live \"v1\"\n        rollback \"v1\"\n    }}\n    route \"{name}\" {{\n        prompt \"{name}\"\n        model \"llama-8b\"\n    }}\n"
    );
    let text = fs::read_to_string(spec).expect("a spec");
    // Each block goes where its name sorts, as a person would put it.
    let at = if name < "chat" { text.find("    prompt \"chat\"").expect("a prompt") } else { text.rfind('}').expect("an end") };
    fs::write(spec, format!("{}{block}{}", &text[..at], &text[at..])).expect("written");
}

#[test]
fn pinning_again_changes_nothing_and_more_keeps_what_is_there() {
    let folder = pinned();
    let before = lock_of(folder.path());
    let run = pin(folder.path());
    assert_eq!((run.code, lock_of(folder.path())), (0, before.clone()), "{}", run.stderr);
    assert!(run.stdout.contains("everything that is live is pinned"), "{}", run.stdout);
    with_prompt(&folder.path().join("stack.kdl"), "mail");
    let check = llmc(folder.path(), &["prompt", "pin", "--check", "stack.kdl"]);
    assert!(check.code == 1 && check.stderr.contains("not pinned: mail@v1 (live)"), "{}", check.stderr);
    assert_eq!(lock_of(folder.path()), before, "--check writes nothing");
    // An error that concerns no prompt is no reason to wait.
    edit(&folder.path().join("stack.kdl"), "a100-80gb-sxm", "a1000");
    let run = pin(folder.path());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (old, new) = (read(&before).expect("a lock"), read(&lock_of(folder.path())).expect("a lock"));
    assert_eq!(old.prompts["chat"], new.prompts["chat"]);
    assert_eq!(new.prompts["mail"]["v1"].parent, None);
}

/// A new version stands behind the one that it takes the place of.
#[test]
fn a_version_knows_which_one_was_live_before_it() {
    let folder = pinned();
    let spec = folder.path().join("stack.kdl");
    let v10 = "version \"v10\" {\n            user file=\"chat.md\"\n            sampling temperature=0.9 max-tokens=512\n        }\n        live";
    edit(&spec, "live \"v1\"", &format!("{v10} \"v10\""));
    edit(&spec, "rollback \"v1\"", "rollback \"v2\"");
    assert_eq!(pin(folder.path()).code, 0);
    let lock = read(&lock_of(folder.path())).expect("a lock");
    assert_eq!(lock.prompts["chat"]["v10"].parent.as_deref(), Some("v2"));
}

#[test]
fn a_changed_version_is_found_with_the_next_name() {
    let folder = pinned();
    fs::write(folder.path().join("chat.md"), "Answer in one sentence: {{ question }}\n").expect("written");
    let before = lock_of(folder.path());
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    assert!(run.code == 1 && run.stderr.contains("`chat@v1` is pinned and was changed: the text of `user`"), "{}", run.stderr);
    assert!(run.stderr.contains("make it in a new `version \"v3\"`"), "v2 is taken: {}", run.stderr);
    let run = pin(folder.path());
    assert!(run.code == 1 && run.stderr.contains("LLMC-L002"), "{}", run.stderr);
    assert_eq!(lock_of(folder.path()), before);
    // Line ends and composed accents are no change.
    fs::write(folder.path().join("chat.md"), "{{ question }}\r\n\r\n").expect("written");
    assert_eq!(llmc(folder.path(), &["check", "stack.kdl"]).code, 0);
    edit(&folder.path().join("stack.kdl"), "0e9e39f249a16976918f6564b8830bc894c89659", &"0".repeat(40));
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    assert!(run.stderr.contains("`model` meta-llama/Llama-3.1-8B-Instruct@0e9e39f2"), "{}", run.stderr);
    assert!(run.stderr.contains("{ model \"…\" }"), "{}", run.stderr);
}

/// A stack whose model has a tokenizer of its own, with everything pinned.
#[cfg(feature = "tokenizers")]
fn tokenized() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("tests/checks/LLMC-P010/good"), folder.path());
    let run = pin(folder.path());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let digest = "6c4053d3f7eea11ce712a2ac533301b9070366801b640744da6d64315034f531";
    assert!(lock_of(folder.path()).contains(&format!("by: tokenizer:{digest}")), "{}", lock_of(folder.path()));
    folder
}

/// The digest in the spec says what the counts in the lock were made with, so the file itself is not asked.
#[test]
#[cfg(feature = "tokenizers")]
fn a_pinned_prompt_needs_no_tokenizer() {
    let folder = tokenized();
    let (tokenizer, lock) = (folder.path().join("tokenizers/llama.json"), folder.path().join("llmc.lock"));
    let found = |code: i32, has: &[&str], has_not: &[&str]| {
        let run = llmc(folder.path(), &["compile", "stack.kdl", "--out", "out"]);
        let are_there = |words: &[&str]| words.iter().map(|words| run.stderr.contains(words)).collect::<Vec<_>>();
        assert_eq!(
            (run.code, are_there(has), are_there(has_not)),
            (code, vec![true; has.len()], vec![false; has_not.len()]),
            "{}",
            run.stderr
        );
    };
    fs::write(&tokenizer, "{}").expect("written");
    found(0, &[], &["LLMC-P010"]);
    // Without the pin the same file is refused: it was there to be read.
    let pins = lock_of(folder.path());
    fs::remove_file(&lock).expect("removed");
    found(1, &["LLMC-P010", "is another one: its SHA-256 is"], &[]);
    fs::write(&lock, pins).expect("written");
    fs::remove_file(&tokenizer).expect("removed");
    found(0, &[], &["LLMC-P010"]);
    // Line ends change no identity, and may change tokens.
    fs::write(folder.path().join("chat.md"), "The question: {{ question }}\r\n").expect("written");
    found(1, &["LLMC-P010", "does not know the tokens of `chat@v1`"], &["LLMC-L002"]);
    fs::write(folder.path().join("chat.md"), "One question: {{ question }}\n").expect("written");
    found(1, &["LLMC-P010", "does not know the tokens of `chat@v1`", "LLMC-L002"], &[]);
}

/// Counts are under the seal, so a pin that has none stays as it is, and its tokens are counted each time.
#[test]
#[cfg(feature = "tokenizers")]
fn a_pin_without_counts_stays_without() {
    let folder = tokenized();
    let mut lock = read(&lock_of(folder.path())).expect("a lock");
    let one = lock.prompts.get_mut("chat").and_then(|pins| pins.get_mut("v1")).expect("a pin");
    one.routes.values_mut().for_each(|on_route| on_route.tokens = None);
    one.seal = identity::seal("chat", "v1", one);
    let without = write(&lock).expect("it is written");
    fs::write(folder.path().join("llmc.lock"), &without).expect("written");
    let run = pin(folder.path());
    assert_eq!((run.code, lock_of(folder.path())), (0, without), "{}", run.stderr);
    assert_eq!(llmc(folder.path(), &["check", "stack.kdl"]).code, 0);
    fs::remove_file(folder.path().join("tokenizers/llama.json")).expect("removed");
    let run = llmc(folder.path(), &["check", "stack.kdl"]);
    assert!(run.code == 1 && run.stderr.contains("LLMC-P010"), "{}", run.stderr);
}

/// Git itself merges what two branches pinned, where they did it for two prompts.
#[test]
fn git_merges_the_pins_of_two_branches() {
    let folder = pinned();
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder.path()).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(args);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("git").success()
    };
    assert!(git(&["init", "-q", "-b", "main"]) && git(&["add", "-A"]) && git(&["commit", "-qm", "base"]));
    for (branch, prompt) in [("one", "agent"), ("two", "mail"), ("three", "mails")] {
        assert!(git(&["checkout", "-qb", branch, "main"]));
        with_prompt(&folder.path().join("stack.kdl"), prompt);
        assert_eq!(pin(folder.path()).code, 0);
        assert!(git(&["commit", "-qam", branch]));
    }
    assert!(git(&["checkout", "-q", "one"]) && git(&["merge", "-q", "--no-edit", "two"]), "two prompts merge");
    let lock = read(&lock_of(folder.path())).expect("a lock");
    assert_eq!(lock.prompts.keys().collect::<Vec<_>>(), ["agent", "chat", "mail"]);
    assert_eq!(llmc(folder.path(), &["check", "stack.kdl"]).code, 0);
    // Two that were added at one place do not, and llmc leaves the markers to a person.
    assert!(!git(&["merge", "-q", "--no-edit", "three"]), "a conflict");
    let torn = lock_of(folder.path());
    assert!(git(&["checkout", "--ours", "stack.kdl"]));
    let run = pin(folder.path());
    assert!(run.code == 1 && run.stderr.contains("LLMC-L003") && run.stderr.contains("a merge left a conflict here"), "{}", run.stderr);
    assert_eq!(lock_of(folder.path()), torn, "never rewritten");
}

/// Bytes that changed and lines that went: each is found, or changed nothing that the lock says.
#[test]
fn no_damage_goes_unseen() {
    let text = fs::read_to_string(root().join("stacks/customer-support/llmc.lock")).expect("a lock");
    let whole = read(&text).expect("a lock");
    let (mut seed, mut found) = (0x9E37_79B9_7F4A_7C15_u64, 0);
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below
    };
    for round in 0..300 {
        let mut bytes = text.clone().into_bytes();
        match round % 4 {
            0 => {
                let at = next(bytes.len());
                bytes[at] = u8::try_from(32 + next(95)).expect("ASCII");
            }
            1 => {
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                let gone = next(lines.len());
                let count = 1 + next(4);
                bytes = lines
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| !(gone..gone + count).contains(at))
                    .map(|(_, line)| *line)
                    .collect::<String>()
                    .into();
            }
            2 => bytes.truncate(next(bytes.len())),
            _ => {
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                let (from, to) = (next(lines.len()), next(lines.len()));
                lines.swap(from, to);
                bytes = lines.concat().into();
            }
        }
        let damaged = String::from_utf8(bytes).expect("ASCII");
        match read(&damaged) {
            Ok(lock) => assert_eq!(lock, whole, "round {round}:\n{damaged}"),
            Err(faults) => {
                assert!(!faults.is_empty(), "round {round}");
                found += 1;
            }
        }
    }
    assert!(found > 200, "only {found} of 300 were found");
}

/// What no text file may be is a finding of the lock, and is left as it is.
#[test]
fn a_broken_lock_is_never_rewritten() {
    let whole = fs::read_to_string(pinned().path().join("llmc.lock")).expect("a lock");
    let newer = whole.replace("format: 1", "format: 2");
    let twice = whole.replace("# end of llmc.lock", "format: 1\n# end of llmc.lock");
    let cases: [(&[u8], &str); 6] = [
        (b"", "it is empty"),
        (b"\xB0\xA1", "is not UTF-8"),
        (&vec![b'#'; 1024 * 1024 + 1], "is larger than 1024 KiB"),
        (newer.as_bytes(), "version 2 of the format"),
        (twice.as_bytes(), "is given twice"),
        (whole.trim_end().trim_end_matches("llmc.lock").as_bytes(), "it is cut short"),
    ];
    for (content, words) in cases {
        let folder = pinned();
        let lock = folder.path().join("llmc.lock");
        fs::write(&lock, content).expect("written");
        let run = pin(folder.path());
        assert!(run.code == 1 && run.stderr.contains("LLMC-L003") && run.stderr.contains(words), "{words}: {}", run.stderr);
        assert_eq!(fs::read(&lock).expect("a file"), content, "{words}");
    }
    let folder = pinned();
    fs::remove_file(folder.path().join("llmc.lock")).expect("removed");
    std::os::unix::fs::symlink("nowhere", folder.path().join("llmc.lock")).expect("a link");
    let run = pin(folder.path());
    assert!(run.code == 1 && run.stderr.contains("LLMC-L003"), "{}", run.stderr);
}

/// Many at once and some of them killed: the lock is the old one or the new one.
#[test]
fn killed_and_concurrent_pins_leave_a_whole_lock() {
    let folder = pinned();
    fs::remove_file(folder.path().join("llmc.lock")).expect("removed");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmc"));
        command.current_dir(folder.path()).args(["prompt", "pin", "stack.kdl"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("llmc starts")
    };
    for milliseconds in [0, 5, 20, 60, 150] {
        let mut child = start();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        drop(child.kill());
        child.wait().expect("it ended");
        if let Ok(text) = fs::read_to_string(folder.path().join("llmc.lock")) {
            assert!(read(&text).is_ok_and(|lock| lock.prompts["chat"].len() == 1), "{text}");
        }
    }
    let children: Vec<_> = (0..3).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().expect("it ended").success());
    }
    assert_eq!(read(&lock_of(folder.path())).expect("a lock").prompts["chat"].len(), 1);
}

/// Any text: names, models and stop texts come from people.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z0-9-]{1,8}", Just("v1".to_owned()), Just("no".into()), Just("1e3".into()), Just("\u{202E}x".into())]
}

/// A name: one with a character that no reader of the lock accepts is refused, and nothing is written.
fn name() -> impl Strategy<Value = String> {
    text().prop_filter("it can be written", |name| !name.contains(llmc::diagnostic::is_bidirectional_control))
}

fn a_pin() -> impl Strategy<Value = Pin> {
    let sampling = (0.0..2.0_f64, 0.001..1.0_f64, 1..1_000_000_u64, any::<Option<u64>>(), proptest::collection::vec(text(), 0..3))
        .prop_map(|(temperature, top_p, max_tokens, seed, stop)| Sampling { temperature, top_p, max_tokens, seed, stop });
    let a_use = (text(), any::<bool>()).prop_map(|(model, is_guarded)| Use {
        sha256: String::new(),
        model,
        guardrails: is_guarded.then(|| "ab".repeat(32)),
        tokens: None,
    });
    (any::<bool>(), sampling, proptest::collection::btree_map(name(), a_use, 0..3)).prop_map(|(has_system, sampling, routes)| Pin {
        parent: None,
        system: has_system.then(|| "cd".repeat(32)),
        user: "ef".repeat(32),
        sampling,
        routes,
        seal: String::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(
        prompts in proptest::collection::btree_map(name(), proptest::collection::btree_map(name(), a_pin(), 1..3), 1..3)
    ) {
        let mut lock = Lock { format: FORMAT, prompts };
        for (prompt, pins) in &mut lock.prompts {
            for (version, pin) in pins {
                let hashes: BTreeMap<String, String> = pin.routes.iter().map(|(route, one)| (route.clone(), identity::version(pin, one))).collect();
                pin.routes.iter_mut().for_each(|(route, one)| one.sha256.clone_from(&hashes[route]));
                pin.seal = identity::seal(prompt, version, pin);
            }
        }
        let text = write(&lock).expect("it is written");
        assert_eq!(read(&text).expect("a lock"), lock);
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || llmc::diagnostic::is_bidirectional_control(c))), "{text:?}");
    }
}
