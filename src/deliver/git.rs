//! What stands in a commit, read through the `git` command.
//!
//! Nothing is written: not the work tree, not the index, not a reference. Hooks, pagers, locks,
//! lazy fetches and the variables that turn `git` to another repository are switched off.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::{MAX_BYTES, MAX_FILES};
use super::process::{self, Fault, NoAnswer};
use crate::emit::{MANIFEST_FILE, Tree};

/// Variables that `git` reads and that would turn it to another repository, index or configuration:
/// `git rev-parse --local-env-vars` of Git 2.47, and those that start programs or change output.
const VARIABLES: [&str; 24] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_WORK_TREE",
];

/// Most bytes of a list that `git` prints.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// A commit that exists in the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

impl Commit {
    /// Its object name in hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// The Git repository that a folder lies in.
#[derive(Clone, Debug)]
pub struct Repository {
    /// The folder that was asked for.
    folder: PathBuf,
    /// Its path below the top of the work tree: empty, or with a `/` at the end.
    prefix: String,
    is_shallow: bool,
}

impl Repository {
    /// The repository that `folder` lies in.
    ///
    /// # Errors
    /// When there is none, when it is not trusted, or when `git` is not installed.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let shown = folder.display();
        let mut command = git(folder);
        let answer = command.args(["rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-prefix"]);
        let answer = text(run(answer, &[], MAX_LIST_BYTES)?).map_err(|words| {
            Fault(if words.contains("dubious ownership") {
                format!("git does not trust the repository of `{shown}`, which somebody else owns; if you do: git config --global --add safe.directory <its folder>")
            } else if words.contains("not a git repository") {
                format!("`{shown}` is in no Git repository, and a commit was asked for")
            } else {
                format!("git cannot read the repository of `{shown}`: {words}")
            })
        })?;
        match answer.split('\n').collect::<Vec<_>>().as_slice() {
            ["true", shallow, prefix, ..] => {
                Ok(Self { folder: folder.to_owned(), prefix: (*prefix).to_owned(), is_shallow: *shallow == "true" })
            }
            _ => Err(Fault(format!("`{shown}` is in no work tree of Git, and a commit was asked for"))),
        }
    }

    /// The commit that `reference` names: a branch, a tag, `origin/main`, `HEAD~1`.
    ///
    /// # Errors
    /// When there is none, with what to fetch.
    pub fn commit(&self, reference: &str) -> Result<Commit, Fault> {
        if reference.is_empty() || reference.starts_with('-') || reference.chars().any(char::is_control) {
            return Err(Fault(format!("`{reference}` is no name of a commit")));
        }
        let name = format!("{reference}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        let id = text(run(git(&self.folder).args(arguments), &[], MAX_LIST_BYTES)?).ok();
        let id = id.map(|id| id.trim().to_owned()).filter(|id| is_id(id));
        id.map(Commit).ok_or_else(|| {
            let branch = reference.strip_prefix("origin/").unwrap_or("BRANCH");
            let fix = format!("git fetch origin {branch}:refs/remotes/origin/{branch}");
            let fix = if self.is_shallow { format!("this clone is shallow; git fetch --unshallow, or {fix}") } else { fix };
            Fault(format!("no commit `{reference}` in this clone; if it is elsewhere: {fix}"))
        })
    }

    /// The commit that last changed the folder that this repository was opened at, as far as this
    /// clone goes back; none when it was never committed, or stands now as no commit has it.
    ///
    /// # Errors
    /// When `git` cannot say.
    pub fn last_change(&self) -> Result<Option<Commit>, Fault> {
        let ask = |arguments: &[&str]| {
            let answer = text(run(git(&self.folder).args(arguments).args(["--", "."]), &[], MAX_LIST_BYTES)?);
            answer.map_err(|words| Fault(format!("git cannot tell the last change of `{}`: {words}", self.folder.display())))
        };
        if !ask(&["status", "--porcelain", "--untracked-files=all"])?.is_empty() {
            return Ok(None);
        }
        let id = ask(&["log", "-1", "--format=%H"])?.trim().to_owned();
        Ok(is_id(&id).then_some(Commit(id)))
    }

    /// The compiled trees in `folder` (below the folder of this repository) as they stand in `commit`,
    /// by name: those that `wanted` chooses.
    ///
    /// # Errors
    /// When one holds something else than plain files, or more than any compile writes.
    pub fn trees(&self, commit: &Commit, folder: &str, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Tree>, Fault> {
        let mut entries = self.list(commit, folder)?;
        entries.retain(|entry| wanted(&entry.stack));
        if let Some(entry) = entries.iter().find(|entry| !entry.is_plain) {
            let (stack, path) = (&entry.stack, &entry.path);
            return Err(Fault(format!(
                "`{folder}/{stack}/{path}` of that commit is a symbolic link or a submodule; an output folder holds plain files"
            )));
        }
        let bytes = entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.size)).unwrap_or(u64::MAX);
        if bytes > MAX_BYTES || entries.len() > MAX_FILES {
            return Err(Fault(format!("`{folder}` of that commit holds more than {MAX_FILES} files or {} MiB", MAX_BYTES >> 20)));
        }
        let mut trees: BTreeMap<String, Tree> = BTreeMap::new();
        let contents = self.contents(&entries)?;
        for (entry, content) in entries.into_iter().zip(contents) {
            trees.entry(entry.stack).or_default().files.insert(entry.path, content);
        }
        Ok(trees)
    }

