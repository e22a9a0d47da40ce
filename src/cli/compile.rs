//! `llmc compile`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::inputs::Input;
use super::output::{Format, Output, table};
use super::{Failure, inputs, planned};
use crate::compile::{self, Compilation};
use crate::deliver::{self, Changes};
use crate::diagnostic;
use crate::emit::FileSet;

/// Compile specs into the files that Kubernetes, NeMo Guardrails, Prometheus and Grafana read.
///
/// Each stack is written to `generated/<stack>/` beside `stacks/`. A stack with an error is not
/// written at all. The old files stand until the new ones are complete; files that llmc did not
/// write are left alone, and files that were edited by hand are refused by name.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc compile
  llmc compile stacks/customer-support
  llmc compile --check                        # in CI: fail when generated/ is stale
  llmc compile --stdout | kubectl diff -f -   # the Kubernetes objects as one stream")]
pub(super) struct Args {
    /// Spec files, or folders that hold them.
    paths: Vec<PathBuf>,
    /// Write nothing; fail when the written files differ from what would be written.
    #[arg(long, conflicts_with = "stdout")]
    check: bool,
    /// Folder to write `<stack>/` into. Default: `generated/` beside `stacks/`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the Kubernetes objects as one YAML stream instead of writing files.
    #[arg(long, conflicts_with = "out")]
    stdout: bool,
    /// Discard changes that were made by hand to compiled files.
    #[arg(long)]
    overwrite: bool,
    /// How findings are printed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,
    /// Number of stacks that are compiled at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let inputs = inputs::find(&args.paths)?;
    let mut compilations = inputs::compile_all(&inputs, args.jobs.map_or_else(inputs::default_jobs, usize::from))?;
    for (input, compilation) in inputs.iter().zip(&mut compilations) {
        planned::hold_against(compilation, &outputs(args, input));
    }
    output.findings(args.format, &compilations)?;
    refuse_same_names(&compilations)?;
    let mut failed = compilations.iter().any(|c| diagnostic::has_errors(&c.findings));
    if args.stdout {
        let stream: String = compilations.iter().filter_map(|c| c.files.as_ref()).map(stream).collect();
        output.print(&stream)?;
        return if failed { Err(Failure::Reported) } else { Ok(()) };
    }
    let mut rows = Vec::new();
    for (input, compilation) in inputs.iter().zip(&compilations) {
        let counts = compile::count(&compilation.findings);
        let mut row = vec![
            name(compilation),
            "-".into(),
            "-".into(),
            counts["error"].to_string(),
            counts["warning"].to_string(),
            "not written".into(),
        ];
        if let Some(files) = &compilation.files {
            let folder = folder(args, input, compilation);
            let shown = inputs::shown(&folder);
            let changes = if args.check { deliver::compare(&folder, files) } else { deliver::write(&folder, files, args.overwrite) };
            row[1] = files.len().to_string();
            match changes {
                Ok(changes) => {
                    row[2] = changes.len().to_string();
                    let stale = args.check && !changes.is_empty();
                    row[5] = if stale { format!("{shown} is stale") } else { shown.clone() };
                    if stale {
                        failed = true;
                        output.error(&format!("{shown} is stale: {}; run `llmc compile`", summary(&changes)));
                    }
                }
                Err(refusal) => {
                    failed = true;
                    output.error(&format!("{}: {refusal}", name(compilation)));
                }
            }
        }
        rows.push(row);
    }
    if args.paths.is_empty() {
        failed |= report_orphans(args, &inputs, &compilations, output);
    }
    if !args.format.is_for_programs() {
        let changed = if args.check { "differ" } else { "changed" };
        output.print(&table(&["stack", "files", changed, "errors", "warnings", "output"], &rows, 1..6))?;
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Two stacks of one name would overwrite each other.
pub(super) fn refuse_same_names(compilations: &[Compilation]) -> Result<(), Failure> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for compilation in compilations {
        let Some(stack) = &compilation.stack else { continue };
        if let Some(other) = seen.insert(&stack.name, &compilation.spec_path) {
            return Err(format!("`{}` and `{other}` both declare the stack `{}`; rename one", compilation.spec_path, stack.name).into());
        }
    }
    Ok(())
}

/// Names the compiled folders whose stack is gone: Argo CD and Flux would go on deploying them.
/// Whether that fails the command: it does with `--check`.
fn report_orphans(args: &Args, inputs: &[Input], compilations: &[Compilation], output: &mut Output) -> bool {
    let folders: BTreeSet<PathBuf> = inputs.iter().map(|input| outputs(args, input)).collect();
    let known: BTreeSet<String> = compilations.iter().map(name).collect();
    // A spec that cannot be read hides its stack's name, so nothing can be said.
    if compilations.iter().any(|c| c.stack.is_none()) {
        return false;
    }
    let mut found = false;
    for folder in folders.iter().flat_map(|folder| deliver::compiled_stacks(folder)) {
        let Some(stack) = folder.file_name().map(|n| n.to_string_lossy().into_owned()).filter(|n| !known.contains(n)) else { continue };
        found = true;
        let shown = inputs::shown(&folder);
        let message = format!("{shown} was compiled from the stack `{stack}`, which is gone; remove the folder");
        if args.check { output.error(&message) } else { output.warning(&message) }
    }
    found && args.check
}

fn name(compilation: &Compilation) -> String {
    compilation.stack.as_ref().map_or_else(|| compilation.spec_path.clone(), |s| s.name.clone())
}

fn folder(args: &Args, input: &Input, compilation: &Compilation) -> PathBuf {
    outputs(args, input).join(name(compilation))
}

/// Folder that holds a folder for each stack.
fn outputs(args: &Args, input: &Input) -> PathBuf {
    args.out.clone().unwrap_or_else(|| input.root.join(planned::GENERATED))
}

fn summary(changes: &Changes) -> String {
    let mut lines = Vec::new();
    for (what, paths) in [("missing", &changes.created), ("differs", &changes.updated), ("left over", &changes.deleted)] {
        lines.extend(paths.iter().map(|path| format!("{path} ({what})")));
    }
    let more = lines.len().saturating_sub(5);
    lines.truncate(5);
    if more > 0 { format!("{}, and {more} more", lines.join(", ")) } else { lines.join(", ") }
}

/// The Kubernetes objects as a YAML stream that `kubectl apply -f -` reads.
fn stream(files: &FileSet) -> String {
    let objects =
        files.iter().filter(|(path, text)| path.ends_with(".yaml") && *path != "kustomization.yaml" && text.contains("\napiVersion: "));
    objects.map(|(path, text)| format!("---\n# {path}\n{text}")).collect()
}
