//! What backends pad the experts to.

use super::plan::Plan;
use super::tally::rounded;
use crate::catalog::WeightFormat;

/// Inputs and width of an expert as backends pad them: the least, the likely and the most.
///
/// MXFP4, vLLM 0.32.0, `layers/fused_moe/oracle/mxfp4.py`, `mxfp4_round_up_hidden_size_and_intermediate_size`
/// (0.11.0: `layers/quantization/mxfp4.py`): the Triton kernels that Hopper takes pad the width to 64,
/// Marlin (Ampere, Ada) pads the input to 256 and the width to 128, as TRT-LLM's kernels on Blackwell do,
/// the oldest of which pads both to 256.
pub fn padded(plan: &Plan<'_>, format: Option<WeightFormat>, input: u64, width: u64) -> [(u64, u64); 3] {
    if format != Some(WeightFormat::Mxfp4) {
        return [(input, width); 3];
    }
    let triton = (input, rounded(width, 64));
    let marlin = (rounded(input, 256), rounded(width, 128));
    let widest = (rounded(input, 256), rounded(width, 256));
    match plan.capability.0 {
        9 => [triton, triton, marlin],
        10.. => [triton, marlin, widest],
        _ => [marlin, marlin, marlin],
    }
}