    /// Names of the folders in `folder` that a compile wrote, as they stand in `commit`.
    ///
    /// # Errors
    /// When the commit cannot be read.
    pub fn compiled_stacks(&self, commit: &Commit, folder: &str) -> Result<BTreeSet<String>, Fault> {
        let entries = self.list(commit, folder)?;
        Ok(entries.into_iter().filter(|entry| entry.path == MANIFEST_FILE).map(|entry| entry.stack).collect())
    }

    /// Paths below the folder of this repository that differ from the commit at which `HEAD` and
    /// `commit` part: committed since, changed in the work tree, or new there. Ignored files are among
    /// them. Paths outside of that folder are left out.
    ///
    /// # Errors
    /// When the two have no common commit, or the clone lacks it.
    pub fn changed_since(&self, commit: &Commit, reference: &str) -> Result<BTreeSet<String>, Fault> {
        let head = self.commit("HEAD")?;
        let base = run(git(&self.folder).args(["merge-base", "--end-of-options", &commit.0, &head.0]), &[], MAX_LIST_BYTES)?;
        let base = text(base).ok().and_then(|ids| ids.lines().next().map(str::to_owned)).filter(|id| is_id(id));
        let base = base.ok_or_else(|| {
            Fault(if self.is_shallow {
                format!("this clone is shallow and lacks the commit at which `{reference}` and HEAD part; run: git fetch --unshallow (or --deepen=N)")
            } else {
                format!("`{reference}` and HEAD have no commit in common, so nothing can be said to have changed since")
            })
        })?;
        let diff =
            ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative", "--end-of-options", &base, "--"];
        let new = ["ls-files", "--others", "-z", "--", "."];
        let mut paths = BTreeSet::new();
        // Comparing writes what it learned about unchanged files into the index, so it gets a copy.
        let index = self.copy_of_index()?;
        for arguments in [&diff[..], &new[..]] {
            let list = run(git(&self.folder).env("GIT_INDEX_FILE", index.path()).args(arguments), &[], MAX_LIST_BYTES)?;
            let list = list.map_err(|words| Fault(format!("git cannot say what changed since `{reference}`: {words}")))?;
            // A name that is not UTF-8 cannot be a spec's; its folder still counts.
            paths.extend(list.split(|byte| *byte == 0).filter(|p| !p.is_empty()).map(|p| String::from_utf8_lossy(p).into_owned()));
        }
        Ok(paths)
    }

