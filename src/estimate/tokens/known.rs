//! Counts that `llmc.lock` has already.

use crate::catalog::sha256;
use crate::lock::Counted;
use crate::stack::{PromptVersion, Stack, TextFile};

/// What the lock counted for `version` of `prompt` on `route`, where the templates are those that it pinned.
pub(super) fn known<'a>(stack: &'a Stack, prompt: &str, name: &str, version: &PromptVersion, route: &str) -> Option<&'a Counted> {
    let pin = stack.lock.prompts.get(prompt)?.get(name)?;
    let system = match (&version.system, &pin.system) {
        (Some(text), Some(pinned)) => is_pinned(text, pinned),
        (None, None) => true,
        _ => false,
    };
    if !system || !is_pinned(&version.user, &pin.user) {
        return None;
    }
    pin.routes.get(route)?.tokens.as_ref()
}

/// Whether `text` has the digest `pinned`, which is that of its canonical form. A text in another form may have
/// other tokens, so only one that is in that form, or lacks its last line end, is recognized: Jinja takes that one
/// away.
fn is_pinned(text: &TextFile, pinned: &str) -> bool {
    let text = text.text.strip_suffix('\n').unwrap_or(&text.text);
    !text.ends_with('\n') && !text.contains('\r') && sha256(format!("{text}\n").as_bytes()) == pinned
}

#[cfg(test)]
mod tests {
    use super::is_pinned;
    use crate::catalog::sha256;
    use crate::lock::identity;
    use crate::stack::TextFile;

    #[test]
    fn only_a_text_with_the_same_tokens_is_recognized() {
        let pinned = sha256(b"Hello\nyou.\n");
        let cases = [
            ("Hello\nyou.\n", true),
            ("Hello\nyou.", true),
            ("Hello\nyou.\n\n", false),
            ("Hello\r\nyou.\r\n", false),
            ("Hello\nyou!\n", false),
        ];
        for (text, is) in cases {
            let file = TextFile { file: "a.md".to_owned(), text: text.to_owned() };
            assert_eq!(is_pinned(&file, &pinned), is, "{text:?}");
        }
    }

    /// What a pin holds is what `lock::identity` says, and only a text that it leaves as it is has its tokens.
    #[test]
    fn the_digests_are_those_of_pins() {
        let cases = [
            ("Hello\nyou.\n", true),
            ("Hello\nyou.", true),
            ("", true),
            ("안녕하세요.\n", true),
            ("Caf\u{e9}", true),
            ("Cafe\u{301}", false),
            ("Hello\ryou.", false),
            ("Hello\r\nyou.\n", false),
            ("Hello\n\n", false),
        ];
        for (text, is) in cases {
            let file = TextFile { file: "a.md".to_owned(), text: text.to_owned() };
            assert_eq!(is_pinned(&file, &identity::text(text)), is, "{text:?}");
            assert!(!is_pinned(&file, &identity::text(&format!("{text}!"))), "{text:?}");
        }
    }
}
