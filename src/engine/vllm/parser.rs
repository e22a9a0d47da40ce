//! What vLLM's own parser would say of an argument, by version.

use std::collections::BTreeSet;

use semver::Version;

use super::data::{DATA, Row};
use super::flags::owner;
use crate::engine::{Flag, FlagFault, FlagKind, Setting, ValueType};

/// An option as it was written.
pub(super) struct Found {
    /// What it is.
    pub(super) flag: &'static Flag,
    /// Whether its other side was written, such as `--no-x`.
    pub(super) negative: bool,
    /// Whether one key of its JSON was written, as in `--x.a.b`.
    pub(super) key: bool,
}

/// Flags with a registry of words that a file of the user's can add to, and the flag that names it.
const PLUGINS: &[(&str, &str)] = &[("--reasoning-parser", "--reasoning-parser-plugin"), ("--tool-call-parser", "--tool-parser-plugin")];

fn rows(version: &Version) -> impl Iterator<Item = &'static Row<Flag>> {
    let version = version.clone();
    DATA.flags.iter().filter(move |row| row.holds(&version))
}

/// Names of all options of a version.
pub(super) fn names(version: &Version) -> Vec<&'static str> {
    rows(version).map(|row| row.value.name).collect()
}

/// Other sides of an option.
fn negatives(flag: &Flag) -> Vec<String> {
    let plain = flag.name.trim_start_matches('-');
    let no = format!("--no-{plain}");
    let opposite = plain
        .strip_prefix("enable-")
        .map(|rest| format!("--disable-{rest}"))
        .or_else(|| plain.strip_prefix("disable-").map(|rest| format!("--enable-{rest}")));
    match flag.kind {
        FlagKind::Pair => vec![no],
        FlagKind::Opposites => std::iter::once(no).chain(opposite).collect(),
        _ => Vec::new(),
    }
}

/// The name as the parser compares it: before the first dot, underscores are dashes.
pub(super) fn normal(written: &str) -> String {
    match written.split_once('.') {
        Some((name, keys)) => format!("{}.{keys}", name.replace('_', "-")),
        None => written.replace('_', "-"),
    }
}

/// Whether keys of a value can be given one by one.
fn has_keys(flag: &Flag) -> bool {
    !flag.kind.takes_nothing() && (flag.value == ValueType::Json || flag.default.is_some_and(|d| d.starts_with('{')))
}

/// The option that `written` means: a name, another name, the other side, or the beginning of
/// exactly one (0.32.0 accepts `--tensor-par=4`).
///
/// # Errors
/// Why it means none.
pub(super) fn find(version: &Version, written: &str) -> Result<Found, FlagFault> {
    let normal = normal(written);
    let (name, key) = normal.split_once('.').map_or((normal.as_str(), false), |(name, _)| (name, true));
    let found = named(version, name)?;
    if key && !has_keys(found.flag) {
        return Err(FlagFault::Unknown { near: Some(found.flag.name.to_owned()) });
    }
    Ok(Found { key, ..found })
}

fn named(version: &Version, name: &str) -> Result<Found, FlagFault> {
    let mut begun: Vec<Found> = Vec::new();
    for row in rows(version) {
        let flag = &row.value;
        if flag.name == name || flag.aliases.contains(&name) {
            return Ok(Found { flag, negative: false, key: false });
        }
        let negatives = negatives(flag);
        if negatives.iter().any(|other| other == name) {
            return Ok(Found { flag, negative: true, key: false });
        }
        if name.len() > 2 && name.starts_with("--") {
            begun.extend(flag.name.starts_with(name).then_some(Found { flag, negative: false, key: false }));
            begun.extend(negatives.iter().any(|other| other.starts_with(name)).then_some(Found { flag, negative: true, key: false }));
        }
    }
    if begun.len() > 1 {
        let names: BTreeSet<&'static str> = begun.iter().map(|found| found.flag.name).collect();
        return Err(FlagFault::Ambiguous(names.into_iter().collect()));
    }
    begun.pop().ok_or_else(|| absent(version, name))
}

/// Why `version` has no option `name`.
fn absent(version: &Version, name: &str) -> FlagFault {
    let of_name = |row: &&Row<Flag>| row.value.name == name || negatives(&row.value).iter().any(|other| other == name);
    let others: Vec<&Row<Flag>> = DATA.flags.iter().filter(of_name).collect();
    if let Some(last) = others.iter().rev().find(|row| !row.is_later(version)) {
        let successor = DATA.successors.iter().find(|(flag, _)| *flag == last.value.name).map(|(_, successor)| successor.clone());
        return FlagFault::Removed { release: last.until, successor };
    }
    // `--disable-x` where only `--no-enable-x` is the other side of `--enable-x`.
    let pairs = others.iter().filter(|row| row.value.name != name).filter_map(|row| named(version, row.value.name).ok());
    if let Some(near) = pairs.map(|found| negatives(found.flag)).find_map(|names| names.into_iter().next()) {
        return FlagFault::Unknown { near: Some(near) };
    }
    match others.first() {
        Some(row) => FlagFault::Later { release: row.since },
        None => FlagFault::Unknown { near: None },
    }
}

