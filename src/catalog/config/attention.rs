//! Attention: heads, biases, and which tokens each layer sees.

use super::family::Family;
use super::field::{Fault, Fields};
use super::{MOST_COUNT, MOST_TOKENS, MOST_WIDTH};
use crate::catalog::facts::{Attention, Indexer, Mla, Reach};

/// Attention of the layers of a model: as most layers have it, and as some do.
pub(super) struct Attends {
    usual: Attention,
    /// By layer, where some differ.
    special: Vec<Option<Attention>>,
}

impl Attends {
    /// Reads heads and biases.
    pub(super) fn read(family: Family, text: &Fields<'_>, count: u64) -> Result<Self, Fault> {
        let heads = Family::heads(Some(family), text)?;
        let mut attends = Self::plain(family, text, heads, family.kv_heads(text, heads)?)?;
        match family {
            Family::MimoV2 => attends.mimo(text, count)?,
            Family::Gemma4 => attends.gemma4(text, count)?,
            _ => {}
        }
        Ok(attends)
    }

    /// The same attention on every layer.
    pub(super) fn plain(family: Family, text: &Fields<'_>, heads: u64, kv_heads: u64) -> Result<Self, Fault> {
        let stated = text.flag("attention_bias")?.unwrap_or(false) || (family == Family::Llama && text.flag("bias")?.unwrap_or(false));
        let qkv_bias = match family {
            Family::Qwen2 => true,
            // Its class gives q, k and v a bias only as `attention_bias`; MiMo's is Qwen 2's.
            Family::Llama => match text.flag("qkv_bias")? {
                Some(bias) => bias,
                None => stated || text.text("model_type")? == Some("mimo"),
            },
            Family::Phi3 | Family::Mixtral | Family::Llama4 | Family::NemotronH | Family::Deci => false,
            _ => stated,
        };
        let output_bias = stated && matches!(family, Family::Llama | Family::GptOss | Family::Gemma2 | Family::Gemma3 | Family::Gemma4);
        let output_bias = output_bias && text.text("model_type")? != Some("mimo");
        let usual = Attention {
            heads,
            kv_heads,
            head_dim: family.head_dim(text, heads)?,
            value_head_dim: None,
            reach: Reach::All,
            qkv_bias,
            output_bias,
            // Qwen3-Next has the gate always; its successors say so.
            output_gate: family == Family::QwenHybrid && text.flag("attn_output_gate")?.unwrap_or(true),
            shared_key_value: false,
            shares_cache: false,
        };
        Ok(Self { usual, special: Vec::new() })
    }

    /// Layer `at`, which sees `reach`.
    pub(super) fn layer(&self, at: u64, reach: Reach) -> Attention {
        let special = usize::try_from(at).ok().and_then(|at| self.special.get(at)).and_then(Option::as_ref);
        Attention { reach, ..special.unwrap_or(&self.usual).clone() }
    }

    /// MiMo V2: layers with a window have heads of their own, and values are narrower than keys.
    fn mimo(&mut self, text: &Fields<'_>, count: u64) -> Result<(), Fault> {
        let dim = |key| text.whole(key, 1..=MOST_WIDTH);
        self.usual.value_head_dim = dim("v_head_dim")?.filter(|value| *value != self.usual.head_dim);
        let heads = text.whole("swa_num_attention_heads", 1..=MOST_COUNT)?.unwrap_or(self.usual.heads);
        let head_dim = dim("swa_head_dim")?.unwrap_or(self.usual.head_dim);
        let window = Attention {
            heads,
            kv_heads: text.whole("swa_num_key_value_heads", 1..=MOST_COUNT)?.unwrap_or(self.usual.kv_heads),
            head_dim,
            value_head_dim: dim("swa_v_head_dim")?.filter(|value| *value != head_dim),
            ..self.usual.clone()
        };
        let pattern = pattern(text, "hybrid_layer_pattern", count)?;
        self.special = pattern.into_iter().map(|is_window| is_window.then(|| window.clone())).collect();
        Ok(())
    }

    /// Gemma 4: layers that see everything have other heads, and keys that may serve as values.
    fn gemma4(&mut self, text: &Fields<'_>, count: u64) -> Result<(), Fault> {
        let shared = text.flag("attention_k_eq_v")?.unwrap_or(false);
        let kv_heads = text.whole("num_global_key_value_heads", 1..=MOST_COUNT)?.filter(|_| shared).unwrap_or(self.usual.kv_heads);
        let head_dim = text.whole("global_head_dim", 1..=MOST_WIDTH)?.unwrap_or(self.usual.head_dim);
        let full = Attention { kv_heads, head_dim, shared_key_value: shared, ..self.usual.clone() };
        let without_cache = text.whole("num_kv_shared_layers", 0..=count)?.unwrap_or(0);
        for (at, reach) in (0..count).zip(reaches(Family::Gemma4, text, count)?) {
            let mut layer = if reach == Reach::All { full.clone() } else { self.usual.clone() };
            layer.shares_cache = at >= count - without_cache;
            self.special.push(Some(layer));
        }
        Ok(())
    }
}

