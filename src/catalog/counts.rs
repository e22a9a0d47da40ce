//! Tokens that were counted already.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::TokenizerFault;

/// Tokens of texts by what counts them, so that rules that ask for the same text wait for it once.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, BTreeMap<String, u64>>>>);

impl Counts {
    /// Tokens that `text` has for what is called `by`, found with `count` where that was not counted before.
    ///
    /// # Errors
    /// That of `count`, which the next call asks again.
    pub fn of(&self, by: &str, text: &str, count: impl FnOnce() -> Result<u64, TokenizerFault>) -> Result<u64, TokenizerFault> {
        // Held meanwhile: who asks for the same text waits for it, and a map of counts is whole at any time.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = counts.get(by).and_then(|texts| texts.get(text)) {
            return Ok(*tokens);
        }
        let tokens = count()?;
        counts.entry(by.to_owned()).or_default().insert(text.to_owned(), tokens);
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use crate::catalog::TokenizerFault;

    #[test]
    fn a_text_is_counted_once_by_each() {
        let counts = Counts::default();
        let mut asked = 0;
        for (by, text, tokens) in [("a", "x", Ok(1)), ("a", "y", Ok(2)), ("b", "x", Err(TokenizerFault::Missing))] {
            for _ in 0..2 {
                let found = counts.of(by, text, || {
                    asked += 1;
                    tokens.clone()
                });
                assert_eq!(found, tokens, "{by} {text}");
            }
        }
        assert_eq!(asked, 4, "a failure is no count");
    }
}
