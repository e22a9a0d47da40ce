//! `llmc plan`

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::output::Output;
use super::planned::{self, Planned, Request};
use super::{Failure, inputs};
use crate::diagnostic;
use crate::plan::{self, markdown::GITHUB_LIMIT_CHARS};

/// Show what would change, object by object, and what it does to running pods.
///
/// Compiles in memory and compares with the files in `generated/`, or with those of a commit.
/// Nothing is written but the plan itself, with --out. A change of layout or comments alone is no
/// change. Objects whose stack no spec declares any more are shown as deleted; a stack that only got
/// another name is shown as renamed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of stacks in `stacks/`, or paths of specs or of folders that hold them. Default: every
    /// stack of the repository.
    #[arg(value_name = "STACK")]
    stacks: Vec<String>,
    /// Compare with the files as they stand in this commit, such as `origin/main`, instead of those on disk.
    #[arg(long, value_name = "REF")]
    against: Option<String>,
    /// Plan only stacks that changes since this commit bear on: in the folder of the spec, in its
    /// output, in policies/, or of llmc's version. Uncommitted changes count.
    #[arg(long, value_name = "REF")]
    changed_since: Option<String>,
    /// Show every field and file that changes.
    #[arg(long, short)]
    verbose: bool,
    /// How the plan is printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
    /// Exit with 2 when there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Also write the plan to this file, as JSON, for `llmc apply FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also say the plan in a comment of this pull request: one comment, updated in place. The
    /// repository is GITHUB_REPOSITORY, or that of the remote `origin`; the token is GITHUB_TOKEN.
    /// A stack that is delivered to another repository is compared with what stands there.
    #[cfg(feature = "github")]
    #[arg(long, value_name = "PR")]
    comment: Option<u64>,
    /// Number of stacks that are compiled at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  llmc plan
  llmc plan customer-support --verbose
  llmc plan --against origin/main --format markdown
  llmc plan --changed-since origin/main --detailed-exitcode    # in CI of a monorepo
  llmc plan --against origin/main --comment 17                 # one comment, updated in place
  llmc plan --out plan.json && llmc apply plan.json            # write exactly what was reviewed

Exit codes: 0 planned, 1 a stack has errors or something failed, 2 there are changes (with
--detailed-exitcode only). The plan goes to standard output, findings to standard error.";

/// How a plan is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document (schemas/plan.schema.json).
    Json,
    /// Markdown, for a pull request's comment or a job's summary.
    Markdown,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    #[cfg(feature = "github")]
    let mut comment = args.comment.map(super::github::Comment::begin);
    let mut planned = planned::plan(
        &Request { against: args.against.as_deref(), changed_since: args.changed_since.as_deref(), ..Request::of(&args.stacks, args.jobs) },
        output,
    )?;
    #[cfg(feature = "github")]
    if let Some(comment) = &mut comment {
        comment.compare(&mut planned)?;
    }
    planned.judge(output)?;
    if let Some(path) = &args.out {
        if !planned.failed.is_empty() {
            output.error(&format!("`{}` is not written, because of errors in {}", inputs::shown(path), planned.failed.join(", ")));
        } else {
            write_whole(path, &plan::render_json(&planned.plan))?;
        }
    }
    match args.format {
        Format::Json => output.print(&plan::render_json(&planned.plan))?,
        Format::Markdown => output.print(&planned.markdown(GITHUB_LIMIT_CHARS))?,
        Format::Text => {
            let uncompiled = planned.uncompiled();
            // Nothing that was compared is not the same as nothing that changes.
            if !planned.plan.stacks.is_empty() || uncompiled.is_empty() {
                output.print(&plan::render_text(&planned.plan, args.verbose, output.is_coloured(&std::io::stdout())))?;
            }
            if !uncompiled.is_empty() {
                output.print(&format!("Not planned, because of errors: {}.\n", uncompiled.join(", ")))?;
            }
            note_selection(&planned, args, output)?;
        }
    }
    // Last, so that the plan is shown also where it cannot be said on GitHub.
    #[cfg(feature = "github")]
    if let Some(comment) = &mut comment {
        comment.say(&planned, output)?;
    }
    finish(&planned, args.detailed_exitcode)
}

/// Says what the plan leaves out, and why.
fn note_selection(planned: &Planned, args: &Args, output: &mut Output) -> Result<(), Failure> {
    if let Some(reference) = &args.changed_since {
        let reference = diagnostic::printable(reference);
        match (planned.stacks.len() + planned.failed.len(), planned.unaffected) {
            (0, _) => output.print(&format!("no stack is affected since {reference}\n"))?,
            (_, 0) => {}
            (_, 1) => output.note(&format!("1 other stack is not affected since {reference}\n")),
            (_, others) => output.note(&format!("{others} other stacks are not affected since {reference}\n")),
        }
    }
    Ok(())
}

/// How a command ends that showed a plan.
pub(super) fn finish(planned: &Planned, is_detailed: bool) -> Result<(), Failure> {
    match () {
        () if !planned.failed.is_empty() => Err(Failure::Reported),
        () if is_detailed && !planned.plan.is_empty() => Err(Failure::Changes),
        () => Ok(()),
    }
}

/// Writes a file whole or not at all; a device or a pipe as it is.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Message(format!("cannot write `{}`: {error}", inputs::shown(path)));
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::write(path, text).map_err(failed);
    }
    let readable = std::fs::Permissions::from_mode(0o666);
    let mut file =
        tempfile::Builder::new().prefix(".llmc-plan-").permissions(readable).tempfile_in(inputs::parent(path)).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error)).map(drop)
}
