//! User texts inside NeMo Guardrails' templates.
//!
//! Texts of users stand only in YAML scalars, never in Colang, which has no escape for a quote.

/// A text that Jinja renders to itself: a brace that would open a tag is written as an expression.
pub(super) fn jinja(text: &str) -> String {
    escape(text, &['{', '%', '#'], false)
}

/// A text that the library's bot messages render to itself: they are Jinja too, and replace
/// `$name` first.
pub(super) fn bot_message(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), &['{', '%', '#', '$'], true)
}

fn escape(text: &str, opening: &[char], dollar: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek().is_none_or(|next| opening.contains(next)) => out.push_str("{{ '{' }}"),
            '$' if dollar => out.push_str("{{ '$' }}"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{bot_message, jinja};
    use proptest::prelude::*;

    proptest! {
        /// minijinja reads the same syntax as Jinja 2.
        #[test]
        fn an_escaped_text_renders_to_itself(text in "[{}%#$ a-c\"'\\\\\n한-힣]{0,40}") {
            let render = |template: &str| minijinja::render!(template);
            // Jinja drops one line end at the end of a template.
            let text = text.trim_end_matches('\n');
            prop_assert_eq!(render(&jinja(text)), text);
            prop_assert_eq!(render(&bot_message(text)), text);
            prop_assert!(!bot_message(text).replace("{{ '$' }}", "").contains('$'));
        }
    }
}
