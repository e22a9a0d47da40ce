//! `llmc apply` killed at any moment, on a full disk, in a read-only folder, beside itself, and between
//! random pairs of stacks: the old tree or the new one, and the next run heals.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::harness::{edit, finish, llmc, tree};

type Files = BTreeMap<String, Vec<u8>>;

/// Number of times that a run is killed.
const KILLS: u64 = 200;

/// Starts `llmc` in `here` and does not wait.
fn start(here: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmc"));
    command.current_dir(here).args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("llmc starts")
}

/// The trees that the specs of `here` compile to.
fn compiled(here: &Path) -> Files {
    let out = tempfile::tempdir().unwrap();
    let run = llmc(here, &["compile", "--out", out.path().to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    tree(out.path())
}

/// The files of one stack.
fn of(files: &Files, stack: &str) -> Files {
    files.iter().filter(|(path, _)| path.starts_with(&format!("{stack}/"))).map(|(path, text)| (path.clone(), text.clone())).collect()
}

/// Names of the folders that a run writes in, left over or not.
fn staging(here: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(here.join("generated")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with(".llmc")).collect()
}

/// Whether a run writes that began after `before` was left over.
fn is_writing(here: &Path, before: &BTreeSet<OsString>) -> bool {
    staging(here).difference(before).next().is_some()
}

/// Waits until a run begins to write, or ends.
fn wait_until_writing(here: &Path, before: &BTreeSet<OsString>, child: &mut Child) {
    while !is_writing(here, before) && child.try_wait().unwrap().is_none() {}
}

/// A repository with two specs in two states, `0` and `1`.
struct Flip {
    folder: tempfile::TempDir,
    trees: [Files; 2],
}

const WORDS: [(&str, &str); 2] = [("llama-8b", "max-model-len=8192"), ("llama-small", "max-model-len=4096")];

impl Flip {
    fn new() -> Self {
        // In memory where there is such a folder: hundreds of runs would wait for the disk.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() };
        for name in ["one", "two"] {
            assert_eq!(llmc(folder.path(), &["init", name]).code, 0);
        }
        let mut flip = Self { folder, trees: [Files::new(), Files::new()] };
        let first = compiled(flip.here());
        flip.turn(1);
        flip.trees = [first, compiled(flip.here())];
        flip.turn(0);
        flip
    }

    fn here(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the specs into the state `to`, from the other one.
    fn turn(&self, to: usize) {
        for stack in ["one", "two"] {
            let spec = self.here().join("stacks").join(stack).join("stack.kdl");
            let ((name, length), (new_name, new_length)) = (WORDS[1 - to], WORDS[to]);
            edit(&spec, name, new_name);
            edit(&spec, length, new_length);
        }
    }

    /// The tree of each stack is one of the two, whole. Which it is of each.
    fn states(&self) -> [usize; 2] {
        let mut standing = tree(&self.here().join("generated"));
        standing.retain(|path, _| !path.starts_with(".llmc"));
        let files = standing.len();
        let states = ["one", "two"].map(|stack| {
            let now = of(&standing, stack);
            (0..2).find(|state| of(&self.trees[*state], stack) == now).unwrap_or_else(|| panic!("{stack} is half a tree: {:?}", now.keys()))
        });
        assert_eq!(files, of(&standing, "one").len() + of(&standing, "two").len(), "a file of no stack: {:?}", standing.keys());
        states
    }
}

#[test]
fn killed_at_any_moment_the_old_tree_or_the_new_one_stands() {
    let flip = Flip::new();
    let here = flip.here();
    let mut state = 0;
    // How long a run takes, and how long of that it writes.
    let mut timed = || {
        let started = Instant::now();
        let before = staging(here);
        let mut child = start(here, &["apply"]);
        wait_until_writing(here, &before, &mut child);
        let writes = Instant::now();
        assert!(child.wait().unwrap().success());
        state = 1 - state;
        flip.turn(state);
        (started.elapsed(), writes.elapsed())
    };
    let times: Vec<(Duration, Duration)> = (0..4).map(|_| timed()).collect();
    let whole = times.iter().map(|(whole, _)| *whole).min().unwrap();
    let writing = times.iter().map(|(_, writing)| *writing).min().unwrap();
    // A small generator of its own, so that a failure can be repeated.
    let mut seed = 0x2545_F491_4F6C_DD17_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below.max(1)
    };
    let mut counts = BTreeMap::new();
    for round in 0..KILLS {
        // Each run has something to write: whatever stands, the specs are in the other state.
        let stands = flip.states();
        if stands == [state, state] {
            state = 1 - state;
            flip.turn(state);
        }
        let before = staging(here);
        let mut child = start(here, &["apply"]);
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_nanos(random(whole.as_nanos() as u64)));
        } else {
            // The other half falls into the time in which it writes.
            wait_until_writing(here, &before, &mut child);
            std::thread::sleep(Duration::from_nanos(random(writing.as_nanos() as u64)));
        }
        let was_running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        drop(child.wait());
        let after = flip.states();
        let key = match (was_running, is_writing(here, &before), after.iter().filter(|s| **s == state).count()) {
            (false, _, _) => "ended before",
            (true, true, _) => "killed while writing",
            (true, false, 0) => "killed before writing",
            (true, false, _) => "killed after writing",
        };
        *counts.entry(key).or_insert(0) += 1;
    }
    assert!(
        counts.get("killed while writing").is_some_and(|count| *count >= KILLS / 20),
        "hardly any run was hit: {counts:?}; one takes {whole:?} and writes for {writing:?}"
    );
    let run = llmc(here, &["apply"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(flip.states(), [state, state]);
    assert_eq!(llmc(here, &["apply"]).stdout, "nothing to change\n");
    assert!(staging(here).is_empty(), "a staging folder was left");
}

#[test]
fn runs_at_once_wait_for_each_other() {
    let flip = Flip::new();
    for (state, runs) in [(0, 2), (1, 8)] {
        if state == 1 {
            flip.turn(1);
        }
        let children: Vec<Child> = (0..runs).map(|_| start(flip.here(), &["apply"])).collect();
        for child in children {
            let run = finish(child.wait_with_output().unwrap());
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
        assert_eq!(flip.states(), [state, state]);
        assert!(staging(flip.here()).is_empty());
    }
}

#[test]
fn a_lock_that_somebody_keeps_is_named() {
    let flip = Flip::new();
    let here = flip.here();
    fs::create_dir_all(here.join("generated")).unwrap();
    let folder = fs::File::open(here.join("generated")).unwrap();
    folder.lock().unwrap();
    let run = llmc(here, &["apply", "--lock-timeout", "2"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    for words in ["waiting for another llmc that writes below `generated`", "still writes below `generated` after 2 s"] {
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    let mut child = start(here, &["apply"]);
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("waiting for another llmc"), "{said}");
    drop(folder);
    let run = finish(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(flip.states(), [0, 0]);
}

/// What is left of a run that was killed between the two renames of a file system that cannot
/// exchange folders.
#[test]
fn a_tree_that_was_put_aside_comes_back() {
    let flip = Flip::new();
    let here = flip.here();
    assert_eq!(llmc(here, &["apply"]).code, 0);
    fs::write(here.join("generated/one/mine.txt"), "mine").unwrap();
    let aside = here.join("generated/.llmc-staging-one-AbC123");
    fs::create_dir(&aside).unwrap();
    fs::rename(here.join("generated/one"), aside.join("old")).unwrap();
    flip.turn(1);
    // What was planned is a tree from nothing; the next run sees what stands.
    let first = llmc(here, &["apply"]);
    assert!(matches!(first.code, 0 | 1), "{}", first.stderr);
    assert_eq!(fs::read_to_string(here.join("generated/one/mine.txt")).unwrap(), "mine");
    assert_eq!(llmc(here, &["apply"]).code, 0);
    fs::remove_file(here.join("generated/one/mine.txt")).unwrap();
    assert_eq!((flip.states(), staging(here).len()), ([1, 1], 0));
}

/// A folder on a disk of its own that is nearly full, where one can be mounted; else runs whose files
/// may hold next to nothing.
#[test]
fn on_a_full_disk_the_old_tree_stands() {
    let flip = Flip::new();
    let here = flip.here();
    assert_eq!(llmc(here, &["apply"]).code, 0);
    flip.turn(1);
    let llmc_path = env!("CARGO_BIN_EXE_llmc");
    let bytes: usize = tree(&here.join("generated")).values().map(|text| text.len().div_ceil(4096) * 4096).sum();
    // In a mount namespace of its own: nothing is left to unmount.
    let disk = format!(
        "mount -t tmpfs -o size={} none disk && cp -r stacks generated disk/ && cd disk && head -c 1G /dev/zero > filler 2>/dev/null; \
         {llmc_path} apply; echo code $?; rm filler; mkdir ../after; cp -a generated ../after/; {llmc_path} apply; echo code $?; cp -a generated ../healed",
        bytes * 3
    );
    fs::create_dir(here.join("disk")).unwrap();
    let shell = |program: &[&str], script: &str| {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(script).current_dir(here).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        finish(command.output().expect("a shell starts"))
    };
    let can_mount = shell(&["unshare", "-rm", "sh", "-c"], "mount -t tmpfs none disk").code == 0;
    if can_mount {
        let run = shell(&["unshare", "-rm", "sh", "-c"], &disk);
        assert!(run.stdout.contains("code 1") && run.stdout.contains("code 0"), "{}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("No space left on device"), "{}", run.stderr);
        assert!(run.stderr.contains("not written: ") && run.stderr.contains("run the command again"), "{}", run.stderr);
        let after = tree(&here.join("after/generated"));
        for stack in ["one", "two"] {
            let now = of(&after, stack);
            assert!(flip.trees.iter().any(|files| of(files, stack) == now), "{stack} is half a tree");
        }
        assert!(after.keys().all(|path| !path.starts_with(".llmc")), "a staging folder was left");
        assert_eq!(tree(&here.join("healed")), flip.trees[1], "the next run did not heal");
    }
    let run = shell(&["sh", "-c"], &format!("trap '' XFSZ; ulimit -f 1; exec {llmc_path} apply 2>&1 | head -c 100000"));
    assert!(run.stdout.contains("File too large"), "{}", run.stdout);
    assert_eq!((flip.states(), staging(here).len()), ([0, 0], 0));
    assert_eq!(llmc(here, &["apply"]).code, 0);
    assert_eq!(flip.states(), [1, 1]);
}

#[test]
fn in_a_read_only_folder_the_old_tree_stands() {
    let flip = Flip::new();
    let here = flip.here();
    assert_eq!(llmc(here, &["apply"]).code, 0);
    flip.turn(1);
    let script = |inner: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", inner]).current_dir(here).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        finish(command.output().expect("a shell starts"))
    };
    let llmc_path = env!("CARGO_BIN_EXE_llmc");
    // Root may write where permissions say no, but not where the mount does; others may not mount.
    let mount = "mount --bind generated generated && mount -o remount,bind,ro generated";
    let mounted = script(&format!("unshare -rm sh -c '{mount} && {llmc_path} apply'"));
    let run = if mounted.stderr.contains("generated") && !mounted.stderr.contains("mount:") && !mounted.stderr.contains("unshare:") {
        mounted
    } else {
        script(&format!("chmod a-w generated; {llmc_path} apply; code=$?; chmod u+w generated; exit $code"))
    };
    assert_eq!(run.code, 1, "nothing kept it from writing: {}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("cannot write `generated`") && run.stderr.contains("nothing was written"), "{}", run.stderr);
    assert_eq!(flip.states(), [0, 0]);
    assert_eq!(llmc(here, &["apply"]).code, 0);
    assert_eq!((flip.states(), staging(here).len()), ([1, 1], 0));
}

/// A stack in one of many shapes.
fn spec(models: &[bool; 3], length: u32, versions: usize, guardrails: bool, namespace: bool) -> String {
    let namespace = if namespace { "a" } else { "b" };
    let mut text = format!(
        "stack \"demo\" {{\n    namespace \"{namespace}\"\n    pool \"gpu\" {{\n        gpu \"l40s-48gb\"\n        nodes 4\n        gpus-per-node 2\n        price-per-gpu-hour 1.2\n    }}\n"
    );
    let names = ["x", "y", "z"].iter().zip(models).filter(|(_, there)| **there).map(|(name, _)| *name);
    for name in names {
        text += &format!(
            "    model \"{name}\" {{\n        source \"meta-llama/Llama-3.1-8B-Instruct\" revision=\"0e9e39f249a16976918f6564b8830bc894c89659\"\n        engine \"vllm\" version=\"0.32.0\"\n        place pool=\"gpu\"\n        serve max-model-len={length} max-num-seqs=32\n    }}\n"
        );
    }
    text += "    prompt \"p\" {\n        variable \"q\" max-tokens=100\n";
    for version in 1..=versions {
        text += &format!(
            "        version \"v{version}\" {{\n            user file=\"q.md\"\n            sampling temperature=0.{version} max-tokens=64\n        }}\n"
        );
    }
    text += &format!("        live \"v{versions}\"\n        rollback \"v{versions}\"\n    }}\n");
    if guardrails {
        text += "    guardrails \"g\" {\n        image \"registry.example.com/nemo-guardrails:0.24.1\"\n        input { block-pii \"email\"; }\n    }\n";
    }
    text + "}\n"
}

fn shapes() -> impl Strategy<Value = String> {
    (any::<[bool; 3]>(), 1024u32..8192, 1usize..4, any::<bool>(), any::<bool>()).prop_map(|(m, l, v, g, n)| spec(&m, l, v, g, n))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Applying the plan from one stack to another, on the tree of the first, gives exactly what the second
    /// compiles to, beside what somebody else put there.
    #[test]
    fn a_plan_from_any_stack_leads_to_any_other(a in shapes(), b in shapes(), foreign in prop::collection::btree_map("own/[a-z]{1,3}", "[a-z ]{0,9}", 0..3)) {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let path = here.join("stacks/demo/stack.kdl");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &a).unwrap();
        fs::write(path.with_file_name("q.md"), "{{ q }}\n").unwrap();
        let run = llmc(here, &["apply"]);
        prop_assert_eq!(run.code, 0, "{}\n{}", a, run.stderr);
        for (name, text) in &foreign {
            let file = here.join("generated/demo").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::write(&path, &b).unwrap();
        prop_assert_eq!(llmc(here, &["plan", "--out", "plan.json"]).code, 0);
        let run = llmc(here, &["apply", "plan.json"]);
        prop_assert_eq!(run.code, 0, "{}", run.stderr);
        let mut expected = compiled(here);
        expected.extend(foreign.into_iter().map(|(name, text)| (format!("demo/{name}"), text.into_bytes())));
        prop_assert_eq!(tree(&here.join("generated")), expected);
        for again in [&["apply", "plan.json"][..], &["apply"]] {
            prop_assert_eq!(llmc(here, again).stdout, "nothing to change\n");
        }
        prop_assert_eq!(llmc(here, &["plan", "--detailed-exitcode"]).code, 0);
    }
}
