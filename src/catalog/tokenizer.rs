//! A model's own `tokenizer.json`.
//!
//! It takes seconds to load, so it is loaded when something is counted with it for the first time.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::spec;

/// Most bytes of a `tokenizer.json`: the largest known has 34 MB.
pub const MOST_TOKENIZER_BYTES: u64 = 64 << 20;

/// Why a tokenizer cannot count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerFault {
    /// There is no such file.
    Missing,
    /// The file cannot be read, and why.
    Unreadable(String),
    /// It has more bytes than [`MOST_TOKENIZER_BYTES`].
    TooLarge,
    /// Its digest is another.
    OtherDigest {
        /// SHA-256 of the file, in hexadecimal digits.
        found: String,
    },
    /// It is not what it should be, and why.
    NotATokenizer(String),
    /// It refuses a text, and why.
    Refused(String),
    /// This build cannot read one.
    NotBuilt,
}

/// Reads the bytes of the file.
type Read = dyn Fn() -> Result<Vec<u8>, TokenizerFault> + Send + Sync;

/// A tokenizer that a model names, loaded when it is first used.
#[derive(Clone)]
pub struct Tokenizer {
    stated: spec::Tokenizer,
    read: Arc<Read>,
    loaded: Arc<OnceLock<Result<Loaded, TokenizerFault>>>,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("stated", &self.stated).field("is_loaded", &self.loaded.get().is_some()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// The tokenizer in the file that `read` gives, which must have the digest that is stated.
    pub fn new(stated: spec::Tokenizer, read: impl Fn() -> Result<Vec<u8>, TokenizerFault> + Send + Sync + 'static) -> Self {
        Self { stated, read: Arc::new(read), loaded: Arc::default() }
    }

    /// Path of the file relative to the stack's folder.
    pub fn file(&self) -> &str {
        &self.stated.file
    }

    /// SHA-256 that the spec states, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.stated.sha256
    }

    /// Tokens of `text` without marks of a chat template. The first call loads the file, which takes seconds.
    ///
    /// # Errors
    /// Why the file is no tokenizer, the same with each call; or that it refuses the text.
    pub fn count(&self, text: &str) -> Result<u64, TokenizerFault> {
        let loaded = self.loaded.get_or_init(|| {
            let bytes = (self.read)()?;
            let found = sha256(&bytes);
            if found != self.stated.sha256 {
                return Err(TokenizerFault::OtherDigest { found });
            }
            load(&bytes)
        });
        match loaded {
            Ok(loaded) => count(loaded, text),
            Err(fault) => Err(fault.clone()),
        }
    }
}

/// SHA-256 of `bytes`, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    <sha2::Sha256 as sha2::Digest>::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(feature = "tokenizers")]
type Loaded = tokenizers::Tokenizer;
#[cfg(not(feature = "tokenizers"))]
type Loaded = std::convert::Infallible;

#[cfg(feature = "tokenizers")]
fn load(bytes: &[u8]) -> Result<Loaded, TokenizerFault> {
    let no_json = |error: serde_json::Error| TokenizerFault::NotATokenizer(format!("it is no JSON: {error}"));
    // A foreign reader of foreign data: where it fails, its panic is a fault of the file.
    let read = std::panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes));
    let mut tokenizer = match read {
        Ok(Ok(tokenizer)) => tokenizer,
        Ok(Err(error)) => {
            serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(no_json)?;
            return Err(TokenizerFault::NotATokenizer(error.to_string()));
        }
        Err(_) => return Err(TokenizerFault::NotATokenizer("it cannot be read".to_owned())),
    };
    // A file may say that texts are cut or filled to a length, which would hide how long they are.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| TokenizerFault::NotATokenizer(error.to_string()))?;
    Ok(tokenizer)
}

#[cfg(feature = "tokenizers")]
fn count(tokenizer: &Loaded, text: &str) -> Result<u64, TokenizerFault> {
    let encoding = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tokenizer.encode_fast(text, false)));
    match encoding {
        Ok(Ok(encoding)) => Ok(encoding.len() as u64),
        Ok(Err(error)) => Err(TokenizerFault::Refused(error.to_string())),
        Err(_) => Err(TokenizerFault::Refused("it fails on this text".to_owned())),
    }
}

#[cfg(not(feature = "tokenizers"))]
fn load(_: &[u8]) -> Result<Loaded, TokenizerFault> {
    Err(TokenizerFault::NotBuilt)
}

#[cfg(not(feature = "tokenizers"))]
fn count(loaded: &Loaded, _: &str) -> Result<u64, TokenizerFault> {
    match *loaded {}
}