/// What each layer sees where `layer_types` does not say that it sees everything.
pub(super) fn reaches(family: Family, text: &Fields<'_>, count: u64) -> Result<Vec<Reach>, Fault> {
    let window = window(family, text)?;
    let types = text.per_layer("layer_types", count)?;
    if let (Some(types), true) = (types, family != Family::Llama4) {
        let reach = |kind: &serde_json::Value| match (kind.as_str(), window) {
            (Some("sliding_attention"), Some(window)) => Ok(Reach::Window(window)),
            (Some("sliding_attention"), None) => {
                Err(text.fault("sliding_window", "is missing, and `layer_types` has layers with a window"))
            }
            _ => Ok(Reach::All),
        };
        return types.iter().map(reach).collect();
    }
    let every = |sees_all: &dyn Fn(u64) -> bool| -> Vec<Reach> {
        let reach = |at| window.filter(|_| !sees_all(at)).map_or(Reach::All, Reach::Window);
        (0..count).map(reach).collect()
    };
    match family {
        Family::Gemma2 => Ok(every(&|at| at % 2 == 1)),
        Family::Gemma3 | Family::Gemma4 => {
            let period = text.whole("sliding_window_pattern", 1..=MOST_COUNT)?.unwrap_or(6);
            Ok(every(&|at| (at + 1).is_multiple_of(period)))
        }
        Family::GptOss => Ok(every(&|at| at % 2 == 1)),
        Family::Qwen2 | Family::Qwen3 => {
            let first = text.whole("max_window_layers", 0..=MOST_COUNT)?.unwrap_or(28);
            Ok(every(&|at| at < first))
        }
        Family::MimoV2 => {
            let pattern = pattern(text, "hybrid_layer_pattern", count)?;
            Ok(every(&|at| !pattern.get(at as usize).copied().unwrap_or(false)))
        }
        Family::Llama4 => {
            let Some(chunk) = text.whole("attention_chunk_size", 1..=MOST_TOKENS)? else { return Ok(vec![Reach::All; count as usize]) };
            let period = text.whole("no_rope_layer_interval", 1..=MOST_COUNT)?.unwrap_or(4);
            // Layers without rotated positions see everything; an empty list means the period.
            let positions = match text.list("no_rope_layers")? {
                None | Some([]) => (0..count).map(|at| !(at + 1).is_multiple_of(period)).collect(),
                Some(_) => pattern(text, "no_rope_layers", count)?,
            };
            Ok(positions.into_iter().map(|in_chunks| if in_chunks { Reach::Chunk(chunk) } else { Reach::All }).collect())
        }
        _ => Ok(every(&|_| false)),
    }
}

/// The window, where the model uses one.
fn window(family: Family, text: &Fields<'_>) -> Result<Option<u64>, Fault> {
    if text.flag("use_sliding_window")? == Some(false) {
        return Ok(None);
    }
    let stated = text.whole("sliding_window", 1..=MOST_TOKENS)?;
    // These classes have a window of 4096 unless the field says `null`.
    let unwritten = !text.keys().any(|key| key == "sliding_window");
    let default = match family {
        Family::Gemma2 | Family::Gemma3 => true,
        Family::Llama => text.text("model_type")? == Some("mistral"),
        _ => false,
    };
    let used = match family {
        Family::Qwen2 | Family::Qwen3 => text.flag("use_sliding_window")? == Some(true),
        Family::Llama4 | Family::QwenHybrid | Family::NemotronH | Family::DeepSeek | Family::DeepSeekSparse => false,
        _ => true,
    };
    Ok(stated.or((default && unwritten).then_some(4096)).filter(|_| used))
}

/// A list of zeros and ones, one for each layer.
pub(super) fn pattern(text: &Fields<'_>, key: &str, count: u64) -> Result<Vec<bool>, Fault> {
    let list = text.per_layer(key, count)?.ok_or_else(|| text.fault(key, "is missing; it must be a list with 0 or 1 for each layer"))?;
    let bit = |(at, value): (usize, &serde_json::Value)| match value.as_u64() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(text.fault(&format!("{key}.{at}"), "must be 0 or 1")),
    };
    list.iter().enumerate().map(bit).collect()
}

/// Latent attention of layer `at`.
pub(super) fn latent(family: Family, text: &Fields<'_>, at: u64) -> Result<Mla, Fault> {
    let dim = |key| text.required(key, 1..=MOST_WIDTH);
    let indexer = if family == Family::DeepSeekSparse && has_indexer(text, at)? {
        Some(Indexer { heads: text.required("index_n_heads", 1..=MOST_COUNT)?, head_dim: dim("index_head_dim")? })
    } else {
        None
    };
    Ok(Mla {
        heads: text.required("num_attention_heads", 1..=MOST_COUNT)?,
        q_lora_rank: text.whole("q_lora_rank", 1..=MOST_WIDTH)?,
        kv_lora_rank: dim("kv_lora_rank")?,
        qk_rope_head_dim: dim("qk_rope_head_dim")?,
        qk_nope_head_dim: dim("qk_nope_head_dim")?,
        v_head_dim: dim("v_head_dim")?,
        indexer,
    })
}

/// Whether layer `at` chooses tokens itself; others take those of the layer before (GLM 5.2).
fn has_indexer(text: &Fields<'_>, at: u64) -> Result<bool, Fault> {
    if let Some(pattern) = text.text("index_topk_pattern")? {
        let kind = usize::try_from(at).ok().and_then(|at| pattern.as_bytes().get(at));
        return Ok(kind != Some(&b'S'));
    }
    let period = text.whole("index_topk_freq", 1..=MOST_COUNT)?.unwrap_or(1);
    let offset = text.whole("index_skip_topk_offset", 0..=MOST_COUNT)?.unwrap_or(2);
    Ok((at + 1).saturating_sub(offset).is_multiple_of(period))
}