/// Why an argument may not be given beside `others`, the model's own arguments.
pub(super) fn fault(version: &Version, written: &str, value: Option<&str>, others: &[String]) -> Option<FlagFault> {
    let normal = normal(written);
    if let Some(field) = owner(normal.split('.').next().unwrap_or_default()) {
        return Some(FlagFault::Owned(field));
    }
    let found = match find(version, written) {
        Ok(found) => found,
        Err(fault) => return Some(fault),
    };
    if let Some(field) = owner(found.flag.name) {
        return Some(FlagFault::Owned(field));
    }
    match value {
        None if found.flag.kind.takes_nothing() || found.flag.kind == FlagKind::Optional => None,
        None => Some(FlagFault::NeedsValue),
        Some(_) if found.flag.kind.takes_nothing() => Some(nothing(&found, value)),
        Some(_) if found.key => None,
        Some(value) => word_fault(version, found.flag, value, others).or_else(|| type_fault(found.flag, value)),
    }
}

/// A value for an option that takes none: `=false` was meant as its other side.
fn nothing(found: &Found, value: Option<&str>) -> FlagFault {
    let off = value.is_some_and(|v| ["false", "0", "no", "off"].contains(&v.to_ascii_lowercase().as_str()));
    let opposite = if off == found.negative { Some(found.flag.name.to_owned()) } else { negatives(found.flag).into_iter().next() };
    FlagFault::TakesNothing { opposite }
}

fn word_fault(version: &Version, flag: &'static Flag, value: &str, others: &[String]) -> Option<FlagFault> {
    let parsed = !flag.choices.is_empty();
    let plugin = PLUGINS.iter().find(|(name, _)| *name == flag.name);
    let added = plugin.is_some_and(|(_, plugin)| others.iter().any(|other| normal(other).starts_with(plugin)));
    let words = if parsed { flag.choices.clone() } else { soft_words(version, flag.name)? };
    let taken = |word: &str| {
        let same = if flag.value == ValueType::Word { word.to_lowercase().replace('-', "_") } else { word.to_owned() };
        words.contains(&word) || words.contains(&same.as_str()) || same == "None" || same.is_empty()
    };
    let is_list = matches!(flag.kind, FlagKind::List);
    let good = taken(value) || (is_list && value.split(',').all(taken)) || (!parsed && (added || value.eq_ignore_ascii_case("none")));
    (!good).then_some(FlagFault::NotAWord { words })
}

/// Words that an option takes though its parser would take others too.
fn soft_words(version: &Version, name: &str) -> Option<Vec<&'static str>> {
    DATA.words.iter().find(|row| row.value.0 == name && row.holds(version)).map(|row| row.value.1.clone())
}

fn type_fault(flag: &Flag, value: &str) -> Option<FlagFault> {
    // An option without a default takes these for none.
    if value.is_empty() || value == "None" || !flag.choices.is_empty() {
        return None;
    }
    let text = value.trim();
    let digits = text.trim_start_matches(['-', '+']).replace('_', "");
    let integer = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse::<f64>().is_ok();
    let form = match flag.value {
        ValueType::Integer if !integer => "a whole number",
        ValueType::Number if !number => "a number",
        ValueType::Size if !(integer || text == "auto" || is_size(text)) => "a whole number, as `4096` or `4k`",
        ValueType::Boolean if !["true", "false", "1", "0"].contains(&text.to_lowercase().as_str()) => "`true` or `false`",
        ValueType::Json if !(number || is_json(text)) => "JSON",
        _ => return None,
    };
    Some(FlagFault::NotOfType(form))
}

fn is_size(text: &str) -> bool {
    text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']).is_some_and(|number| number.parse::<f64>().is_ok())
}

/// Whether vLLM could read it as JSON; later versions take sizes such as `80m` inside.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok() || (text.starts_with(['{', '[']) && text.ends_with(['}', ']']))
}