    /// A copy of the index, as old as the index: a file that changed in the second in which it was
    /// recorded, at the same size, is known by the index not being younger than the file.
    fn copy_of_index(&self) -> Result<tempfile::NamedTempFile, Fault> {
        let failed = |error: std::io::Error| Fault(format!("cannot copy Git's index to compare with it: {error}"));
        let path = text(run(git(&self.folder).args(["rev-parse", "--path-format=absolute", "--git-path", "index"]), &[], MAX_LIST_BYTES)?);
        let path = path.map_err(|words| Fault(format!("git cannot say where its index is: {words}")))?;
        let copy = tempfile::NamedTempFile::new().map_err(failed)?;
        let path = path.trim_end_matches('\n');
        std::fs::copy(path, copy.path()).map_err(failed)?;
        let modified = std::fs::metadata(path).and_then(|index| index.modified()).map_err(failed)?;
        copy.as_file().set_modified(modified).map_err(failed)?;
        Ok(copy)
    }

    /// The address of the remote `origin`, without a password in it.
    ///
    /// # Errors
    /// When there is no such remote.
    fn origin(&self) -> Result<String, Fault> {
        let url = text(run(git(&self.folder).args(["remote", "get-url", "origin"]), &[], MAX_LIST_BYTES)?);
        let url = url.map_err(|_| Fault("this repository has no remote `origin`".to_owned()))?;
        Ok(without_user(url.trim()))
    }

    /// The repository that `origin` points at, as `owner/name`.
    ///
    /// # Errors
    /// When there is no such remote, or its address has no owner and name.
    pub fn owner_and_name(&self) -> Result<String, Fault> {
        let url = self.origin()?;
        owner_and_name(&url).ok_or_else(|| Fault(format!("the remote `origin` (`{url}`) has no owner and name as in `owner/name`")))
    }

    fn list(&self, commit: &Commit, folder: &str) -> Result<Vec<Entry>, Fault> {
        let tree = format!("{}:{}{folder}", commit.0, self.prefix);
        let found = run(git(&self.folder).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &tree]), &[], MAX_LIST_BYTES)?;
        let Some(id) = text(found).ok().map(|id| id.trim().to_owned()).filter(|id| is_id(id)) else { return Ok(Vec::new()) };
        let list = run(git(&self.folder).args(["ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", &id]), &[], MAX_LIST_BYTES)?;
        let list = list.map_err(|words| Fault(format!("git cannot list `{folder}` of `{}`: {words}", commit.0)))?;
        let fault = || Fault(format!("git listed `{folder}` of `{}` in a form that llmc does not know", commit.0));
        let mut entries = Vec::new();
        for line in list.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line).map_err(|_| Fault(format!("a name in `{folder}` of `{}` is not UTF-8", commit.0)))?;
            entries.extend(Entry::of(line).ok_or_else(fault)?);
        }
        Ok(entries)
    }

    /// The content of every entry, in their order.
    fn contents(&self, entries: &[Entry]) -> Result<Vec<Vec<u8>>, Fault> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let names: String = entries.iter().map(|entry| format!("{}\n", entry.id)).collect();
        let answer = run(git(&self.folder).args(["cat-file", "--batch"]), names.as_bytes(), 2 * MAX_BYTES)?;
        let answer = answer.map_err(|words| Fault(format!("git cannot read files of a commit: {words}")))?;
        let mut rest = answer.as_slice();
        let mut contents = Vec::new();
        for entry in entries {
            let content = next_object(&mut rest, entry).ok_or_else(|| {
                Fault(format!(
                    "git did not give the content of `{}/{}`; a partial clone lacks it: git fetch --refetch --no-filter",
                    entry.stack, entry.path
                ))
            })?;
            contents.push(content);
        }
        Ok(contents)
    }
}

/// A file of a commit.
struct Entry {
    /// First folder of its path.
    stack: String,
    /// Path below that folder.
    path: String,
    id: String,
    size: u64,
    is_plain: bool,
}

