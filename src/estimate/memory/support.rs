//! What besides memory is known to stop a start, or to make it one whose arithmetic is not followed here.
//!
//! A verdict says that the engine starts, so what its sources refuse must not be hidden behind memory
//! that suffices. Nothing here is a refusal: each is a reason why nothing is proven.

use semver::Version;

use super::Setup;
use crate::catalog::{Dtype, FeedForward, LayerRun, Mixer, Part, Shape, WeightFormat};

/// Reasons why the arithmetic of the proof may not be the engine's, so that a refusal is not proven either.
pub(super) fn other_arithmetic(setup: &Setup<'_>) -> Vec<String> {
    let mut out = setup.unsupported.clone();
    if let Some(why) = first_engine(setup) {
        out.push(format!("what the V0 engine does, which vLLM {} falls back to for {why}", setup.version));
    }
    out
}

/// Reasons why the engine may refuse although the memory suffices.
pub(super) fn other_refusals(setup: &Setup<'_>) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(old_gpu(setup));
    let Some(shape) = &setup.facts.shape else { return out };
    out.extend(format_of_gpu(setup, shape));
    out.extend(eight_bit_cache(setup));
    out.extend(attention_of_gpu(setup, shape));
    for run in &shape.layers {
        if let Some(misfit) = blocks(setup, shape, run)
            && !out.contains(&misfit)
        {
            out.push(misfit);
        }
    }
    out
}

/// For what the version falls back to its first engine (`EngineArgs._is_v1_supported_oracle`, until 0.10.2).
fn first_engine(setup: &Setup<'_>) -> Option<&'static str> {
    let before = |minor, patch| setup.version < Version::new(0, minor, patch);
    if !before(11, 0) {
        return None;
    }
    let shape = setup.facts.shape.as_ref();
    let is_recurrent = |run: &LayerRun| matches!(run.mixer, Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_));
    let major = setup.gpu.compute_capability.0;
    if major < 8 && before(10, 2) {
        return Some("GPUs below compute capability 8.0");
    }
    if before(10, 2) && shape.is_some_and(|shape| shape.layers.iter().any(is_recurrent)) {
        return Some("recurrent layers");
    }
    // FlashAttention 3 reads an 8-bit cache, on Hopper alone; 0.10 takes one on Blackwell too.
    let reads_eight_bits = setup.kv_cache_dtype.starts_with("fp8") && (major == 9 && !before(8, 2) || major == 10 && !before(10, 0));
    if setup.kv_cache_dtype != "auto" && !reads_eight_bits {
        return Some("this `--kv-cache-dtype`");
    }
    if setup.speculative_tokens > 0 && before(9, 0) {
        return Some("speculative decoding");
    }
    if setup.dtype == Some(Dtype::Float32) {
        return Some("`--dtype float32`");
    }
    // `SupportsV0Only` in `models/gemma3_mm.py` of that release alone.
    let is_gemma = shape.is_some_and(|shape| shape.architecture == "Gemma3ForConditionalGeneration");
    (is_gemma && before(8, 1)).then_some("this model class")
}

/// `check_if_supports_dtype` of `platforms/cuda.py`, and that attention for such GPUs was dropped release by release.
fn old_gpu(setup: &Setup<'_>) -> Option<String> {
    let (major, minor) = setup.gpu.compute_capability;
    if major >= 8 {
        return None;
    }
    if setup.dtype == Some(Dtype::Bfloat16) {
        return Some(format!(
            "how `{}` computes bfloat16, which vLLM takes on GPUs of compute capability 8.0 and more, not {major}.{minor}; `--dtype=half` is what it asks for",
            setup.gpu.name
        ));
    }
    Some(format!("which kernels vLLM {} has for GPUs of compute capability {major}.{minor}", setup.version))
}

/// Least compute capability of a format: `get_min_capability` of `layers/quantization/` and of
/// `compressed_tensors/schemes/`, 0.8.0 to 0.33.0.
fn format_of_gpu(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let quantization = shape.quantization.as_ref()?;
    let capability = setup.gpu.compute_capability;
    let before = |minor, patch| setup.version < Version::new(0, minor, patch);
    let is_modelopt = quantization.method.starts_with("modelopt");
    let mut formats = quantization.other.iter().map(|(_, format)| *format).chain([quantization.format]);
    let lacks = |format: WeightFormat| match format {
        WeightFormat::Fp8Tensor | WeightFormat::Fp8Channel | WeightFormat::Fp8Block(..) if is_modelopt => {
            capability < (8, 9) && before(28, 0)
        }
        // Blackwell's matrix units have no 8-bit integers (`csrc/quantization`, "Int8 not supported on SM100").
        WeightFormat::Int8Channel => capability.0 >= 10,
        // Marlin took them on older GPUs later than the kernels of Blackwell came.
        WeightFormat::Nvfp4 => capability.0 < 10 && (if is_modelopt { before(9, 2) } else { before(11, 0) }),
        _ => false,
    };
    let (major, minor) = capability;
    let words = || format!("whether vLLM {} has kernels for these weights on GPUs of compute capability {major}.{minor}", setup.version);
    formats.any(lacks).then(words)
}

