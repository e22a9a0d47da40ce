//! Bytes of what the cache stores (`--kv-cache-dtype`).

use super::rules::Rules;
use crate::catalog::{Dtype, Quantization};
use crate::estimate::memory::Setup;

/// The type of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CacheType {
    /// Bytes of one element.
    pub(super) element_bytes: u64,
    /// Bytes of scales beside the keys and values of one head and token.
    pub(super) scale_bytes: u64,
    /// Whether elements have 8 bits, which chooses other kernels.
    pub(super) fp8: bool,
}

impl CacheType {
    const fn plain(element_bytes: u64) -> Self {
        Self { element_bytes, scale_bytes: 0, fp8: element_bytes == 1 }
    }
}

/// Type of the unquantized parts of the model.
pub(super) fn model_dtype(setup: &Setup<'_>) -> Option<Dtype> {
    setup.dtype.or_else(|| setup.facts.shape.as_ref().map(|shape| shape.dtype))
}

/// The type that `--kv-cache-dtype` stands for, or what is not known about it.
pub(super) fn cache_type(setup: &Setup<'_>, rules: Rules, quantization: Option<&Quantization>) -> Result<CacheType, String> {
    let model = model_dtype(setup).map_or(2, Dtype::bytes);
    let unknown = || format!("how vLLM {} stores a cache of type `{}`", setup.version, setup.kv_cache_dtype);
    match setup.kv_cache_dtype.as_str() {
        "auto" => match quantization.filter(|quantization| quantization.fp8_cache) {
            None => Ok(CacheType::plain(model)),
            // `utils/torch_utils.py`, `get_kv_cache_quant_algo_string`: since 0.14.0.
            Some(q) if q.method.starts_with("modelopt") => Ok(CacheType::plain(if rules.since(0, 14, 0) { 1 } else { model })),
            // `Attention.__init__`, `kv_cache_scheme`: since 0.15.0; before, "set it manually".
            Some(q) if q.method == "compressed-tensors" => Ok(CacheType::plain(if rules.since(0, 15, 0) { 1 } else { model })),
            Some(q) => Err(format!("whether vLLM {} follows the 8-bit cache that a `{}` checkpoint asks for", setup.version, q.method)),
        },
        "fp8" | "fp8_e4m3" | "fp8_e5m2" => Ok(CacheType::plain(1)),
        // `config/cache.py`, `CacheDType`.
        "bfloat16" if rules.since(0, 11, 0) => Ok(CacheType::plain(2)),
        "float16" if rules.since(0, 18, 0) => Ok(CacheType::plain(2)),
        // `v1/kv_cache_interface.py`: two 32-bit scales for each head and token.
        "int8_per_token_head" | "fp8_per_token_head" if rules.since(0, 20, 0) => {
            Ok(CacheType { element_bytes: 1, scale_bytes: 8, fp8: false })
        }
        _ => Err(unknown()),
    }
}
