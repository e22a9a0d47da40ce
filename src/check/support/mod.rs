//! What several rules share.

pub(super) mod answerers;
pub(super) mod budget;
pub(super) mod experiments;
pub(super) mod indicators;
pub(super) mod load;
pub(super) mod longest;
pub(super) mod names;
pub(super) mod overlong;
pub(super) mod placement;
pub(super) mod prices;
pub(super) mod remedy;
pub(super) mod template;
pub(super) mod throughput;
pub(super) mod traffic;

use std::sync::Arc;

use super::Context;
use crate::catalog::{self, ModelFacts};
use crate::spec::SourceRepository;

/// Facts of the model `name`: those of the file that it names, else the catalogue's.
pub(super) fn facts_of<'a>(cx: &Context<'a>, name: &str, source: &SourceRepository) -> Option<&'a Arc<ModelFacts>> {
    match cx.stack.facts.get(name) {
        Some(file) => file.facts(),
        None => catalog::model(&source.repository),
    }
}