impl Entry {
    /// Reads a line of `ls-tree -l`: `mode SP type SP id SP+ size TAB path`. A file that is in no folder
    /// is none.
    fn of(line: &str) -> Option<Option<Self>> {
        let (head, path) = line.split_once('\t')?;
        let [mode, kind, id, size] = head.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return None };
        let Some((stack, path)) = path.split_once('/') else { return Some(None) };
        let is_plain = kind == "blob" && matches!(mode, "100644" | "100755" | "100664");
        let size = if kind == "blob" { size.parse().ok()? } else { 0 };
        is_id(id).then(|| Some(Self { stack: stack.to_owned(), path: path.to_owned(), id: id.to_owned(), size, is_plain }))
    }
}

/// Takes `<id> blob <size>\n<content>\n` from the front of `rest`.
fn next_object(rest: &mut &[u8], entry: &Entry) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&rest[..end]).ok()?;
    if header != format!("{} blob {}", entry.id, entry.size) {
        return None;
    }
    let start = end + 1;
    let stop = start.checked_add(usize::try_from(entry.size).ok()?)?;
    let content = rest.get(start..stop)?.to_vec();
    *rest = rest.get(stop + 1..)?;
    Some(content)
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `url` without the user and the password that may stand in it.
fn without_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

/// The last two parts of a remote's path: `https://host/owner/name.git`, `git@host:owner/name`.
fn owner_and_name(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let path = path.trim_end_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).trim_start_matches('/').split_once('/')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    (is_word(owner) && is_word(name)).then(|| format!("{owner}/{name}"))
}

/// `git` for the repository of `folder`.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.envs([("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_NO_LAZY_FETCH", "1")]);
    command.args(["--no-pager", "--no-optional-locks", "--no-replace-objects"]);
    // A configured file system monitor is a program that `git` would start.
    command.args([
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.quotePath=false",
        "-c",
        "core.splitIndex=false",
    ]);
    command.arg("-C").arg::<&OsStr>(folder.as_os_str());
    command
}

/// What `command` prints, given `input`, or its words when it fails; an error when it cannot run.
fn run(command: &mut Command, input: &[u8], limit_bytes: u64) -> Result<Result<Vec<u8>, String>, Fault> {
    let answer = process::run(command, input, limit_bytes, None).map_err(|none| {
        Fault(match none {
            NoAnswer::NotInstalled => "`git` is not installed, or not on the PATH; a commit cannot be read without it".to_owned(),
            NoAnswer::TooMuch => format!("git printed more than {} MiB", limit_bytes >> 20),
            NoAnswer::TooSlow => "git gave no answer".to_owned(),
            NoAnswer::Io(error) => format!("cannot run `git`: {error}"),
        })
    })?;
    Ok(if answer.is_success { Ok(answer.printed) } else { Err(answer.words.trim_start_matches("fatal: ").to_owned()) })
}

fn text(answer: Result<Vec<u8>, String>) -> Result<String, String> {
    answer.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "an answer that is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{owner_and_name, without_user};

    #[test]
    fn remotes_have_an_owner_and_a_name() {
        for url in [
            "https://example.org/team/stacks.git",
            "https://example.org/team/stacks/",
            "ssh://git@example.org:22/team/stacks.git",
            "git@example.org:team/stacks.git",
            "git@example.org:/team/stacks",
        ] {
            assert_eq!(owner_and_name(url), Some("team/stacks".to_owned()), "{url}");
        }
        for url in ["", "/srv/git/stacks.git", "https://example.org/stacks", "https://example.org/a/b/c", "git@example.org:a b/c"] {
            assert_eq!(owner_and_name(url), None, "{url}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(without_user("https://x-access-token:not-a-real-token@example.org/a/b"), "https://example.org/a/b");
        assert_eq!(without_user("git@example.org:a/b"), "git@example.org:a/b");
    }
}
