//! How a setup shares a model: sizes on one GPU, and the layers of each pipeline stage.

use std::ops::Range;

use semver::Version;

use super::tally::{Allocator, Tally, product};
use crate::catalog::{Dtype, LayerRun, Part, Shape, WeightFormat};
use crate::estimate::memory::Setup;

/// Most GPUs that share a layer, and most stages; more is a mistake, not a machine.
const MOST: u64 = 4096;

/// What decides the size of every tensor.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    /// The model.
    pub shape: &'a Shape,
    /// Version of vLLM.
    pub version: Version,
    /// GPUs that share each layer.
    pub tensor_parallel: u64,
    /// Whether each GPU holds whole experts.
    pub expert_parallel: bool,
    /// Bytes of an element that is not quantized.
    pub element_bytes: u64,
    /// Format of linear layers that the checkpoint has in 16 bit and the engine quantizes.
    pub on_the_fly: Option<WeightFormat>,
    /// CUDA compute capability.
    pub capability: (u32, u32),
    /// How tensors are allocated.
    pub allocator: Allocator,
}

impl<'a> Plan<'a> {
    /// The plan of a setup.
    ///
    /// # Errors
    /// What cannot be planned, in words.
    pub(super) fn new(setup: &Setup<'_>, shape: &'a Shape) -> Result<Self, String> {
        if setup.tensor_parallel == 0 || setup.tensor_parallel > MOST || setup.pipeline_parallel == 0 || setup.pipeline_parallel > MOST {
            return Err(format!("sharing among {} GPUs in {} stages", setup.tensor_parallel, setup.pipeline_parallel));
        }
        Ok(Self {
            shape,
            version: setup.version.clone(),
            tensor_parallel: setup.tensor_parallel,
            expert_parallel: setup.expert_parallel && setup.tensor_parallel > 1,
            element_bytes: element_bytes(setup.dtype, shape.dtype),
            on_the_fly: on_the_fly(setup, shape)?,
            allocator: if setup.version < Version::new(0, 21, 0) { Allocator::Plain } else { Allocator::Unsplit },
            capability: setup.gpu.compute_capability,
        })
    }

    /// The share of one GPU in `size`, which must divide.
    ///
    /// # Errors
    /// Words for a size that the engine refuses to split.
    pub(super) fn split(&self, size: u64, what: &str) -> Result<u64, String> {
        if size.is_multiple_of(self.tensor_parallel) {
            Ok(size / self.tensor_parallel)
        } else {
            Err(format!("{what} ({size}) split among {} GPUs", self.tensor_parallel))
        }
    }

    /// Heads of keys and values on one GPU: split, or repeated where there are more GPUs than heads.
    ///
    /// vLLM 0.32.0, `model_executor/layers/linear.py`, `QKVParallelLinear`.
    ///
    /// # Errors
    /// Words for heads that the engine refuses to split.
    pub(super) fn kv_heads(&self, heads: u64) -> Result<u64, String> {
        if heads > 0 && self.tensor_parallel >= heads && self.tensor_parallel.is_multiple_of(heads) {
            return Ok(1);
        }
        self.split(heads, "key and value heads")
    }

    /// How a part of a layer is stored; none in the model's own type.
    pub(super) fn format(&self, run: &LayerRun, part: Part) -> Option<WeightFormat> {
        let Some(quantization) = &self.shape.quantization else { return self.on_the_fly };
        if run.unquantized.contains(&part) {
            return None;
        }
        let other = quantization.other.iter().find(|(other, _)| *other == part);
        Some(other.map_or(quantization.format, |(_, format)| *format))
    }

    /// A tensor in the model's own type.
    pub(super) fn plain(&self, tally: &mut Tally, sizes: &[u64]) {
        tally.tensor(product(sizes).saturating_mul(self.element_bytes));
    }
}

/// `--dtype auto` loads 32-bit checkpoints in 16 bit: vLLM 0.32.0, `config/model.py`, `_resolve_auto_dtype`.
fn element_bytes(asked: Option<Dtype>, stored: Dtype) -> u64 {
    asked.map_or(stored.bytes().min(2), Dtype::bytes)
}

/// What `--quantization` makes of a checkpoint that is not quantized: all linear layers and experts, not the
/// head (vLLM 0.32.0, `layers/quantization/online/`; 0.8.0: `fp8.py`, one scale for each matrix).
pub(in crate::estimate) fn on_the_fly(setup: &Setup<'_>, shape: &Shape) -> Result<Option<WeightFormat>, String> {
    if shape.quantization.is_some() {
        return Ok(None);
    }
    match setup.quantization.as_deref() {
        None => Ok(None),
        Some("fp8" | "fp8_per_tensor") => Ok(Some(WeightFormat::Fp8Tensor)),
        Some("fp8_per_block") => Ok(Some(WeightFormat::Fp8Block(128, 128))),
        Some("fp8_per_channel") => Ok(Some(WeightFormat::Fp8Channel)),
        Some(other) => Err(format!("what `--quantization {other}` makes of weights that are not quantized")),
    }
}

/// Layers of each pipeline stage.
///
/// vLLM, `distributed/utils.py`, `get_pp_indices` (0.8.0 and later): layers that are left over go one
/// each to the last stage but one and backwards from it, and to the first stage last of all.
///
/// # Errors
/// Words for more stages than layers.
pub(super) fn stages(layers: u64, stages: u64) -> Result<Vec<Range<u64>>, String> {
    if stages == 0 || stages > MOST || layers < stages {
        return Err(format!("{layers} layers in {stages} stages"));
    }
    let each = layers / stages;
    let left = layers % stages;
    let mut start = 0;
    Ok((0..stages)
        .map(|stage| {
            let extra = stage + 1 + left >= stages && stage + 1 < stages;
            let end = start + each + u64::from(extra);
            let range = start..end;
            start = end;
            range
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(layers: u64, parts: u64) -> Vec<u64> {
        stages(layers, parts).unwrap().into_iter().map(|range| range.end - range.start).collect()
    }

    #[test]
    fn layers_left_over_go_to_the_stages_before_the_last() {
        assert_eq!(counts(61, 4), [15, 15, 16, 15]);
        assert_eq!(counts(126, 4), [31, 32, 32, 31]);
        assert_eq!(counts(7, 4), [2, 2, 2, 1]);
        assert_eq!(counts(80, 2), [40, 40]);
        assert!(stages(3, 4).is_err());
        assert!(stages(1 << 60, 1 << 60).is_err());
    }
}
