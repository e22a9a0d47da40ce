//! The hidden first line by which a comment is found again.

const START: &str = "<!-- llmc-comment tag=";
const MIDDLE: &str = " valid-at=";
const END: &str = " -->";

/// The hidden first line of a comment. `tag` tells comments of one pull request apart, `valid_at` is
/// the time in RFC 3339 that the plan is true for.
pub fn marker(tag: &str, valid_at: &str) -> String {
    format!("{START}{}{MIDDLE}{}{END}", encode(tag), encode(valid_at))
}

/// Tag and time of a comment that [`marker`] began; `None` for every other text.
///
/// Anybody can write such a line: the caller must also ask who wrote the comment.
pub fn parse_marker(text: &str) -> Option<(String, String)> {
    let line = text.lines().next()?.strip_prefix(START)?.strip_suffix(END)?;
    let (tag, valid_at) = line.split_once(MIDDLE)?;
    Some((decode(tag)?, decode(valid_at)?))
}

fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b':' | b'+')
}

/// Percent-encoded, also the hyphen, two of which may end a comment; the hyphens of a date stay.
fn encode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    for (index, byte) in bytes.iter().enumerate() {
        let is_single = *byte == b'-' && index > 0 && bytes.get(index - 1).is_some_and(u8::is_ascii_alphanumeric);
        if is_kept(*byte) || is_single {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            b'-' => bytes.push(byte),
            _ if is_kept(byte) => bytes.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{marker, parse_marker};

    #[test]
    fn a_marker_is_read_back() {
        for tag in ["plan", "team-a/plan", "--> <b>", "a valid-at=b", "한국어\n%", "", "a--b"] {
            let line = marker(tag, "2026-11-22T10:00:00Z");
            assert!(!line.contains('\n') && line.matches("--").count() == 2, "{line}");
            let text = format!("{line}\nmore");
            assert_eq!(parse_marker(&text), Some((tag.to_owned(), "2026-11-22T10:00:00Z".to_owned())));
        }
        assert_eq!(marker("plan", "2026-11-22T10:00:00Z"), "<!-- llmc-comment tag=plan valid-at=2026-11-22T10:00:00Z -->");
    }

    #[test]
    fn other_text_is_no_marker() {
        for text in [
            "",
            "text",
            " <!-- llmc-comment tag=a valid-at=b -->",
            "x\n<!-- llmc-comment tag=a valid-at=b -->",
            "<!-- llmc-comment tag=a -->",
        ] {
            assert_eq!(parse_marker(text), None, "{text}");
        }
        assert_eq!(parse_marker("<!-- llmc-comment tag=a@b valid-at=c -->"), None);
        assert_eq!(parse_marker("<!-- llmc-comment tag=%f valid-at=c -->"), None);
    }
}
