//! Keys and values of labels and annotations, keys of ConfigMaps, names of environment variables.

use super::{at_most, is_dns_subdomain, is_framed, not_empty};

/// Most characters of a label's value, and of the name in its key.
const LABEL_CHARACTERS: usize = 63;
/// Most characters of a key of a ConfigMap or Secret.
const CONFIG_KEY_CHARACTERS: usize = 253;

/// Why `key` is no key of a label or annotation: an optional DNS subdomain and `/`, then a name.
///
/// Kubernetes lowers an annotation's key before it looks; `llmc` refuses the upper-case prefix in
/// both.
pub fn label_key_fault(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some("has more than one `/`".into());
    }
    if let Some(Err(reason)) = prefix.map(is_dns_subdomain) {
        return Some(format!("has a prefix before `/` that {reason}"));
    }
    not_empty(name).and_then(|()| is_qualified_name(name)).err().map(|reason| match prefix {
        Some(_) => format!("has a name after `/` that {reason}"),
        None => reason,
    })
}

/// The value of a label; it may be empty.
///
/// # Errors
/// The reason why it is none.
pub fn is_label_value(text: &str) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { is_qualified_name(text) }
}

/// A key of a ConfigMap or Secret, which is also a file's name when mounted.
///
/// # Errors
/// The reason why it is none.
pub fn is_config_key(text: &str) -> Result<(), String> {
    not_empty(text)?;
    at_most(text, CONFIG_KEY_CHARACTERS)?;
    if text == "." || text.starts_with("..") {
        return Err("may not be `.` or begin with `..`".into());
    }
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        Ok(())
    } else {
        Err("may only have letters, digits, `-`, `_` and `.`".into())
    }
}

/// The name of an environment variable, as clusters before Kubernetes 1.32 accept it too: later
/// ones take any printable ASCII but `=`, which no shell can read.
///
/// # Errors
/// The reason why it is none.
pub fn is_environment_name(text: &str) -> Result<(), String> {
    not_empty(text)?;
    if text == "." || text.starts_with("..") {
        return Err("may not be `.` or begin with `..`".into());
    }
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if letters && !text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        Ok(())
    } else {
        Err("may only have letters, digits, `-`, `_` and `.`, and may not begin with a digit".into())
    }
}

fn is_qualified_name(text: &str) -> Result<(), String> {
    at_most(text, LABEL_CHARACTERS)?;
    if is_framed(text, u8::is_ascii_alphanumeric, |b| b.is_ascii_alphanumeric() || b"-._".contains(b)) {
        Ok(())
    } else {
        Err("may only have letters, digits, `-`, `_` and `.`, and must begin and end with a letter or digit".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_an_optional_subdomain_and_a_name() {
        let (n63, n64) = ("n".repeat(63), "n".repeat(64));
        let good = ["app", "A_b.c-1", "app.kubernetes.io/name", "x/y", &n63, &format!("{}/{n63}", "a".repeat(253))];
        for key in good {
            assert_eq!(label_key_fault(key), None, "{key}");
        }
        let bad = ["", "/", "a/", "/a", "a/b/c", "-a", "a-", "A.io/name", "a b", "이름", "a/b\n", &n64, &format!("{}/n", "a".repeat(254))];
        for key in bad {
            assert!(label_key_fault(key).is_some(), "{key}");
        }
        assert_eq!(label_key_fault("a/b/c").as_deref(), Some("has more than one `/`"));
    }

    #[test]
    fn values_may_be_empty_but_not_long() {
        let (v63, v64) = ("v".repeat(63), "v".repeat(64));
        for value in ["", "a", "NVIDIA-A100-SXM4-80GB", "v1.2_3", &v63] {
            assert_eq!(is_label_value(value), Ok(()), "{value}");
        }
        for value in ["-a", "a-", "a/b", "a b", "a:b", "팀", "a\n", "_", &v64] {
            assert!(is_label_value(value).is_err(), "{value}");
        }
    }

    #[test]
    fn config_keys_are_file_names_and_variables_are_identifiers() {
        for key in ["config.yml", "_", "-", ".hidden", "A", "0"] {
            assert_eq!(is_config_key(key), Ok(()), "{key}");
        }
        for key in ["", ".", "..", "..a", "a/b", "a b", &"k".repeat(254)] {
            assert!(is_config_key(key).is_err(), "{key}");
        }
        for name in ["HF_TOKEN", "_", "a.b-c", "A1"] {
            assert_eq!(is_environment_name(name), Ok(()), "{name}");
        }
        for name in ["", "1A", "A=B", "A B", "..", "변수"] {
            assert!(is_environment_name(name).is_err(), "{name}");
        }
    }
}
