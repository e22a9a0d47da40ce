//! `llmc model`

use std::path::{Path, PathBuf};

use super::Failure;
use super::output::Output;
use crate::catalog::{ModelFacts, config};

/// Facts of models: what their weights and their cache are made of.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Show(Show),
    Add(Add),
}

/// Show the facts of a model.
#[derive(clap::Args)]
struct Show {
    /// A facts file, a `config.json` or the folder that holds it, or a repository of the catalogue.
    model: String,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
}

/// Write the facts of a model from its own `config.json`.
#[derive(clap::Args)]
struct Add {
    /// Its `config.json`, or the folder that holds it.
    path: PathBuf,
    /// Its repository, such as `acme/tuned-8b`.
    #[arg(long)]
    repository: String,
    /// Where the facts come from.
    #[arg(long)]
    from: Option<String>,
    /// File to write. Default: standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Largest `config.json` that is read.
const MOST_CONFIG_BYTES: u64 = 16 << 20;

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    match &args.command {
        Command::Add(args) => {
            let facts = read(args)?;
            let text = serde_json::to_string(&facts).map_err(|error| error.to_string())?;
            match &args.out {
                None => output.print(&format!("{text}\n")),
                Some(out) => std::fs::write(out, text + "\n").map_err(|error| Failure::Message(error.to_string())),
            }
        }
        Command::Show(args) => {
            let facts: ModelFacts = match crate::catalog::model(&args.model) {
                Some(facts) => (**facts).clone(),
                None => serde_json::from_str(&text(Path::new(&args.model))?).map_err(|error| error.to_string())?,
            };
            output.print(&format!("{}\n", serde_json::json!({ "parameters": facts.parameters().map(|p| p as u64), "facts": facts })))
        }
    }
}

fn read(args: &Add) -> Result<ModelFacts, Failure> {
    let path = if args.path.is_dir() { args.path.join("config.json") } else { args.path.clone() };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let config = text(&path)?;
    let quantization = path.with_file_name(name.replace("config.json", "hf_quant_config.json"));
    let quantization = if quantization.is_file() { Some(text(&quantization)?) } else { None };
    let files = config::Files { config: &config, quantization: quantization.as_deref() };
    let source = args.from.clone().unwrap_or(name);
    config::read(files, &args.repository, &source).map_err(|fault| Failure::Message(format!("{}: {fault}", path.display())))
}

fn text(path: &Path) -> Result<String, Failure> {
    let fail = |error: std::io::Error| Failure::Message(format!("cannot read `{}`: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > MOST_CONFIG_BYTES {
        return Err(Failure::Message(format!("`{}` is larger than {} MiB", path.display(), MOST_CONFIG_BYTES >> 20)));
    }
    std::fs::read_to_string(path).map_err(fail)
}
