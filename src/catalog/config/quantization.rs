//! How a checkpoint is quantized, and which parts of it are not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::field::{Fault, Fields, short};
use super::modules::{Patterns, head_names, names, parts};
use crate::catalog::facts::{Part, Quantization, Shape, WeightFormat};

/// Formats and the layers that have them, in the order in which they are asked.
struct Scheme {
    method: String,
    /// Layers that keep the model's type.
    ignored: Patterns,
    /// Format of the layers that a pattern names, or of every other one without.
    groups: Vec<(Option<Patterns>, WeightFormat)>,
    /// Whether only experts are quantized, whatever the patterns say.
    experts_only: bool,
    head: Head,
    fp8_cache: bool,
}

/// Whether the output head is quantized.
enum Head {
    Never,
    /// Unless a pattern leaves it alone.
    LikeLayers,
}

/// Reads the quantization into `shape`, with the parts of each layer that have none.
pub(super) fn read(
    text: &Fields<'_>,
    top: &Fields<'_>,
    separate: Option<&Value>,
    shape: &mut Shape,
    missing: &mut Vec<String>,
) -> Result<(), Fault> {
    let mut stated = match top.object("quantization_config")? {
        Some(fields) => Some(fields),
        None => text.object("quantization_config")?,
    };
    let in_separate = stated.is_none() && separate.is_some();
    if stated.is_none()
        && let Some(separate) = separate
    {
        let file = Fields::of(separate).map_err(super::in_quantization_file)?;
        stated = Some(file.object("quantization").map_err(super::in_quantization_file)?.unwrap_or(file));
    }
    let Some(fields) = stated else { return Ok(()) };
    match scheme(&fields).map_err(|fault| Fault { in_quantization_file: in_separate, ..fault })? {
        Err(unknown) => missing.push(unknown),
        Ok(scheme) => apply(&scheme, shape, missing),
    }
    Ok(())
}

/// The scheme, or what of it is not understood.
fn scheme(fields: &Fields<'_>) -> Result<Result<Scheme, String>, Fault> {
    let algorithm = fields.text("quant_algo")?;
    let method = match fields.text("quant_method")? {
        Some(method) => method,
        None if algorithm.is_some() => "modelopt",
        None => return Err(fields.fault("quant_method", "is missing; it must be the name of the quantization method")),
    };
    let mut ignored: Vec<&str> = Vec::new();
    for key in ["ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"] {
        ignored.extend(fields.texts(key)?.unwrap_or_default());
    }
    let groups = match method {
        "fp8" if algorithm.is_some() => Err("a mixture of `fp8` and other formats".to_owned()),
        "fp8" => Ok(vec![(None, block_or(fields, WeightFormat::Fp8Tensor)?)]),
        "fbgemm_fp8" => Ok(vec![(None, WeightFormat::Fp8Channel)]),
        "awq" => integers(fields, true)?.map(|format| vec![(None, format)]),
        "gptq" => integers(fields, false)?.map(|format| vec![(None, format)]),
        "mxfp4" => Ok(vec![(None, WeightFormat::Mxfp4)]),
        "compressed-tensors" => compressed(fields)?,
        "modelopt" | "modelopt_fp4" | "modelopt_mixed" => modelopt(fields, algorithm, &ignored)?,
        other => Err(format!("the quantization method `{}`", short(other))),
    };
    let head = match method {
        "modelopt" | "modelopt_fp4" | "modelopt_mixed" => Head::LikeLayers,
        "gptq" if fields.flag("lm_head")? == Some(true) => Head::LikeLayers,
        _ => Head::Never,
    };
    let fp8_cache = fp8_cache(fields)?;
    Ok(groups.and_then(|groups| {
        let ignored = Patterns::new(ignored)?;
        Ok(Scheme { method: method.to_owned(), ignored, groups, experts_only: method == "mxfp4", head, fp8_cache })
    }))
}

/// Blocks where `weight_block_size` says so, else `otherwise`.
fn block_or(fields: &Fields<'_>, otherwise: WeightFormat) -> Result<WeightFormat, Fault> {
    let Some(sizes) = fields.list("weight_block_size")? else { return Ok(otherwise) };
    pair(sizes)
        .map(|(rows, columns)| WeightFormat::Fp8Block(rows, columns))
        .ok_or_else(|| fields.fault("weight_block_size", "must be two sizes between 1 and 65536"))
}

fn pair(sizes: &[Value]) -> Option<(u32, u32)> {
    let size = |value: &Value| value.as_u64().and_then(|size| u32::try_from(size).ok()).filter(|size| (1..=65_536).contains(size));
    match sizes {
        [rows, columns] => Some((size(rows)?, size(columns)?)),
        _ => None,
    }
}

