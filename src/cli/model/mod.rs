//! `llmc model`

mod files;
mod show;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Failure;
use super::output::{Output, table};
use crate::catalog::{self, ModelFacts};
use crate::diagnostic::{did_you_mean, printable};

/// List, show and add what is known about models: what their weights and their cache are made of.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc model list                                   # every model of the catalogue
  llmc model show Qwen/Qwen3-8B
  llmc model show models/tuned-8b                   # a folder with a config.json
  llmc model add models/tuned-8b --repository acme/tuned-8b")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Add(Add),
}

/// List the models of the catalogue.
#[derive(clap::Args)]
struct List {
    /// Only those whose name has this in it.
    part: Option<String>,
    /// Print JSON: one object for each model, in a list.
    #[arg(long)]
    json: bool,
}

/// Show the facts of a model: its layers, heads, experts and quantization, and what is not known.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc model show Qwen/Qwen3-8B
  llmc model show config.json --json")]
struct Show {
    /// A repository of the catalogue, a facts file, a `config.json`, or the folder that holds it.
    model: String,
    /// Print JSON: the facts, and the number of parameters.
    #[arg(long)]
    json: bool,
}

/// Write the facts of a model that the catalogue does not know, from its own files.
///
/// Reads `config.json`, `hf_quant_config.json` beside it, and of the weights the index and the headers
/// only, so that a folder without the weights is enough.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc model add config.json --repository acme/tuned-8b
  llmc model add ~/checkpoints/tuned-8b --repository acme/tuned-8b --out stacks/shop/models/tuned-8b.json")]
struct Add {
    /// The `config.json`, or the folder that holds it.
    path: PathBuf,
    /// Its repository, such as `acme/tuned-8b`. Default: the one that `config.json` names.
    #[arg(long)]
    repository: Option<String>,
    /// File to write; `-` is standard output. Default: `models/<name>.json`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the facts come from, in words. Default: the names of the files.
    #[arg(long)]
    source: Option<String>,
    /// Overwrite a file that has not the facts of this model.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list(args, output),
        Command::Show(args) => show(args, output),
        Command::Add(args) => add(args, output),
    }
}

fn list(args: &List, output: &mut Output) -> Result<(), Failure> {
    let part = args.part.as_deref().unwrap_or_default().to_lowercase();
    let has_part = |name: &String| name.to_lowercase().contains(&part);
    let models: Vec<&catalog::ModelFacts> = catalog::models()
        .map(AsRef::as_ref)
        .filter(|model: &&catalog::ModelFacts| has_part(&model.repository) || model.also.iter().any(has_part))
        .collect();
    if args.json {
        return output.print(&format!("{}\n", serde_json::to_string_pretty(&models).map_err(|error| error.to_string())?));
    }
    if models.is_empty() {
        let message = format!("no model of the catalogue has `{}` in its name; `llmc model list` lists all", printable(&part));
        return Err(Failure::Message(message));
    }
    let rows: Vec<Vec<String>> = models.iter().map(|model| show::row(model)).collect();
    output.print(&table(&["MODEL", "PARAMETERS", "CONTEXT", "QUANTIZATION", "LAYERS"], &rows, 1..3))
}

fn show(args: &Show, output: &mut Output) -> Result<(), Failure> {
    let path = Path::new(&args.model);
    let facts = match catalog::model(&args.model) {
        Some(facts) => (**facts).clone(),
        None if path.exists() => files::facts(path, None, None)?,
        None => {
            let near = did_you_mean(&args.model, catalog::model_names());
            let near =
                near.map_or_else(|| "`llmc model list` lists those that are known".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(Failure::Message(format!("`{}` is neither a file nor in the catalogue; {near}", printable(&args.model))));
        }
    };
    if args.json {
        let shown = serde_json::json!({ "parameters": facts.parameters().and_then(|p| u64::try_from(p).ok()), "facts": facts });
        return output.print(&format!("{}\n", serde_json::to_string_pretty(&shown).map_err(|error| error.to_string())?));
    }
    output.print(&show::text(&facts))
}

fn add(args: &Add, output: &mut Output) -> Result<(), Failure> {
    let facts = files::facts(&args.path, args.repository.as_deref(), args.source.as_deref())?;
    if facts.repository == files::UNNAMED {
        return Err("the files do not say which model this is; name it with --repository, such as acme/tuned-8b".to_owned().into());
    }
    if !is_repository(&facts.repository) {
        let name = printable(&facts.repository);
        return Err(format!("`{name}` is no name of a repository: letters, digits, `-`, `_` and `.`, such as acme/tuned-8b").into());
    }
    let text = serde_json::to_string_pretty(&facts).map_err(|error| error.to_string())? + "\n";
    let name = facts.repository.rsplit('/').next().unwrap_or_default().to_lowercase();
    let default = || Path::new("models").join(format!("{name}.json"));
    match &args.out {
        Some(out) if out.as_os_str() == "-" => return output.print(&text),
        out => write(&out.clone().unwrap_or_else(default), &text, &facts, args.force)?,
    }
    let out = args.out.clone().unwrap_or_else(default);
    let shown = printable(&out.display().to_string());
    let mut words = format!("wrote {shown}\n");
    for missing in &facts.missing {
        words.push_str(&format!("  not known: {}\n", printable(missing)));
    }
    if facts.size_gib().is_none() {
        words.push_str("  not known: the size of the checkpoint; state `size-gib` beside `facts`\n");
    }
    let repository = printable(&facts.repository);
    words.push_str(&format!("in the spec: source \"{repository}\" revision=\"…\" facts=\"{shown}\"   // as seen from the spec's folder\n"));
    output.note(&words);
    Ok(())
}

/// Whether a model hub takes the name; the last part of it names the file that is written.
fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    name.split('/').count() <= 2 && name.split('/').all(is_part)
}

/// Writes `text` in one step, over nothing but the facts of the same model unless it is forced.
fn write(path: &Path, text: &str, facts: &ModelFacts, force: bool) -> Result<(), Failure> {
    let shown = path.display();
    let fail = |error: std::io::Error| Failure::Message(format!("cannot write `{shown}`: {error}"));
    match std::fs::symlink_metadata(path) {
        Ok(_) if !force && !files::has_facts_of(path, &facts.repository) => {
            let message =
                format!("`{shown}` exists and has not the facts of `{}`; name another file with --out, or use --force", facts.repository);
            return Err(Failure::Message(message));
        }
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    // Temporary files are made for their owner alone; this one goes into a repository.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}
