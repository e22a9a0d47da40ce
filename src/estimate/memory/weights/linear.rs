//! Matrices of linear layers in every format, as the engine holds them after loading.

use super::plan::Plan;
use super::tally::{Tally, product, rounded};
use crate::catalog::WeightFormat;
use crate::estimate::memory::Bounds;

/// A linear layer, or equal ones that are one tensor, as it stands on one GPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    /// Matrices in the tensor: experts, otherwise 1.
    pub count: u64,
    /// Inputs of each on this GPU.
    pub inputs: u64,
    /// Outputs of each on this GPU, of merged layers together.
    pub outputs: u64,
    /// Whether there is a bias.
    pub bias: bool,
    /// How it is stored; none in the model's own type.
    pub format: Option<WeightFormat>,
    /// What a kernel pads the rows of 4-bit values to, in elements; scales are not padded with them.
    pub row_padding: u64,
}

impl Linear {
    /// One matrix without bias.
    pub(super) const fn new(inputs: u64, outputs: u64, format: Option<WeightFormat>) -> Self {
        Self { count: 1, inputs, outputs, bias: false, format, row_padding: 1 }
    }

    /// The same with a bias, or not.
    #[must_use]
    pub(super) const fn biased(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// The same for `count` experts.
    #[must_use]
    pub(super) const fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// Adds its tensors.
    ///
    /// vLLM 0.32.0, `model_executor/layers/quantization/`: `fp8.py`, `fbgemm_fp8.py`,
    /// `compressed_tensors/schemes/`, `auto_awq.py`, `auto_gptq.py`, `mxfp4.py`, `modelopt.py`. Repacking
    /// for Marlin keeps the sizes; its workspace is a counter for each multiprocessor.
    pub(super) fn add(self, plan: &Plan<'_>, tally: &mut Tally) {
        let Self { count, inputs, outputs, bias, format, row_padding } = self;
        let elements = product(&[count, inputs, outputs]);
        match format {
            None => tally.tensor(elements.saturating_mul(plan.element_bytes)),
            Some(WeightFormat::Fp8Tensor) => {
                tally.tensor(elements);
                tally.tensor(count.saturating_mul(4));
                tally.tensor(count.saturating_mul(4));
            }
            Some(WeightFormat::Fp8Channel | WeightFormat::Int8Channel) => {
                tally.tensor(elements);
                tally.tensor(product(&[count, outputs, 4]));
            }
            Some(WeightFormat::Fp8Block(rows, columns)) => {
                tally.tensor(elements);
                tally.bounded(block_scales(plan, count, (outputs, rows), (inputs, columns)));
            }
            Some(WeightFormat::Int4 { group, zero_points }) => {
                let in_groups = product(&[count, outputs, groups(inputs, group)]);
                tally.repacked(elements.div_ceil(2));
                tally.tensor(in_groups.saturating_mul(plan.element_bytes));
                if zero_points {
                    tally.tensor(in_groups.div_ceil(2));
                }
            }
            Some(WeightFormat::Int8Group { group }) => {
                tally.tensor(elements);
                tally.tensor(product(&[count, outputs, groups(inputs, group), plan.element_bytes]));
            }
            Some(WeightFormat::Mxfp4) => {
                let values = product(&[count, outputs, rounded(inputs, row_padding)]);
                tally.repacked(values.div_ceil(2));
                tally.tensor(product(&[count, outputs, groups(inputs, 32)]));
            }
            Some(WeightFormat::Nvfp4) => {
                tally.repacked(elements.div_ceil(2));
                tally.tensor(product(&[count, rounded(outputs, 128), rounded(groups(inputs, 16), 4)]));
                tally.tensor(count.saturating_mul(4));
                tally.tensor(count.saturating_mul(4));
            }
        }
        if bias {
            plan.plain(tally, &[count, outputs]);
        }
    }
}

/// Scales of blocks, as kernels of the GPU hold them.
///
/// vLLM 0.32.0, `layers/quantization/utils/marlin_utils_fp8.py`: GPUs that do not compute 8-bit floats
/// (below 8.9) repeat the scales for every output, in the model's type. `fp8_utils.py`,
/// `deepgemm_post_process_weight_scale_block`: DeepGEMM on Blackwell repeats them too, in 8 bit.
fn block_scales(plan: &Plan<'_>, count: u64, (outputs, rows): (u64, u32), (inputs, columns): (u64, u32)) -> Bounds {
    let of_inputs = groups(inputs, columns);
    let as_stored = product(&[count, groups(outputs, rows), of_inputs, 4]);
    let repeated = product(&[count, outputs, of_inputs]);
    if plan.capability < (8, 9) {
        return Bounds::exact(repeated.saturating_mul(plan.element_bytes));
    }
    let high = if plan.capability.0 >= 10 { as_stored.max(repeated) } else { as_stored };
    Bounds { low: as_stored, expected: as_stored, high }
}

/// Groups of `size` in `length`; one where the group is the whole length (a size of 0).
fn groups(length: u64, size: u32) -> u64 {
    if size == 0 { 1 } else { length.div_ceil(u64::from(size)) }
}
