//! Git's names for blobs and trees, so that contents that are equal need not travel.

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

/// Mode of a plain file.
pub(super) const PLAIN: &str = "100644";

/// A file below the stack's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Git's mode, such as `100644`; `160000` is a submodule.
    pub mode: String,
    /// Name of the blob.
    pub oid: String,
}

impl Entry {
    /// A plain file with this text.
    pub(super) fn plain(text: &str) -> Self {
        Self { mode: PLAIN.to_owned(), oid: blob_oid(text.as_bytes()) }
    }
}

/// Everything below the stack's folder, by path.
pub(super) type Listing = BTreeMap<String, Entry>;

/// Git's name for a blob with this content.
pub(super) fn blob_oid(content: &[u8]) -> String {
    oid("blob", content)
}

fn oid(kind: &str, content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Git's name for the tree of `listing`; none when it is empty, because Git keeps no empty folders.
///
/// # Errors
/// The path of a file where another entry needs a folder.
pub(super) fn tree_oid(listing: &Listing) -> Result<Option<String>, String> {
    let entries: Vec<(&str, &Entry)> = listing.iter().map(|(path, entry)| (path.as_str(), entry)).collect();
    if entries.is_empty() { Ok(None) } else { subtree(&entries, 0).map(Some) }
}

/// Name of the tree of `entries`, whose paths agree up to `from`.
fn subtree(entries: &[(&str, &Entry)], from: usize) -> Result<String, String> {
    // Git sorts a folder as if its name ended in `/`.
    let mut items: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut folders: BTreeMap<&str, Vec<(&str, &Entry)>> = BTreeMap::new();
    for (path, entry) in entries {
        let rest = path.get(from..).unwrap_or_default();
        match rest.split_once('/') {
            Some((folder, _)) => folders.entry(folder).or_default().push((path, entry)),
            None => drop(items.insert(rest.to_owned(), (format!("{} {rest}", entry.mode), entry.oid.clone()))),
        }
    }
    for (folder, inside) in folders {
        if items.contains_key(folder) {
            let before = entries.first().and_then(|(path, _)| path.get(..from)).unwrap_or_default();
            return Err(format!("{before}{folder}"));
        }
        items.insert(format!("{folder}/"), (format!("40000 {folder}"), subtree(&inside, from + folder.len() + 1)?));
    }
    let mut content = Vec::new();
    for (head, name) in items.values() {
        content.extend_from_slice(head.as_bytes());
        content.push(0);
        let digits = |at: usize| name.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        content.extend((0..name.len() / 2).filter_map(|pair| digits(pair * 2)));
    }
    Ok(oid("tree", &content))
}

/// Whether `text` is the name of a Git object.
pub(super) fn is_oid(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of RFC 4648, section 4, with padding.
pub(super) fn base64(content: &[u8]) -> String {
    let mut text = String::with_capacity(content.len().div_ceil(3) * 4);
    for chunk in content.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// Reads base64, with the line breaks that GitHub puts in; none where it is not base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let digits = digits.strip_suffix(b"==").or(digits.strip_suffix(b"=")).unwrap_or(&digits);
    let mut content = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut bits = 0;
        for digit in chunk {
            bits = bits << 6 | u32::try_from(DIGITS.iter().position(|d| d == digit)?).ok()?;
        }
        let bytes = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        content.extend_from_slice(bytes.get(1..chunk.len())?);
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mode: &str, content: &str) -> Entry {
        Entry { mode: mode.into(), oid: blob_oid(content.as_bytes()) }
    }

    /// The expected names are Git's own: `git hash-object`, and `git write-tree` of these files.
    #[test]
    fn names_are_gits() {
        assert_eq!(blob_oid(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_oid(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(tree_oid(&Listing::new()), Ok(None));
        let listing = Listing::from(
            [("a/b", "100644"), ("a.b", "100644"), ("a-b", "100755"), ("a0/x/y", "120000"), ("a0/x.y", "100644")]
                .map(|(path, mode)| (path.to_owned(), entry(mode, "hello\n"))),
        );
        assert_eq!(tree_oid(&listing), Ok(Some("476a14f16dd59d5d859117c23032c134affe73c3".to_owned())));
    }

    #[test]
    fn a_file_is_no_folder() {
        let listing = Listing::from(["x/a", "x/a/b"].map(|path| (path.to_owned(), entry(PLAIN, ""))));
        assert_eq!(tree_oid(&listing), Err("x/a".to_owned()));
    }

    #[test]
    fn base64_is_read_as_it_is_written() {
        let known = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (content, text) in known {
            assert_eq!(base64(content.as_bytes()), text);
        }
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            assert_eq!(from_base64(&base64(&bytes[..length])).as_deref(), Some(&bytes[..length]));
        }
        assert_eq!(from_base64("Zm9v\nYmFy\n").as_deref(), Some(b"foobar".as_slice()));
        assert_eq!(from_base64("Zm9*"), None);
    }
}
