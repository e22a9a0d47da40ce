//! The models' own tokenizers, which are read when they are first used.

use std::collections::BTreeMap;

use crate::catalog::{MOST_TOKENIZER_BYTES, Tokenizer, TokenizerFault};
use crate::source::{Folder, Unread};
use crate::spec::Spec;

/// The tokenizer of each model that names one, in `folder`.
pub(super) fn all(spec: &Spec, folder: &Folder) -> BTreeMap<String, Tokenizer> {
    let named = spec.model.iter().filter_map(|(name, model)| Some((name, model.tokenizer.clone()?)));
    let tokenizer = |stated: crate::spec::Tokenizer| {
        let (folder, file) = (folder.clone(), stated.file.clone());
        Tokenizer::new(stated, move || folder.read_bytes(&file, MOST_TOKENIZER_BYTES).map_err(fault))
    };
    named.map(|(name, stated)| (name.clone(), tokenizer(stated))).collect()
}

fn fault(unread: Unread) -> TokenizerFault {
    match unread {
        Unread::Missing => TokenizerFault::Missing,
        Unread::TooLarge => TokenizerFault::TooLarge,
        Unread::Refused(why) => TokenizerFault::Unreadable(why),
    }
}
