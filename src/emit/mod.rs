//! The resolved stack to files: one folder per target, each a pure function.
//!
//! An emitter returns plain files and Kubernetes objects. Objects stay values until the end, so
//! that `objects` can hold each against itself and against every other before any is written.

pub mod files;
mod flagd;
mod grafana;
mod guardrails;
mod kubernetes;
mod labels;
mod manifest;
mod objects;
mod prometheus;
mod promql;
mod tree;
mod workload;
mod yaml;

use serde_json::Value;

pub use files::FileSet;
pub use manifest::{Gpus, MANIFEST_FILE, Manifest, RECORD_FILE, recorded, sha256};
pub use tree::Tree;
pub use yaml::to_yaml;

use crate::capacity::Capacity;
use crate::cost::Cost;
use crate::diagnostic::{Diagnostic, Rule};
use crate::fit::Fit;
use crate::stack::Stack;

/// Name of the file that lists the Kubernetes objects of a tree.
pub const KUSTOMIZATION_FILE: &str = "kustomization.yaml";

/// Rules of every emitter.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    objects::RULES.iter().chain(promql::RULES).copied()
}

/// What one emitter makes.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Files by their path below the stack's output folder.
    pub files: Vec<(String, String)>,
    /// Kubernetes objects by the path of the file that each becomes.
    pub objects: Vec<(String, Value)>,
    /// Faults that the emitter found in its own work; one of them stops the compile.
    pub faults: Vec<Diagnostic>,
}

impl Emitted {
    /// Adds a Kubernetes object, to be written to `path`.
    pub fn object(&mut self, path: impl Into<String>, object: Value) {
        self.objects.push((path.into(), object));
    }

    /// Adds a file.
    pub fn file(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.files.push((path.into(), text.into()));
    }
}

/// What was computed about a stack before it is emitted.
#[derive(Clone, Copy)]
pub struct Estimates<'a> {
    /// What is known about the memory of each model.
    pub fits: &'a [Fit<'a>],
    /// What reaches each model, and what a copy of it serves.
    pub capacities: &'a [Capacity],
    /// What the stack costs; none where an amount is too large for a number.
    pub cost: Option<&'a Cost>,
}

type Emitter = fn(&Stack, Estimates<'_>) -> Emitted;

/// Every target, by name.
const EMITTERS: &[(&str, Emitter)] = &[
    ("flagd", |stack, _| flagd::emit(stack)),
    ("grafana", |stack, _| grafana::emit(stack)),
    ("guardrails", |stack, _| guardrails::emit(stack)),
    ("kubernetes", |stack, _| kubernetes::emit(stack)),
    ("prometheus", prometheus::emit),
];

/// A compiled stack.
#[derive(Debug)]
pub struct Compiled {
    /// Every file.
    pub files: FileSet,
    /// The Kubernetes objects among them, by path.
    pub objects: Vec<(String, Value)>,
}

/// Emits every target and the kustomization and manifest above them.
///
/// # Errors
/// Faults that a Kubernetes API server would find in the objects; each is a fault of this
/// compiler or of a text in the spec that no check caught.
pub fn emit(stack: &Stack, estimates: Estimates<'_>, inputs: &[(String, String)]) -> Result<Compiled, Vec<Diagnostic>> {
    let mut all = Emitted::default();
    for (_, emitter) in EMITTERS {
        let emitted = emitter(stack, estimates);
        all.files.extend(emitted.files);
        all.objects.extend(emitted.objects);
        all.faults.extend(emitted.faults);
    }
    all.objects.sort_by(|a, b| a.0.cmp(&b.0));
    let mut faults = all.faults;
    faults.extend(objects::check(&all.objects));
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut set = FileSet::default();
    for (path, text) in all.files {
        set.insert(path, text);
    }
    let resources: Vec<&str> = all.objects.iter().map(|(path, _)| path.as_str()).collect();
    set.insert(KUSTOMIZATION_FILE, to_yaml(&kubernetes::kustomization(stack, &resources)));
    let objects: Vec<(String, Value)> = all.objects.iter().map(|(path, object)| (path.clone(), labels::with_digest(object))).collect();
    for (path, object) in &objects {
        set.insert(path, to_yaml(object));
    }
    set.insert(RECORD_FILE, manifest::record(stack));
    let manifest = Manifest::of(stack, estimates, &set, inputs);
    set.insert(MANIFEST_FILE, manifest.to_json());
    Ok(Compiled { files: set, objects })
}
