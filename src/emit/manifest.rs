//! `llmc.json`: which files a compile owns, and what they were made from.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::tree::digest;
use super::{Estimates, FileSet};
use crate::cost::{self, Cost, Kind};
use crate::stack::Stack;

/// Name of the manifest in a stack's output folder.
pub const MANIFEST_FILE: &str = "llmc.json";

/// Name of the file with the spec that the output was compiled from, every default filled in.
pub const RECORD_FILE: &str = "stack.json";

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
    /// SHA-256 over what the spec says and every file that it names; not over its layout or comments.
    pub inputs_sha256: String,
    /// Engine and version of each model.
    pub engines: BTreeMap<String, String>,
    /// GPUs at the least and the greatest number of copies, by pool.
    pub gpus: BTreeMap<String, Gpus>,
    /// Share of the KV cache of each model in percent that its stated load leaves, where it is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub memory_headroom_percent: BTreeMap<String, f64>,
    /// What a month costs, where a price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Monthly>,
    /// SHA-256 of each file, by its path.
    pub files: BTreeMap<String, String>,
}

/// Cost of a month of 730 hours. An amount is a decimal number as text, so that no reader rounds it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Monthly {
    /// Currency of every amount.
    pub currency: String,
    /// Of the whole stack.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// Of each model that costs something: its GPUs, their rollouts and its volume.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Amounts>,
}

/// Bounds of a cost.
#[derive(Debug, Deserialize, Serialize)]
pub struct Amounts {
    /// At the least number of copies and without traffic.
    pub minimum: String,
    /// At the stated load.
    pub expected: String,
    /// At the greatest number of copies.
    pub maximum: String,
}

impl From<&cost::Monthly> for Amounts {
    fn from(monthly: &cost::Monthly) -> Self {
        let text = |amount: Decimal| format!("{:.2}", amount.round_dp(2));
        Self { minimum: text(monthly.minimum), expected: text(monthly.expected), maximum: text(monthly.maximum) }
    }
}

impl Monthly {
    /// None where nothing has a price.
    fn of(cost: &Cost) -> Option<Self> {
        let mut models: BTreeMap<String, cost::Monthly> = BTreeMap::new();
        for item in cost.items.iter().filter(|item| matches!(item.kind, Kind::Gpus | Kind::Rollouts | Kind::Storage)) {
            let sum = models.entry(item.name.clone()).or_default();
            // No part of a sum that is known is too large for a number.
            sum.minimum = sum.minimum.saturating_add(item.monthly.minimum);
            sum.expected = sum.expected.saturating_add(item.monthly.expected);
            sum.maximum = sum.maximum.saturating_add(item.monthly.maximum);
        }
        let models = models.iter().map(|(name, monthly)| (name.clone(), monthly.into())).collect();
        (!cost.items.is_empty()).then(|| Self { currency: cost.currency.clone(), amounts: (&cost.monthly).into(), models })
    }
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
    /// The manifest of `set`, compiled from `stack` and the files that its spec names (`inputs`, name and
    /// text of each).
    pub fn of(stack: &Stack, estimates: Estimates<'_>, set: &FileSet, inputs: &[(String, String)]) -> Self {
        let on = |pool: &str, copies: fn(&crate::stack::Model) -> u32| -> u64 {
            stack.models.values().filter(|m| m.pool == pool).map(|m| u64::from(copies(m)) * u64::from(m.tensor_parallel)).sum()
        };
        Self {
            format_version: FORMAT_VERSION,
            llmc_version: env!("CARGO_PKG_VERSION").into(),
            stack: stack.name.clone(),
            inputs_sha256: inputs_sha256(stack, inputs),
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
            memory_headroom_percent: estimates
                .fits
                .iter()
                .filter_map(|fit| Some((fit.model.name.clone(), fit.load.as_ref()?.headroom_percent?)))
                .collect(),
            monthly: estimates.cost.and_then(Monthly::of),
            files: set.iter().map(|(path, text)| (path.to_owned(), sha256(text.as_bytes()))).collect(),
        }
    }

    /// As pretty-printed JSON.
    pub fn to_json(&self) -> String {
        // Strings and numbers only: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// One digest over the spec, with every default filled in, and over the files that it names. The
/// spec's layout, comments and file name are not in it.
fn inputs_sha256(stack: &Stack, inputs: &[(String, String)]) -> String {
    let spec = recorded(stack).to_string();
    let files = inputs.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    digest(std::iter::once(("", spec.as_bytes())).chain(files))
}

/// The stack as `stack.json` records it. Where the tree is delivered to is not part of it.
pub fn recorded(stack: &Stack) -> Value {
    let mut record = stack.explicit.to_value();
    if let Some(fields) = record.as_object_mut() {
        fields.shift_remove("deliver");
    }
    record
}

/// Text of [`RECORD_FILE`].
pub(super) fn record(stack: &Stack) -> String {
    serde_json::to_string_pretty(&recorded(stack)).unwrap_or_default() + "\n"
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