/// The words that a setting of the spec takes.
pub(super) fn words(version: &Version, setting: Setting) -> Option<Vec<&'static str>> {
    let name = match setting {
        Setting::Quantization => "--quantization",
        Setting::KvCacheDtype => "--kv-cache-dtype",
    };
    let parsed = named(version, name).ok().map(|found| found.flag.choices.clone()).filter(|choices| !choices.is_empty());
    parsed.or_else(|| soft_words(version, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Successor;

    fn near(name: &str) -> Option<FlagFault> {
        Some(FlagFault::Unknown { near: Some(name.to_owned()) })
    }

    fn fault_of(version: &str, flag: &str, value: Option<&str>) -> Option<FlagFault> {
        fault(&Version::parse(version).expect("a version"), flag, value, &[])
    }

    #[test]
    fn options_come_and_go() {
        assert!(matches!(
            fault_of("0.32.0", "--swap-space", Some("4")),
            Some(FlagFault::Removed { release: "0.18.0", successor: Some(Successor::Drop(_)) })
        ));
        assert_eq!(fault_of("0.17.1", "--swap-space", Some("4")), None);
        assert_eq!(fault_of("0.9.2", "--async-scheduling", None), Some(FlagFault::Later { release: "0.10.0" }));
        assert_eq!(fault_of("0.10.0", "--async-scheduling", None), None);
        assert_eq!(fault_of("0.32.0", "--enforce-eagre", None), Some(FlagFault::Unknown { near: None }));
    }

    #[test]
    fn both_sides_underscores_beginnings_and_keys() {
        for (version, flag) in [
            ("0.32.0", "--no-enable-prefix-caching"),
            ("0.33.0", "--no-enable-prefix-caching"),
            ("0.33.0", "--disable-prefix-caching"),
            ("0.32.0", "--enable_prefix_caching"),
            ("0.32.0", "--enforce-eag"),
        ] {
            assert_eq!(fault_of(version, flag, None), None, "{version} {flag}");
        }
        // The other side by `--disable-` came with 0.33.0.
        assert_eq!(fault_of("0.32.0", "--disable-prefix-caching", None), near("--no-enable-prefix-caching"));
        assert!(matches!(fault_of("0.32.0", "--enable-l", None), Some(FlagFault::Ambiguous(names)) if names.contains(&"--enable-lora")));
        assert_eq!(fault_of("0.32.0", "--compilation_config.cudagraph_mode", Some("NONE")), None);
        assert_eq!(fault_of("0.32.0", "--hf-overrides.rope_theta", Some("1e6")), None);
        assert_eq!(fault_of("0.32.0", "--seed.a", Some("1")), near("--seed"));
        assert_eq!(fault_of("0.32.0", "--max_model", Some("1")), Some(FlagFault::Owned("serve max-model-len")));
        assert_eq!(fault_of("0.32.0", "-tp", Some("4")), Some(FlagFault::Owned("place tensor-parallel")));
        // A later version owns it, so an older one does not have it either way.
        assert_eq!(fault_of("0.9.2", "--shutdown-timeout", Some("4")), Some(FlagFault::Owned("drain")));
    }

    #[test]
    fn values_fit_their_option() {
        let opposite = |name: &str| Some(FlagFault::TakesNothing { opposite: Some(name.to_owned()) });
        assert_eq!(fault_of("0.32.0", "--enforce-eager", Some("false")), opposite("--no-enforce-eager"));
        assert_eq!(fault_of("0.32.0", "--enforce-eager", Some("true")), opposite("--enforce-eager"));
        assert_eq!(fault_of("0.32.0", "--seed", None), Some(FlagFault::NeedsValue));
        assert_eq!(fault_of("0.32.0", "--seed", Some("seven")), Some(FlagFault::NotOfType("a whole number")));
        assert_eq!(fault_of("0.32.0", "--compilation-config", Some("fast")), Some(FlagFault::NotOfType("JSON")));
        assert_eq!(fault_of("0.32.0", "--load-format", Some("magic")), None);
        assert!(matches!(fault_of("0.32.0", "--dtype", Some("fp4")), Some(FlagFault::NotAWord { .. })));
        assert_eq!(fault_of("0.32.0", "--moe-backend", Some("FlashInfer-Cutlass")), None);
        assert_eq!(fault_of("0.32.0", "--collect-detailed-traces", Some("model,worker")), None);
        assert!(matches!(fault_of("0.32.0", "--tool-call-parser", Some("nothing")), Some(FlagFault::NotAWord { .. })));
        let version = Version::new(0, 32, 0);
        let plugin = ["--tool_parser_plugin=/a.py".to_owned()];
        assert_eq!(fault(&version, "--tool-call-parser", Some("nothing"), &plugin), None);
        assert_eq!(fault_of("0.8.5", "--enable-chunked-prefill", None), None);
        assert_eq!(fault_of("0.8.4", "--enable-chunked-prefill", Some("true")), None);
    }

    #[test]
    fn words_are_known_for_every_version() {
        for version in &DATA.releases {
            for (setting, word) in [(Setting::Quantization, "fp8"), (Setting::KvCacheDtype, "fp8_e4m3")] {
                assert!(words(version, setting).is_some_and(|words| words.contains(&word)), "{version} {setting:?}");
            }
        }
    }
}
