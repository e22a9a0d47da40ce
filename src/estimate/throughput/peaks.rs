//! How fast a GPU multiplies matrices of each format.

use crate::catalog::{Gpu, WeightFormat};

/// Operations each second of one GPU: what an engine reaches for, and what no engine exceeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flops {
    /// With the kernels that engines have.
    pub(super) usual: f64,
    /// With the fastest arithmetic of the GPU that keeps the format.
    pub(super) most: f64,
}

const TERA: f64 = 1e12;

impl Flops {
    /// For weights of `format`; none: 16 bits.
    ///
    /// 8-bit floats and 8-bit integers with a scale for each row are multiplied as they are, where the GPU
    /// can; other formats are widened to 16 bits first (Marlin: vLLM, `docs/features/quantization`). As
    /// newer kernels may narrow the activations instead, the most is the fastest type of the GPU.
    pub(super) fn of(gpu: &Gpu, format: Option<WeightFormat>) -> Self {
        let peak = gpu.peak;
        let wide = peak.tflops_16;
        let eight = peak.tflops_8.unwrap_or(wide);
        let has_fp4 = peak.tflops_4.is_some();
        let usual = match format {
            None | Some(WeightFormat::Int4 { .. } | WeightFormat::Int8Group { .. } | WeightFormat::Mxfp4) => wide,
            Some(WeightFormat::Fp8Tensor | WeightFormat::Fp8Channel | WeightFormat::Fp8Block(..)) => {
                if gpu.has_fp8 {
                    eight
                } else {
                    wide
                }
            }
            Some(WeightFormat::Int8Channel) => eight,
            // Two 4-bit operands on Blackwell.
            Some(WeightFormat::Nvfp4) => {
                if has_fp4 {
                    peak.tflops_4.unwrap_or(wide)
                } else {
                    wide
                }
            }
        };
        let most = match format {
            None => wide,
            Some(WeightFormat::Mxfp4 | WeightFormat::Nvfp4) => peak.tflops_4.unwrap_or(eight),
            Some(_) => eight,
        };
        // Sums of 16 bits are outside of what engines do by default, but not of what the card can do.
        let sums = if peak.halves_wide_sums { 2.0 } else { 1.0 };
        Self { usual: usual * TERA, most: most.max(usual) * sums * TERA }
    }

    /// For attention, whose operands have 16 bits; 8 bits are the fastest that a kernel has (FlashAttention 3).
    pub(super) fn attention(gpu: &Gpu) -> Self {
        Self { usual: Self::of(gpu, None).usual, most: Self::of(gpu, Some(WeightFormat::Fp8Tensor)).most }
    }
}
