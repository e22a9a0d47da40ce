//! What backends pad the experts to.

use super::plan::Plan;
use super::tally::rounded;
use crate::catalog::WeightFormat;

/// Sizes of an expert as a backend holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// What it reads.
    pub input: u64,
    /// Its width.
    pub width: u64,
    /// What rows of 4-bit values are padded to, in elements.
    pub row_padding: u64,
    /// Bytes of an element of a bias; none for the model's own type.
    pub bias_bytes: Option<u64>,
}

/// An expert as backends hold it: the smallest, the likely and the largest.
///
/// MXFP4, vLLM 0.32.0, `layers/fused_moe/oracle/mxfp4.py`, `mxfp4_round_up_hidden_size_and_intermediate_size`
/// (0.11.0: `layers/quantization/mxfp4.py`): Marlin (Ampere, Ada) pads the input to 256 and the width to
/// 128, as TRT-LLM's kernels on Blackwell do, the oldest of which pad both to 256. Hopper takes Triton's
/// kernels where they are installed and Marlin otherwise (`get_mxfp4_backend`). Triton's pad the width to
/// 64 and keep biases in 32 bit; their layouts (`triton_kernels/tensor_details/layout_details/`, 0.33.0) pad
/// rows of values to 128 bytes (`blackwell_value.py`) or not (`hopper_value.py`). What older ones do on
/// Hopper is not in vLLM's wheels, so all of this lies within the bounds; two logs of 0.11.0 agree with the padding.
pub(super) fn held(plan: &Plan<'_>, format: Option<WeightFormat>, input: u64, width: u64) -> [Held; 3] {
    let plain = Held { input, width, row_padding: 1, bias_bytes: None };
    if format != Some(WeightFormat::Mxfp4) {
        return [plain; 3];
    }
    let triton = Held { width: rounded(width, 64), bias_bytes: Some(4), ..plain };
    let padded = Held { row_padding: 256, ..triton };
    let marlin = Held { input: rounded(input, 256), width: rounded(width, 128), ..plain };
    let widest = Held { width: rounded(width, 256), ..marlin };
    match plan.capability.0 {
        9 => [triton, padded, marlin],
        10.. => [triton, marlin, widest],
        _ => [marlin; 3],
    }
}