/// AWQ and GPTQ.
fn integers(fields: &Fields<'_>, awq: bool) -> Result<Result<WeightFormat, String>, Fault> {
    let either = |new: &'static str, old: &'static str| if fields.has(new) { new } else { old };
    let bits = fields.required(either("bits", "w_bit"), 1..=16)?;
    let key = either("group_size", "q_group_size");
    if fields.value(key).and_then(Value::as_i64) == Some(-1) {
        return Ok(Err("integers with one scale for a whole row (`group_size` -1)".into()));
    }
    let group = fields.required(key, 1..=65_536)? as u32;
    let zero_points = if awq { fields.flag("zero_point")?.unwrap_or(true) } else { fields.flag("sym")? == Some(false) };
    Ok(match bits {
        4 => Ok(WeightFormat::Int4 { group, zero_points }),
        8 => Ok(WeightFormat::Int8Group { group }),
        other => Err(format!("integers of {other} bits")),
    })
}

type Groups = Vec<(Option<Patterns>, WeightFormat)>;

/// `compressed-tensors`: formats by group of layers.
fn compressed(fields: &Fields<'_>) -> Result<Result<Groups, String>, Fault> {
    let Some(configs) = fields.object("config_groups")? else {
        return Err(fields.fault("config_groups", "is missing; it must be an object with a format for each group of layers"));
    };
    let mut groups = Vec::new();
    let mut names: Vec<&str> = configs.keys().collect();
    names.sort_unstable();
    for name in names {
        let Some(group) = configs.object(name)? else { continue };
        let Some(weights) = group.object("weights")? else { continue };
        let format = match weight_format(&weights)? {
            Ok(format) => format,
            Err(unknown) => return Ok(Err(unknown)),
        };
        let targets = group.texts("targets")?.unwrap_or_default();
        let every = targets.is_empty() || targets.iter().any(|target| matches!(*target, "Linear" | "re:.*"));
        match if every { Ok(None) } else { Patterns::new(targets).map(Some) } {
            Ok(patterns) => groups.push((patterns, format)),
            Err(unknown) => return Ok(Err(unknown)),
        }
    }
    // A group that names layers goes before one for all.
    groups.sort_by_key(|(patterns, _)| patterns.is_none());
    Ok(if groups.is_empty() { Err("a quantization without weights".into()) } else { Ok(groups) })
}

/// The format of one group.
fn weight_format(weights: &Fields<'_>) -> Result<Result<WeightFormat, String>, Fault> {
    let bits = weights.required("num_bits", 1..=16)?;
    let kind = weights.text("type")?.unwrap_or("int");
    let group = if weights.value("group_size").and_then(Value::as_i64) == Some(-1) {
        None
    } else {
        weights.whole("group_size", 1..=65_536)?.map(|size| size as u32)
    };
    let default = if group.is_some() { "group" } else { "tensor" };
    let strategy = weights.text("strategy")?.unwrap_or(default);
    Ok(match (kind, bits, strategy, group) {
        ("float", 8, "tensor", _) => Ok(WeightFormat::Fp8Tensor),
        ("float", 8, "channel", _) => Ok(WeightFormat::Fp8Channel),
        ("float", 8, "block", _) => {
            let sizes = weights.list("block_structure")?.and_then(pair);
            sizes.map(|(rows, columns)| WeightFormat::Fp8Block(rows, columns)).ok_or_else(|| "blocks without `block_structure`".into())
        }
        ("float", 4, _, Some(16)) => Ok(WeightFormat::Nvfp4),
        ("float", 4, _, Some(32)) => Ok(WeightFormat::Mxfp4),
        ("int", 8, "channel", _) => Ok(WeightFormat::Int8Channel),
        ("int", 8, "group", Some(group)) => Ok(WeightFormat::Int8Group { group }),
        ("int", 4, "group", Some(group)) => Ok(WeightFormat::Int4 { group, zero_points: weights.flag("symmetric")? == Some(false) }),
        _ => Err(format!("weights of {bits} bits of the type `{}` with the strategy `{}`", short(kind), short(strategy))),
    })
}

/// Model Optimizer: one algorithm, or one for each layer.
fn modelopt(fields: &Fields<'_>, algorithm: Option<&str>, ignored: &[&str]) -> Result<Result<Groups, String>, Fault> {
    let Some(algorithm) = algorithm else { return Ok(Err("a `modelopt` quantization without `quant_algo`".into())) };
    if algorithm != "MIXED_PRECISION" {
        // Files that were shortened say nothing of the layers that they leave alone.
        if ignored.is_empty() {
            return Ok(Err("which layers are not quantized (`exclude_modules`)".into()));
        }
        return Ok(algorithm_format(algorithm).map(|format| vec![(None, format)]));
    }
    let Some(layers) = fields.object("quantized_layers")? else {
        return Ok(Err("the formats of a mixed quantization (`quantized_layers`)".into()));
    };
    let mut by_algorithm: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in layers.keys() {
        let layer = layers.object(name)?;
        let algorithm = layer.map(|layer| layer.text("quant_algo")).transpose()?.flatten().unwrap_or("none");
        by_algorithm.entry(algorithm).or_default().push(name);
    }
    let group = |(algorithm, names): (&str, Vec<&str>)| Ok((Some(Patterns::new(names)?), algorithm_format(algorithm)?));
    Ok(by_algorithm.into_iter().map(group).collect())
}

