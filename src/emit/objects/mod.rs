//! Holding Kubernetes objects against themselves and each other, as an API server would.
//!
//! JSON schemas know fields and types. An API server knows more, and refuses objects that every
//! schema accepts; and what it accepts can still point at nothing. Each file here holds rules of
//! one kind with their documentation. Types and unknown fields are left to the schemas: the
//! emitters write typed objects, and the tests hold them against Kubernetes' own schemas.

mod enums;
mod names;
mod node;
mod pods;
mod ports;
mod quantities;
mod references;
mod repeats;
mod replicas;
mod routes;
mod selectors;
mod set;
mod sizes;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Rule};
use set::Set;

/// Rules of this stage, sorted by code.
pub(super) static RULES: &[&Rule] = &[
    &names::INVALID_NAME,
    &names::INVALID_LABEL,
    &quantities::INVALID_QUANTITY,
    &ports::INVALID_PORT,
    &repeats::REPEATED_NAME,
    &quantities::INVALID_RESOURCES,
    &pods::INVALID_MOUNT,
    &selectors::INVALID_SELECTOR,
    &enums::INVALID_ENUM,
    &pods::INVALID_PROBE,
    &routes::INVALID_HTTP_ROUTE,
    &replicas::INVALID_REPLICAS,
    &sizes::OBJECT_TOO_LARGE,
    &repeats::REPEATED_OBJECT,
    &selectors::SELECTS_NOTHING,
    &ports::MISSING_PORT,
    &references::MISSING_OBJECT,
    &selectors::OVERLAPPING_SELECTORS,
    &set::UNKNOWN_KIND,
];

/// The faults of `objects`, which are given with the path of the file that each becomes.
pub(super) fn check(objects: &[(String, Value)]) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let objects = set::read(objects, &mut out);
    let set = Set::of(&objects);
    for check in [
        names::check,
        repeats::check,
        quantities::check,
        ports::check,
        pods::check,
        selectors::check,
        enums::check,
        routes::check,
        replicas::check,
        sizes::check,
        references::check,
    ] {
        check(&set, &mut out);
    }
    out
}
