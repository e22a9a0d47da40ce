//! `llmc fmt`

use std::fs;
use std::path::PathBuf;

use super::output::Output;
use super::{Failure, inputs};
use crate::source::{self, Syntax};

/// Format specs, keeping comments and meaning.
///
/// KDL is indented by four spaces with one space between values. YAML keeps its layout, since no
/// formatter keeps all of its comments: only white space at line ends and the end of the file is
/// put in order. A file whose meaning would change is refused.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc fmt
  llmc fmt --check          # in CI or a pre-commit hook")]
pub(super) struct Args {
    /// Spec files, or folders that hold them.
    paths: Vec<PathBuf>,
    /// Write nothing; fail when a file is not formatted.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut failed = false;
    for input in inputs::find(&args.paths)? {
        let shown = &input.shown;
        let text = match source::read_spec_file(&input.path) {
            Ok(text) => text,
            Err(fault) => {
                output.error(&format!("{shown}: {}", fault.0.message));
                failed = true;
                continue;
            }
        };
        let syntax = Syntax::of(&input.path).unwrap_or(Syntax::Kdl);
        match source::format(&text, syntax) {
            Err(message) => {
                output.error(&format!("{shown}: {message}"));
                failed = true;
            }
            Ok(formatted) if formatted == text => {}
            Ok(_) if args.check => {
                output.error(&format!("{shown} is not formatted; run `llmc fmt`"));
                failed = true;
            }
            Ok(formatted) => {
                replace(&input.path, &formatted).map_err(|error| format!("cannot write `{shown}`: {error}"))?;
                output.print(&format!("formatted {shown}\n"))?;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Replaces a file whole, so that a killed run leaves the old text or the new. A link goes on pointing to it,
/// and one that nobody may write is left alone.
pub(super) fn replace(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut file = tempfile::NamedTempFile::new_in(inputs::parent(&path))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    fs::set_permissions(file.path(), permissions)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