fn algorithm_format(algorithm: &str) -> Result<WeightFormat, String> {
    match algorithm {
        "FP8" => Ok(WeightFormat::Fp8Tensor),
        "FP8_PER_CHANNEL_PER_TOKEN" => Ok(WeightFormat::Fp8Channel),
        "FP8_PB_WO" => Ok(WeightFormat::Fp8Block(128, 128)),
        "NVFP4" | "W4A16_NVFP4" => Ok(WeightFormat::Nvfp4),
        "MXFP4" => Ok(WeightFormat::Mxfp4),
        other => Err(format!("the quantization algorithm `{}`", short(other))),
    }
}

fn fp8_cache(fields: &Fields<'_>) -> Result<bool, Fault> {
    if fields.text("kv_cache_quant_algo")?.is_some_and(|algorithm| algorithm == "FP8") {
        return Ok(true);
    }
    match fields.value("kv_cache_scheme") {
        Some(Value::Object(_)) => {
            let scheme = fields.object("kv_cache_scheme")?;
            Ok(scheme.map(|scheme| scheme.whole("num_bits", 1..=32)).transpose()?.flatten() == Some(8))
        }
        Some(Value::String(name)) => Ok(name == "FP8"),
        _ => Ok(false),
    }
}

/// Gives each part of each layer its format.
fn apply(scheme: &Scheme, shape: &mut Shape, missing: &mut Vec<String>) {
    let mut formats: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
    let mut seen: BTreeMap<String, WeightFormat> = BTreeMap::new();
    for (at, layer) in shape.layers.iter_mut().enumerate() {
        for (part, modules) in parts(layer) {
            let mut of_part = modules.iter().map(|module| {
                let only_experts = scheme.experts_only && part != Part::Experts;
                if only_experts { None } else { scheme.format(names(at as u64, module)) }
            });
            let first = of_part.next().flatten();
            if of_part.any(|format| format != first) {
                missing.push(format!("layer {at}, of whose {} some are quantized and some are not", words(part)));
                return;
            }
            match first {
                None => _ = layer.unquantized.insert(part),
                Some(format) => {
                    formats.entry(part).or_default().insert(format!("{format:?}"));
                    seen.insert(format!("{format:?}"), format);
                }
            }
        }
    }
    if let Some((part, _)) = formats.iter().find(|(_, formats)| formats.len() > 1) {
        missing.push(format!("{} whose format differs between layers", words(*part)));
        return;
    }
    let of = |part: Part| formats.get(&part).and_then(BTreeSet::first).and_then(|name| seen.get(name)).copied();
    let order = [Part::Experts, Part::Dense, Part::MixerInput, Part::MixerOutput, Part::SharedExperts];
    let Some(format) = order.into_iter().find_map(of) else {
        missing.push("which layers are quantized: the config names every one as left alone".into());
        return;
    };
    let other = order.into_iter().filter_map(|part| of(part).filter(|f| *f != format).map(|f| (part, f)));
    let head = match scheme.head {
        Head::Never => None,
        Head::LikeLayers => scheme.format(head_names()),
    };
    if head.is_some_and(|head| head != format) {
        missing.push("an output head in another format than the layers".into());
    }
    let other = other.collect();
    shape.quantization =
        Some(Quantization { method: scheme.method.clone(), format, other, head: head.is_some(), fp8_cache: scheme.fp8_cache });
}

impl Scheme {
    /// The format of the linear layer with these names.
    fn format(&self, names: impl Iterator<Item = String>) -> Option<WeightFormat> {
        let names: Vec<String> = names.collect();
        let any = |patterns: &Patterns| names.iter().any(|name| patterns.matches(name));
        if any(&self.ignored) {
            return None;
        }
        self.groups.iter().find(|(patterns, _)| patterns.as_ref().is_none_or(any)).map(|(_, format)| *format)
    }
}

fn words(part: Part) -> &'static str {
    match part {
        Part::MixerInput => "projections into the mixer",
        Part::MixerOutput => "projections out of the mixer",
        Part::Dense => "feed-forward projections",
        Part::Experts => "experts",
        Part::SharedExperts => "shared experts",
    }
}
