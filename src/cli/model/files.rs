//! Reading a model's files from a folder that anybody may have filled.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::catalog::{ModelFacts, config};
use crate::cli::Failure;
use crate::diagnostic::printable;
use crate::resolve::weights::{self, Links};

/// Most bytes of a `config.json` or a facts file.
const MOST_TEXT_BYTES: u64 = 64 << 20;
/// Name of a model that nobody named.
pub(super) const UNNAMED: &str = "the model";

/// The facts in the file or folder `path`; `repository` and `source` name them where the file does not.
pub(super) fn facts(path: &Path, repository: Option<&str>, source: Option<&str>) -> Result<ModelFacts, Failure> {
    let is_folder = path.is_dir();
    let file = if is_folder { path.join("config.json") } else { path.to_owned() };
    let config_text = text(&file)?;
    let is_config = file.file_name().is_some_and(|name| name == "config.json");
    let beside = file.with_file_name("hf_quant_config.json");
    let quantization = if is_config && beside.is_file() { Some(text(&beside)?) } else { None };
    let files = config::Files { config: &config_text, quantization: quantization.as_deref() };
    let name = match repository {
        Some(name) => name.to_owned(),
        None => named(&config_text).unwrap_or_else(|| UNNAMED.to_owned()),
    };
    let default = if quantization.is_some() { "config.json and hf_quant_config.json" } else { "config.json" };
    let (mut facts, is_facts) = config::read_any(files, &name, source.unwrap_or(default)).map_err(|fault| {
        let wrong = if fault.in_quantization_file { &beside } else { &file };
        Failure::Message(format!("{}: {fault}", printable(&wrong.display().to_string())))
    })?;
    if is_facts && repository.is_some_and(|repository| repository != facts.repository) {
        let message = format!("{} has the facts of `{}`, not of `{name}`", file.display(), facts.repository);
        return Err(Failure::Message(message));
    }
    if is_folder {
        weights::measure(path, Links::Followed, &mut facts).map_err(|fault| {
            let wrong = if fault.file.is_empty() { path.to_owned() } else { path.join(&fault.file) };
            Failure::Message(format!("{}: {}", printable(&wrong.display().to_string()), printable(&fault.why)))
        })?;
    }
    Ok(facts)
}

/// The repository that a `config.json` names.
fn named(config: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(config).ok()?;
    let name = value.get("_name_or_path")?.as_str()?;
    let mut parts = name.split('/');
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let named = parts.next().is_some_and(is_part) && parts.next().is_some_and(is_part) && parts.next().is_none();
    named.then(|| name.to_owned())
}

/// Whether `path` is a facts file of `repository`.
pub(super) fn has_facts_of(path: &Path, repository: &str) -> bool {
    let facts = text(path).ok().and_then(|text| serde_json::from_str::<ModelFacts>(&text).ok());
    facts.is_some_and(|facts| facts.repository == repository)
}

/// A text file of bounded size.
fn text(path: &Path) -> Result<String, Failure> {
    let shown = printable(&path.display().to_string());
    let fail = |why: &str| Failure::Message(format!("cannot read `{shown}`: {why}"));
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => fail("there is no such file"),
        _ => fail(&error.to_string()),
    })?;
    // The type is asked before opening, because opening a pipe blocks.
    if !metadata.is_file() {
        return Err(fail("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_TEXT_BYTES + 1).read_to_end(&mut bytes)).map_err(|error| fail(&error.to_string()))?;
    if bytes.len() as u64 > MOST_TEXT_BYTES {
        return Err(fail(&format!("it is larger than {} MiB", MOST_TEXT_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8"))
}
