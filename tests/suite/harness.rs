//! Running `llmc` and the judges the same way everywhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The stacks that the repository ships, by name.
pub fn example_stacks() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("stacks"))
        .expect("the folder of the example stacks")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a UTF-8 name"))
        .collect();
    names.sort();
    assert!(names.len() >= 3, "the example stacks are gone");
    names
}

/// The example stack `name` with every reference bound and every default filled in.
pub fn resolved(name: &str) -> llmc::stack::Stack {
    let files = ["stack.kdl", "stack.yaml"].map(|file| root().join("stacks").join(name).join(file));
    let file = files.iter().find(|file| file.is_file()).expect("a spec");
    llmc::compile::compile(file, "stack", &llmc::policy::Policies::shipped()).stack.expect("the example resolves")
}

/// What the change from `old` to `new` does to cost, as the records in both say.
pub fn cost_change(old: &llmc::emit::Tree, new: &llmc::emit::FileSet) -> Option<llmc::pricing::CostChange> {
    use llmc::pricing::{Base, change, read};
    let record = llmc::plan::recorded(old);
    let base = match &record {
        Some(record) => Base::Record(record),
        None if old.files.is_empty() => Base::Absent,
        None => Base::Unreadable,
    };
    let texts = llmc::source::Folder::in_memory([]);
    let new = new.get("stack.json").map(|text| read(&serde_json::from_str(text).expect("JSON")).expect("a spec").0);
    change(base, new.as_ref().map(|spec| (spec, &texts)))
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `llmc` in `folder`, with nothing of this process's environment that could change it.
pub fn llmc(folder: &Path, args: &[&str]) -> Run {
    llmc_with(folder, args, &[])
}

/// The day on which the tests are run, 2026-11-23, so that no price grows old while they stay the same.
pub const TODAY: (&str, &str) = ("SOURCE_DATE_EPOCH", "1795392000");

/// As [`llmc`], with extra environment variables.
pub fn llmc_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmc"));
    command.current_dir(folder).args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs([TODAY]).envs(environment.iter().copied());
    finish(command.output().expect("llmc starts"))
}

/// Turns a finished process into its parts.
pub fn finish(output: Output) -> Run {
    Run {
        code: output.status.code().expect("ended by itself, not by a signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
    }
}

/// Folder that holds the installed judges.
pub fn judges() -> PathBuf {
    std::env::var_os("LLMC_JUDGES").map_or_else(|| root().join(".judges"), PathBuf::from)
}

/// Runs the judge `name` (`tests/judges/<name>/judge`) with `args` and `input`.
///
/// A judge that is not installed, or that cannot run, fails the test: it never says yes.
pub fn judge(name: &str, args: &[&str], input: &str) -> Run {
    use std::io::Write;
    let script = root().join("tests/judges").join(name).join("judge");
    assert!(judges().join(name).is_dir(), "the judge `{name}` is not installed; run tests/judges/install");
    let mut child = Command::new(script)
        .args(args)
        .current_dir(root())
        .env("LLMC_JUDGES", judges())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the judge starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let run = finish(child.wait_with_output().expect("the judge ends"));
    writer.join().expect("the judge was fed");
    assert!(run.code == 0 || run.code == 1, "the judge `{name}` could not run:\n{}\n{}", run.stdout, run.stderr);
    run
}

/// Every file below `folder` by its path there, with its content.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below the folder").to_str().expect("a UTF-8 name").to_owned();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// As [`tree`], of files that are text.
pub fn texts(folder: &Path) -> BTreeMap<String, String> {
    tree(folder).into_iter().map(|(path, content)| (path, String::from_utf8(content).expect("UTF-8"))).collect()
}

/// Copies every file below `from` to the same path below `to`.
pub fn copy(from: &Path, to: &Path) {
    for (path, content) in tree(from) {
        let target = to.join(path);
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::write(target, content).expect("written");
    }
}

/// Writes the lock beside `spec` anew, as if what it says now had never been anything else; nothing where there is
/// none, or where nothing differs from it.
pub fn pin_anew(spec: &Path) {
    let lock = spec.with_file_name(llmc::lock::LOCK_FILE);
    if !lock.is_file() {
        return;
    }
    let resolved = || llmc::compile::compile(spec, "stack", &llmc::policy::Policies::shipped()).stack.expect("a stack");
    let stack = resolved();
    if llmc::lock::changed(&stack).is_empty() && llmc::lock::unpinned(&stack).is_empty() {
        return;
    }
    fs::remove_file(&lock).expect("removed");
    let pinned = llmc::lock::pin(&resolved(), |_, _, _, _| None);
    fs::write(&lock, llmc::lock::write(&pinned.lock).expect("a lock")).expect("written");
}

/// Compiles `spec`, a spec file or a folder of them, into folders below `out`.
pub fn compile(spec: &Path, out: &Path) {
    let run = llmc(root(), &["compile", spec.to_str().expect("UTF-8"), "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

/// A document as YAML 1.2.
pub fn yaml(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A repository below a folder of its own, with the stack that `llmc init` writes under each of `names`.
pub fn repository(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let run = llmc(folder.path(), &["init", name]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    folder
}

/// Replaces `from`, which must stand there, by `to` in a file.
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a text");
    assert!(text.contains(from), "{from} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).expect("written");
}

/// Runs `git` in `folder` as nobody in particular.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]);
    command.args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]).args(args);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    let run = finish(command.output().expect("git starts"));
    assert_eq!(run.code, 0, "git {args:?}: {}", run.stderr);
    run.stdout
}

/// Random numbers that a seed repeats (Steele, Lea and Flood, OOPSLA 2014: SplitMix64).
pub struct Random(u64);

impl Random {
    /// Those of `LLMC_SEED`, else of `seed`, and the seed.
    pub fn new(seed: u64) -> (u64, Self) {
        let seed = std::env::var("LLMC_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
        (seed, Self(seed))
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.bits() % count as u64) as usize
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Between `low` and `high`, as often in each power of ten.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }
}
