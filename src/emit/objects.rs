//! Holding Kubernetes objects against themselves and each other, as an API server would.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Rule};

/// Rules of this stage.
pub(super) static RULES: &[&Rule] = &[];

/// The faults of `objects`, which are given with the path of the file that each becomes.
pub(super) fn check(_objects: &[(String, Value)]) -> Vec<Diagnostic> {
    Vec::new()
}
