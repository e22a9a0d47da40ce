//! `llmc prompt pin`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::inputs::{self, Input};
use crate::cli::output::{Output, plural};
use crate::cli::{Failure, lock as waiting, select};
use crate::compile::Compilation;
use crate::diagnostic::{self, Finding, Severity, printable, redact};
use crate::estimate::tokens;
use crate::lock::{self, LOCK_FILE, LockFile, Pinned, Reason, Unpinned};

/// Pin what is live: write the identity of every version into `llmc.lock` beside the spec.
///
/// Adds each version of a prompt that is live, that it goes back to, or that a running experiment serves, with
/// what it is made of. What is pinned stays as it is, for ever; a changed text needs a version of its own.
/// Does nothing where nothing is new, and works while other parts of a spec have errors.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt pin
  llmc prompt pin customer-support
  llmc prompt pin --check           # fail if something live is not pinned; for CI

Commit llmc.lock with the spec. Exit codes: 0 everything is pinned, 1 something cannot be, or, with --check, is not.")]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every stack of
    /// the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Write nothing; fail when something is not pinned.
    #[arg(long)]
    check: bool,
    /// How long to wait for another llmc that writes the same lock, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3600))]
    lock_timeout: u32,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let inputs = select::choose(if args.stacks.is_empty() { None } else { Some(&args.stacks) })?;
    let mut is_failed = false;
    for input in &inputs {
        is_failed |= !one(input, args, output)?;
    }
    if is_failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Pins one stack; whether everything in it is pinned then.
fn one(input: &Input, args: &Args, output: &mut Output) -> Result<bool, Failure> {
    // Held from before the lock is read until it is written, so that no other run's pins are lost.
    let held = if args.check {
        None
    } else {
        Some(waiting::take(inputs::parent(&input.path), Duration::from_secs(args.lock_timeout.into()), output)?)
    };
    let compilation = inputs::compile_all(std::slice::from_ref(input), 1)?.pop();
    let Some(compilation) = compilation else { return Ok(false) };
    let path = lock_path(input);
    let shown = inputs::shown(&path);
    let faults = in_the_way(&compilation);
    let Some(stack) = compilation.stack.as_ref().filter(|stack| faults.is_empty() && stack.lock_file != LockFile::Broken) else {
        output.found(if faults.is_empty() { &compilation.findings } else { &faults });
        output.error(&format!("{shown} was left as it is"));
        return Ok(false);
    };
    let Pinned { lock, added } = lock::pin(stack, tokens::counted);
    if added.is_empty() {
        output.print(&format!("{}: everything that is live is pinned\n", input.shown))?;
        return Ok(true);
    }
    if args.check {
        for one in &added {
            output.error(&format!("{}: not pinned: {}", input.shown, words(one)));
        }
        output.note("run `llmc prompt pin`\n");
        return Ok(false);
    }
    let text = lock::write(&lock).map_err(|why| format!("cannot write `{shown}`: {why}"))?;
    replace(&path, &text).map_err(|error| format!("cannot write `{shown}`: {error}"))?;
    drop(held);
    let mut said = format!("wrote {shown}: {} pinned\n", plural(added.len(), "version"));
    for one in &added {
        let parent = lock.prompts.get(&one.need.prompt).and_then(|pins| pins.get(&one.need.version)?.parent.as_ref());
        let parent = parent.map(|parent| format!(", after {}", printable(parent))).unwrap_or_default();
        said.push_str(&format!("  {}{parent}\n", words(one)));
    }
    output.print(&redact(&said))?;
    Ok(true)
}

fn lock_path(input: &Input) -> PathBuf {
    inputs::parent(&input.path).join(LOCK_FILE)
}

/// Errors without whose repair a version would be pinned as something that it is not: of the spec's text and
/// shape, of its references, of its templates, and of the lock itself.
fn in_the_way(compilation: &Compilation) -> Vec<Finding> {
    const CODES: [&str; 6] = ["LLMC-F", "LLMC-S", "LLMC-P", "LLMC-R001", "LLMC-L", "LLMC-X999"];
    let concerns = |finding: &&Finding| {
        let is_error = finding.rule.severity == Severity::Error;
        is_error && finding.rule.code != UNPINNED && CODES.iter().any(|code| finding.rule.code.starts_with(code))
    };
    let mut faults: Vec<Finding> = compilation.findings.iter().filter(concerns).cloned().collect();
    diagnostic::sort(&mut faults);
    faults
}

/// The finding that pinning answers.
const UNPINNED: &str = "LLMC-L001";

fn words(one: &Unpinned) -> String {
    let why = match &one.need.reason {
        Reason::Live => "live".to_owned(),
        Reason::Rollback => "the version to go back to".to_owned(),
        Reason::Experiment(name) => format!("in the experiment `{}`", printable(name)),
    };
    let name = printable(&format!("{}@{}", one.need.prompt, one.need.version));
    match &one.routes {
        None => format!("{name} ({why})"),
        Some(routes) => format!("{name} ({why}) on the route `{}`", printable(&routes.join("`, `"))),
    }
}

/// Puts `text` where the lock is, or is to be, in one step, so that a killed run leaves the old one or the new.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(inputs::parent(path))?;
    file.write_all(text.as_bytes())?;
    let permissions = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        // Temporary files are made for their owner alone; this one goes into a repository.
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o644),
    };
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
