//! How many tokens a text has, without the tokenizer of its model.
//!
//! Characters are counted by script. The figures are measured on parallel translations of one book of some
//! 100,000 characters per language, with the tokenizers of Llama 3.1, Qwen 3, DeepSeek V3, Gemma 3 and
//! OpenAI's o200k: 4.21 to 4.44 characters per token of English, 1.68 to 2.01 of Korean, 1.60 to 2.24 of
//! Japanese and 1.62 to 1.92 of Chinese. Short texts differ from long ones by up to a quarter, so the bounds
//! are the extremes, a quarter wider. Other scripts were not measured: their bounds reach from the tokens of
//! English to one token for each byte. The bounds are likely, not proven.

/// Tokens of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tokens {
    /// Hardly fewer.
    pub low: f64,
    /// Most likely.
    pub expected: f64,
    /// Hardly more.
    pub high: f64,
}

impl Tokens {
    fn add(&mut self, characters_per_token: [f64; 3]) {
        let [low, expected, high] = characters_per_token.map(f64::recip);
        self.low += low;
        self.expected += expected;
        self.high += high;
    }
}

/// Most, likely and least characters of one token.
const ENGLISH: [f64; 3] = [5.55, 4.4, 3.37];
const KOREAN: [f64; 3] = [2.51, 1.86, 1.34];
const CHINESE_OR_JAPANESE: [f64; 3] = [2.8, 1.7, 1.28];

/// An estimate of the tokens of `text`.
pub fn of_text(text: &str) -> Tokens {
    let mut tokens = Tokens::default();
    for c in text.chars() {
        tokens.add(match c {
            '\0'..='\x7f' => ENGLISH,
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => KOREAN,
            '\u{3000}'..='\u{312f}' | '\u{31f0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' => CHINESE_OR_JAPANESE,
            _ => [ENGLISH[0], 2.0, 1.0 / c.len_utf8() as f64],
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::of_text;

    #[test]
    fn scripts_differ() {
        // 44 characters by 4.4.
        assert!((of_text("The quick brown fox jumps over the lazy dog.").expected - 10.0).abs() < 0.01);
        // 17 syllables by 1.86, and a blank.
        let korean = of_text("안녕하세요만나서반갑습니다저는학 생").expected;
        assert!((korean - (17.0 / 1.86 + 1.0 / 4.4)).abs() < 0.01, "{korean}");
        assert!((of_text("東京都に住んでいます").expected - 10.0 / 1.7).abs() < 0.01);
        assert_eq!(of_text(""), super::Tokens::default());
    }

    #[test]
    fn no_text_has_more_tokens_than_bytes_and_the_bounds_are_in_order() {
        for text in ["a", "é", "한", "日本", "ไทย", "Ω", "🙂", "a 한 日 🙂"] {
            let tokens = of_text(text);
            assert!(tokens.low < tokens.expected && tokens.expected < tokens.high, "{text}: {tokens:?}");
            assert!(tokens.high <= text.len() as f64 + 1e-9, "{text}: {tokens:?}");
        }
    }
}
