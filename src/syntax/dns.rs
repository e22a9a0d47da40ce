//! Names after DNS: RFC 1123 labels and subdomains, RFC 1035 labels, and RFC 6335 port names.

use super::{at_most, is_framed, not_empty};

/// Most characters of a DNS label.
const LABEL_CHARACTERS: usize = 63;
/// Most characters of a DNS subdomain.
const SUBDOMAIN_CHARACTERS: usize = 253;
/// Most characters of a port's name.
const PORT_NAME_CHARACTERS: usize = 15;

/// An RFC 1123 label: the name of a namespace, a container, a volume, and of a Service from
/// Kubernetes 1.36 on.
///
/// # Errors
/// The reason why it is none.
pub fn is_dns_label(text: &str) -> Result<(), String> {
    not_empty(text)?;
    at_most(text, LABEL_CHARACTERS)?;
    if is_framed(text, is_lower_alphanumeric, is_label_character) {
        Ok(())
    } else {
        Err("may only have lower-case letters, digits and `-`, and must begin and end with a letter or digit".into())
    }
}

/// An RFC 1035 label: the name of a Service up to Kubernetes 1.35.
///
/// # Errors
/// The reason why it is none.
pub fn is_dns_1035_label(text: &str) -> Result<(), String> {
    is_dns_label(text)?;
    if text.as_bytes().first().is_some_and(u8::is_ascii_lowercase) { Ok(()) } else { Err("must begin with a lower-case letter".into()) }
}

/// An RFC 1123 subdomain: the name of most objects.
///
/// # Errors
/// The reason why it is none.
pub fn is_dns_subdomain(text: &str) -> Result<(), String> {
    not_empty(text)?;
    at_most(text, SUBDOMAIN_CHARACTERS)?;
    if text.split('.').all(|part| is_framed(part, is_lower_alphanumeric, is_label_character)) {
        Ok(())
    } else {
        Err("may only have lower-case letters, digits, `-` and `.`, and each part between dots must begin and end with a letter or digit"
            .into())
    }
}

/// The name of a container's port.
///
/// # Errors
/// The reason why it is none.
pub fn is_port_name(text: &str) -> Result<(), String> {
    not_empty(text)?;
    at_most(text, PORT_NAME_CHARACTERS)?;
    if !is_framed(text, is_lower_alphanumeric, is_label_character) {
        Err("may only have lower-case letters, digits and `-`, and must begin and end with a letter or digit".into())
    } else if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        Err("must have a letter".into())
    } else if text.contains("--") {
        Err("may not have two `-` in a row".into())
    } else {
        Ok(())
    }
}

fn is_lower_alphanumeric(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label_character(byte: &u8) -> bool {
    is_lower_alphanumeric(byte) || *byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_name_has_its_own_letters_and_length() {
        let (l63, l64, l253, l254) = ("a".repeat(63), "a".repeat(64), "a".repeat(253), "a".repeat(254));
        // text, label, RFC 1035 label, subdomain, port name
        let cases = [
            ("web", true, true, true, true),
            ("a", true, true, true, true),
            ("0", true, false, true, false),
            ("8b-model", true, false, true, true),
            ("llama-3.1", false, false, true, false),
            ("a--b", true, true, true, false),
            ("fifteen-letters", true, true, true, true),
            ("sixteen-letters-", false, false, false, false),
            ("sixteen-letters0", true, true, true, false),
            (&l63, true, true, true, false),
            (&l64, false, false, true, false),
            (&l253, false, false, true, false),
            (&l254, false, false, false, false),
            ("", false, false, false, false),
            ("-a", false, false, false, false),
            ("a-", false, false, false, false),
            ("a..b", false, false, false, false),
            (".a", false, false, false, false),
            ("a.-b", false, false, false, false),
            ("Web", false, false, false, false),
            ("a_b", false, false, false, false),
            ("a b", false, false, false, false),
            ("a\n", false, false, false, false),
            ("모델", false, false, false, false),
        ];
        for (text, label, rfc_1035, subdomain, port) in cases {
            let found =
                (is_dns_label(text).is_ok(), is_dns_1035_label(text).is_ok(), is_dns_subdomain(text).is_ok(), is_port_name(text).is_ok());
            assert_eq!(found, (label, rfc_1035, subdomain, port), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        assert_eq!(is_dns_label(&"a".repeat(64)), Err("has 64 characters, and may have 63".into()));
        assert_eq!(is_dns_1035_label("8b"), Err("must begin with a lower-case letter".into()));
        assert_eq!(is_port_name("80"), Err("must have a letter".into()));
        assert_eq!(is_dns_subdomain(""), Err("is empty".into()));
    }
}
