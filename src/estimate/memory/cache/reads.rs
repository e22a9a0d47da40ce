//! What one request makes a GPU keep and read, layer by layer: the bytes behind the roofline.

use super::dtype::cache_type;
use super::page::Spec;
use super::rules::Rules;
use super::stage::packed;
use super::state::{StateRules, state};
use crate::catalog::{Mixer, Reach};
use crate::estimate::memory::Setup;
use crate::estimate::memory::weights::CHOSEN_TOKENS;

/// The cache of equal layers on one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerReads {
    /// How many layers.
    pub layers: u64,
    /// Bytes of each token that a query sees.
    pub token_bytes: u64,
    /// Which tokens it sees, and so are kept.
    pub reach: Reach,
    /// Most of these that are read in a step, where sparse attention chooses.
    pub chosen_tokens: Option<u64>,
    /// Bytes of a state, which is read and written in each step; 0 where the layer attends.
    pub state_bytes: u64,
}

/// The caches of all layers. Layers that read the cache of another are left out, as they keep none.
///
/// # Errors
/// What is not known about the model or the version, in words.
pub fn reads(setup: &Setup<'_>) -> Result<Vec<LayerReads>, String> {
    let rules = Rules::of(&setup.version)?;
    let Some(shape) = &setup.facts.shape else {
        return Err(format!("the layers of `{}`", setup.facts.repository));
    };
    let cache = cache_type(setup, rules, shape.quantization.as_ref())?;
    let mixers: Vec<&Mixer> = shape.layers.iter().map(|run| &run.mixer).collect();
    let mut out = Vec::new();
    for run in shape.layers.iter().filter(|run| run.count > 0) {
        let layers = u64::from(run.count);
        let attends = |spec: Spec, reach| LayerReads { layers, token_bytes: spec.token_bytes, reach, chosen_tokens: None, state_bytes: 0 };
        match &run.mixer {
            Mixer::Attention(layer) if layer.shares_cache => {}
            Mixer::Attention(layer) => out.push(attends(Spec::attention(layer, setup.tensor_parallel, cache, rules)?, layer.reach)),
            Mixer::Mla(layer) => {
                let latent = attends(Spec::mla(layer, cache, packed(setup, rules, cache, layer)?)?, Reach::All);
                out.push(LayerReads { chosen_tokens: layer.indexer.as_ref().map(|_| CHOSEN_TOKENS), ..latent });
                if let Some(indexer) = &layer.indexer {
                    out.push(attends(Spec::indexer(indexer)?, Reach::All));
                }
            }
            Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_) => {
                let copies = StateRules::of(setup, rules, &mixers)?.copies;
                let (convolution, recurrent, _) = state(setup, rules, &run.mixer, copies)?.shape;
                let state_bytes = convolution.saturating_add(recurrent);
                out.push(LayerReads { layers, token_bytes: 0, reach: Reach::All, chosen_tokens: None, state_bytes });
            }
            Mixer::None => {}
        }
    }
    Ok(out)
}
