//! Parameters of encoders for images and sound.

use super::field::{Fault, Fields};
use crate::catalog::facts::Encoder;

/// The encoder of a model that has one.
pub(super) fn read(architecture: &str, top: &Fields<'_>) -> Result<Option<Encoder>, Fault> {
    let has_encoder = ["vision_config", "audio_config"].iter().any(|key| top.has(key));
    if !has_encoder && !architecture.ends_with("ForConditionalGeneration") {
        return Ok(None);
    }
    Ok(Some(Encoder { parameters: None }))
}
