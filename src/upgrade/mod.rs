//! Another release of an engine for a stack: what changes for it, and the edits of its spec.
//!
//! [`plan`] reads a spec and says both; nothing here writes a file or compiles.

mod arguments;
mod edit;
mod notes;
mod text;

use semver::Version;
use serde::Serialize;
use serde_json::Value;

pub use notes::{Note, Topic, Weight};
pub use text::render_text;

use crate::diagnostic::{did_you_mean, thousands};
use crate::engine::{self, Engine};
use crate::fit::Fit;
use crate::source::{self, Syntax};
use crate::spec;
use crate::stack::{EngineName, Stack};

/// A release to go to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The engine.
    pub engine: EngineName,
    /// Its release.
    pub version: Version,
}

impl Target {
    fn engine(&self) -> &'static dyn Engine {
        engine::of(self.engine)
    }

    /// The engine's name.
    pub fn name(&self) -> &'static str {
        self.engine().name()
    }

    /// The release that `engine` and `version` name.
    ///
    /// # Errors
    /// What is unknown, and the nearest that is known.
    pub fn of(engine: &str, version: &str) -> Result<Self, String> {
        let Ok(name) = serde_json::from_value::<EngineName>(Value::String(engine.to_owned())) else {
            let known = engine::of(EngineName::Vllm).name();
            let help = did_you_mean(engine, [known]).map_or_else(|| format!("there is: {known}"), |name| format!("did you mean `{name}`?"));
            return Err(format!("no engine `{engine}`; {help}"));
        };
        let releases = engine::of(name).releases();
        match Version::parse(version.trim_start_matches('v')) {
            Ok(version) if releases.contains(&version) => Ok(Self { engine: name, version }),
            Ok(unknown) => {
                let near: Vec<String> = engine::nearest(releases, &unknown).iter().map(ToString::to_string).collect();
                Err(format!("the flags and metrics of {engine} {unknown} are not known; the nearest known: {}", near.join(" and ")))
            }
            Err(_) => {
                let newest = releases.last().map(ToString::to_string).unwrap_or_default();
                Err(format!("`{version}` is not an exact version of {engine}; write one such as {newest}"))
            }
        }
    }
}

/// The spec `text` with `version` as the live one of `prompt`; every other byte stays.
///
/// # Errors
/// What must be changed by hand, and why.
pub fn with_live(text: &str, syntax: Syntax, prompt: &str, version: &str) -> Result<String, String> {
    edit::apply(text, syntax, vec![edit::Edit::Live { prompt: prompt.to_owned(), to: version.to_owned() }])
}

/// What another release means for one model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelUpgrade {
    /// Name of the model.
    pub model: String,
    /// Version that the spec names now.
    pub from: String,
    /// What changes, what must be decided by somebody first.
    pub notes: Vec<Note>,
    /// Memory verdicts before and after, where they are known.
    pub memory: Option<Memory>,
}

/// What is known of the memory of a model before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// With the release that runs now.
    pub before: String,
    /// With the other one.
    pub after: String,
}

/// What another release means for a stack.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// The models on that engine that are of another version.
    pub models: Vec<ModelUpgrade>,
    /// Models on that engine that are of this version already.
    pub current: usize,
    /// The spec with its edits, or why it cannot be edited.
    pub edited: Result<String, String>,
}

impl Upgrade {
    /// Whether somebody must change something by hand.
    pub fn needs_a_person(&self) -> bool {
        self.edited.is_err() || self.models.iter().flat_map(|model| &model.notes).any(|note| note.weight == Weight::Person)
    }
}

/// A model of a spec, as it is written.
struct Written {
    name: String,
    version: String,
    image: Option<String>,
    args: Vec<String>,
    quantization: Option<String>,
    kv_cache_dtype: Option<String>,
}

/// What `target` means for the spec `text`. `mentions` says whether the stack's files, compiled as
/// they are now, name a metric. `None` where the spec cannot be read.
pub fn plan(text: &str, syntax: Syntax, target: &Target, mentions: &dyn Fn(&str) -> bool) -> Option<Upgrade> {
    let document = source::read(text, syntax, spec::schema(), &mut Vec::new())?;
    let models = written(&document.value, target.name());
    let version = target.version.to_string();
    let (current, others): (Vec<Written>, Vec<Written>) = models.into_iter().partition(|model| model.version == version);
    let mut edits = Vec::new();
    let mut upgrades = Vec::new();
    for model in &others {
        edits.push(edit::Edit::Version { model: model.name.clone(), from: model.version.clone(), to: version.clone() });
        let mut notes = Vec::new();
        arguments::assess(model, target, &mut notes, &mut edits);
        notes::assess(model, target, mentions, &mut notes);
        notes.extend(notes::unknown_start(&model.version, target.engine().releases()));
        // What somebody must decide comes first; the order within stays.
        notes.sort_by_key(|note| note.weight);
        upgrades.push(ModelUpgrade { model: model.name.clone(), from: model.version.clone(), notes, memory: None });
    }
    let edited = edit::apply(text, syntax, edits);
    Some(Upgrade { models: upgrades, current: current.len(), edited })
}

/// The models on `engine`, sorted by name.
fn written(value: &Value, engine: &str) -> Vec<Written> {
    let text = |model: &Value, pointer: &str| model.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let read = |(name, model): (&String, &Value)| {
        let args = model.pointer("/serve/args").and_then(Value::as_array).into_iter().flatten();
        Some(Written {
            name: name.clone(),
            version: text(model, "/engine/version").filter(|_| text(model, "/engine/name").as_deref() == Some(engine))?,
            image: text(model, "/engine/image"),
            // An argument that is no text was reported; its place keeps the others' numbers right.
            args: args.map(|argument| argument.as_str().unwrap_or_default().to_owned()).collect(),
            quantization: text(model, "/serve/quantization"),
            kv_cache_dtype: text(model, "/serve/kv-cache-dtype"),
        })
    };
    value.get("model").and_then(Value::as_object).into_iter().flatten().filter_map(read).collect()
}

/// What the memory proof says of the model `name` before and after; none where either stack lacks it.
pub fn memory(before: &Stack, after: &Stack, name: &str) -> Option<Memory> {
    Some(Memory { before: said(before, name)?, after: said(after, name)? })
}

fn said(stack: &Stack, name: &str) -> Option<String> {
    let model = stack.models.get(name)?;
    let fit = Fit::of(model, stack.pools.get(&model.pool)?);
    let tokens = fit.proof.as_ref().and_then(|proof| proof.cache.as_ref()).map(|cache| cache.logged_tokens.expected);
    let tokens = tokens.map_or_else(String::new, |tokens| format!(", {} KV tokens", thousands(tokens)));
    Some(format!("{}{tokens}", fit.verdict().words()))
}
