//! `llmc.json`: which files a compile owns, and what they were made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::FileSet;
use crate::stack::Stack;

/// Name of the manifest in a stack's output folder.
pub const MANIFEST_FILE: &str = "llmc.json";

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
const FORMAT_VERSION: u32 = 1;

/// The ownership list of a compiled stack.
#[derive(Debug, Deserialize, Serialize)]
pub struct Manifest {
    /// Version of this format.
    pub format_version: u32,
    /// Version of the compiler.
    pub llmc_version: String,
    /// Name of the stack.
    pub stack: String,
    /// SHA-256 over the spec and every file that it names.
    pub inputs_sha256: String,
    /// Engine and version of each model.
    pub engines: BTreeMap<String, String>,
    /// GPUs at the least and the greatest number of copies, by pool.
    pub gpus: BTreeMap<String, Gpus>,
    /// SHA-256 of each file, by its path.
    pub files: BTreeMap<String, String>,
}

/// GPUs of one pool.
#[derive(Debug, Deserialize, Serialize)]
pub struct Gpus {
    /// In the pool.
    pub available: u64,
    /// With the least number of copies.
    pub min: u64,
    /// With the greatest number of copies.
    pub max: u64,
}

impl Manifest {
    /// The manifest of `set`, compiled from `inputs` (name and text of each).
    pub fn of(stack: &Stack, set: &FileSet, inputs: &[(String, String)]) -> Self {
        let on = |pool: &str, copies: fn(&crate::stack::Model) -> u32| -> u64 {
            stack.models.values().filter(|m| m.pool == pool).map(|m| u64::from(copies(m)) * u64::from(m.tensor_parallel)).sum()
        };
        Self {
            format_version: FORMAT_VERSION,
            llmc_version: env!("CARGO_PKG_VERSION").into(),
            stack: stack.name.clone(),
            inputs_sha256: inputs_sha256(inputs),
            engines: stack
                .models
                .values()
                .map(|m| (m.name.clone(), format!("{} {}", crate::engine::of(m.engine).name(), m.engine_version)))
                .collect(),
            gpus: stack
                .pools
                .values()
                .map(|p| {
                    (
                        p.name.clone(),
                        Gpus { available: p.gpus(), min: on(&p.name, |m| m.replicas.min), max: on(&p.name, |m| m.replicas.max) },
                    )
                })
                .collect(),
            files: set.iter().map(|(path, text)| (path.to_owned(), sha256(text.as_bytes()))).collect(),
        }
    }

    /// As pretty-printed JSON.
    pub fn to_json(&self) -> String {
        // Strings and numbers only: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// One digest over all inputs; lengths keep two inputs from reading as one.
fn inputs_sha256(inputs: &[(String, String)]) -> String {
    let mut hasher = Sha256::new();
    for (name, text) in inputs {
        for part in [name, text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hex(&hasher.finalize())
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
