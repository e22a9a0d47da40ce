//! Reading a model's files from a folder that anybody may have filled.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::catalog::{ModelFacts, checkpoint, config};
use crate::cli::Failure;
use crate::diagnostic::printable;

/// Most bytes of a `config.json`, a facts file or an index.
const MOST_TEXT_BYTES: u64 = 64 << 20;
/// Name of a model that nobody named.
pub(super) const UNNAMED: &str = "the model";
/// Most files of a checkpoint.
const MOST_FILES: usize = 10_000;

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
        measure(path, &mut facts)?;
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

/// Sizes of the weights in `folder`: from the headers of all files, else from the index.
fn measure(folder: &Path, facts: &mut ModelFacts) -> Result<(), Failure> {
    let index_file = folder.join("model.safetensors.index.json");
    let index = if index_file.is_file() {
        let fail = |fault: config::Fault| Failure::Message(format!("{}: {fault}", printable(&index_file.display().to_string())));
        Some(checkpoint::index(&text(&index_file)?).map_err(fail)?)
    } else {
        None
    };
    let names = match &index {
        Some(index) => index.files.clone(),
        None => weights(folder)?,
    };
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    if paths.len() > MOST_FILES {
        return Err(Failure::Message(format!("{} has more than {MOST_FILES} files of weights", folder.display())));
    }
    if paths.is_empty() || !paths.iter().all(|path| path.is_file()) {
        facts.checkpoint_bytes = index.and_then(|index| index.total_bytes).or(facts.checkpoint_bytes);
        return Ok(());
    }
    let (mut tensors, mut bytes) = (Vec::new(), 0_u64);
    for path in &paths {
        let fail = |why: String| Failure::Message(format!("{}: {why}", printable(&path.display().to_string())));
        let header = header(path).map_err(fail)?;
        bytes = bytes.saturating_add(fs::metadata(path).map_err(|error| fail(error.to_string()))?.len());
        tensors.extend(checkpoint::tensors(&header).map_err(|fault| fail(fault.to_string()))?);
    }
    facts.checkpoint_bytes = Some(bytes);
    if let Some(shape) = &mut facts.shape {
        shape.stored = checkpoint::stored(&tensors, shape.layer_count());
    }
    config::validate(facts).map_err(|fault| Failure::Message(format!("{}: {fault}", printable(&folder.display().to_string()))))
}

/// Names of the files of weights in `folder`.
fn weights(folder: &Path) -> Result<BTreeSet<String>, Failure> {
    let fail = |error: io::Error| Failure::Message(format!("cannot read `{}`: {error}", folder.display()));
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name();
        names.extend(name.to_str().filter(|name| name.ends_with(".safetensors")).map(str::to_owned));
    }
    Ok(names)
}

/// The header of a file of weights.
fn header(path: &Path) -> Result<Vec<u8>, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| "the file is too short for a header".to_owned())?;
    let length = u64::from_le_bytes(length);
    if length > checkpoint::MOST_HEADER_BYTES {
        return Err(format!("the header would have {length} bytes; the format allows {}", checkpoint::MOST_HEADER_BYTES));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|error| error.to_string())?;
    if header.len() as u64 != length {
        return Err(format!("the file ends inside its header of {length} bytes"));
    }
    Ok(header)
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