/// An 8-bit cache on GPUs that do not compute 8-bit floats: FlashInfer widens it, which vLLM chooses for it
/// since 0.32 (`get_attn_backend` of `platforms/cuda.py`).
fn eight_bit_cache(setup: &Setup<'_>) -> Option<String> {
    let asked = matches!(setup.kv_cache_dtype.as_str(), "fp8" | "fp8_e4m3");
    let lacks = setup.gpu.compute_capability < (8, 9) && setup.version < Version::new(0, 32, 0);
    (asked && lacks).then(|| format!("which attention of vLLM {} reads an 8-bit cache on `{}`", setup.version, setup.gpu.name))
}

/// Sparse latent attention has kernels for Hopper and Blackwell of the data centre (`flashmla_sparse.py`:
/// `supports_compute_capability`).
fn attention_of_gpu(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let is_sparse = |run: &LayerRun| matches!(&run.mixer, Mixer::Mla(layer) if layer.indexer.is_some());
    let has_kernels = matches!(setup.gpu.compute_capability.0, 9 | 10);
    (!has_kernels && shape.layers.iter().any(is_sparse)).then(|| format!("whether sparse attention has kernels for `{}`", setup.gpu.name))
}

/// Shares of a quantized layer that do not end where its blocks or groups do, in the engine's words:
/// `validate_fp8_block_shape` and `validate_fp8_block_shape_moe` (`fp8_utils.py`; 0.8.0: `fp8.py`),
/// `verify_marlin_supports_shape` (`marlin_utils.py`), `AWQLinearMethod.create_weights`.
fn blocks(setup: &Setup<'_>, shape: &Shape, run: &LayerRun) -> Option<String> {
    let quantization = shape.quantization.as_ref()?;
    let gpus = setup.tensor_parallel.max(1);
    let format = |part: Part| {
        let other = quantization.other.iter().find(|(other, _)| *other == part).map(|(_, format)| *format);
        (!run.unquantized.contains(&part)).then_some(other.unwrap_or(quantization.format))
    };
    let width = |what: &str, width: u64, part: Part| misfit(what, width, gpus, format(part)?);
    let mixer = match &run.mixer {
        Mixer::Attention(layer) => {
            let value = layer.value_head_dim.unwrap_or(layer.head_dim);
            width("the output projection", layer.heads.saturating_mul(value), Part::MixerOutput)
        }
        Mixer::Mla(layer) => width("the output projection", layer.heads.saturating_mul(layer.v_head_dim), Part::MixerOutput),
        _ => None,
    };
    mixer.or_else(|| match &run.feed_forward {
        FeedForward::Dense(block) => width("the feed-forward block", block.intermediate_size, Part::Dense),
        FeedForward::Experts(mixture) => {
            let is_split = !(setup.expert_parallel && gpus > 1);
            let routed = if is_split { width("an expert", mixture.intermediate_size, Part::Experts) } else { None };
            let shared = mixture.shared_intermediate_size;
            routed.or_else(|| if shared > 0 { width("the shared experts", shared, Part::SharedExperts) } else { None })
        }
        FeedForward::None => None,
    })
}

/// That the share of one GPU in `width` is no whole number of blocks or groups.
fn misfit(what: &str, width: u64, gpus: u64, format: WeightFormat) -> Option<String> {
    let size = match format {
        WeightFormat::Fp8Block(rows, columns) => u64::from(rows.max(columns)),
        // Groups of 0 are whole rows; kernels take multiples of 64 at least.
        WeightFormat::Int4 { group, .. } | WeightFormat::Int8Group { group } => u64::from(group).max(64),
        _ => return None,
    };
    let share = width / gpus;
    let fits = !width.is_multiple_of(gpus) || share.is_multiple_of(size);
    (!fits).then(|| {
        format!(
            "how {what} is split: the share of one of {gpus} GPUs ({share}) is not divisible by the block or group of the quantization ({size}), which vLLM refuses unless a kernel takes smaller ones"
        )
    })
}

#[cfg(test)]
mod tests;
