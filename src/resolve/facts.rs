//! Facts of models in files beside the spec.

use std::ops::Range;
use std::sync::Arc;

use crate::catalog::{ModelFacts, config};
use crate::diagnostic::{Place, Route as Field};
use crate::spec;
use crate::stack::FactsFile;

use super::Texts;
use super::weights::{self, Links};

impl Texts<'_> {
    /// The facts in the file that `model` names, if it names one.
    pub(super) fn facts(&mut self, name: &str, model: &spec::Model) -> Option<FactsFile> {
        let path = model.source.facts.as_ref()?;
        let place = Place::Value(Field::of(["model", name, "source", "facts"]));
        let is_folder = self.folder.is_folder(path);
        let beside = |file: &str| format!("{}/{file}", path.trim_end_matches('/'));
        let file = if is_folder { beside("config.json") } else { path.clone() };
        let Some(text) = self.file(&file, &place) else { return Some(FactsFile::Unreadable) };
        let quantization = beside("hf_quant_config.json");
        let quantization = if is_folder && self.folder.is_file(&quantization) {
            match self.file(&quantization, &place) {
                Some(text) => Some((quantization, text)),
                None => return Some(FactsFile::Unreadable),
            }
        } else {
            None
        };
        let files = config::Files { config: &text, quantization: quantization.as_ref().map(|(_, text)| text.as_str()) };
        Some(match config::read_any(files, &model.source.repository, &file) {
            Ok((mut facts, is_named)) => {
                let folder = self.folder.join(path);
                if let Some(fault) = is_folder.then(|| weights::measure(&folder, Links::Refused, &mut facts).err()).flatten() {
                    let file = if fault.file.is_empty() { path.clone() } else { beside(&fault.file) };
                    return Some(FactsFile::Broken { file, message: fault.why, range: None });
                }
                FactsFile::Read { file, facts: Arc::new(facts), is_named }
            }
            Err(fault) => {
                let (file, text) = quantization.filter(|_| fault.in_quantization_file).unwrap_or((file, text));
                FactsFile::Broken { message: fault.to_string(), range: Some(place_of(&text, &fault)), file }
            }
        })
    }

    /// Reads a file that a spec names at `place`; a finding points into its text, if there is one.
    pub(super) fn file(&mut self, name: &str, place: &Place) -> Option<String> {
        match self.folder.read(name, place) {
            Ok(text) => {
                self.sources.add_file(name, &text);
                Some(text)
            }
            Err(fault) => {
                let (diagnostic, text) = *fault;
                self.sources.add_file(name, &text);
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }
}

/// Where `text` is torn, or the last key of the fault's field stands, as far as its keys are found.
fn place_of(text: &str, fault: &config::Fault) -> Range<usize> {
    if let Some((line, column)) = fault.torn_at {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let at = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        return start + at..start + at;
    }
    let (mut from, mut found) = (0, 0..0);
    for key in fault.field.split('.').filter(|key| !key.is_empty() && key.parse::<usize>().is_err()) {
        let quoted = format!("\"{key}\"");
        let Some(at) = text.get(from..).and_then(|rest| rest.find(&quoted)) else { break };
        found = from + at..from + at + quoted.len();
        from = found.end;
    }
    found
}

/// What a facts file may be held against: the spec's own figures.
pub fn contradictions(facts: &ModelFacts, stated: &spec::SourceRepository) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let (Some(stated), Some(bytes)) = (stated.size_gib, facts.checkpoint_gib())
        && (stated / bytes - 1.0).abs() > 0.01
    {
        found.push(("size-gib", format!("{bytes}")));
    }
    if stated.attention_heads.is_some_and(|heads| heads != facts.attention_heads) {
        found.push(("attention-heads", facts.attention_heads.to_string()));
    }
    if stated.context_tokens.is_some_and(|tokens| tokens != facts.context_tokens) {
        found.push(("context-tokens", facts.context_tokens.to_string()));
    }
    found
}
