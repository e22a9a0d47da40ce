//! A model's own arguments and words under another release.

use semver::Version;

use super::edit::Edit;
use super::{Note, Target, Topic, Weight, Written};
use crate::engine::{FlagFault, Setting, Successor};

/// Says what becomes of the arguments and words of `model`, and how the spec follows.
pub(super) fn assess(model: &Written, target: &Target, notes: &mut Vec<Note>, edits: &mut Vec<Edit>) {
    let engine = target.engine();
    let from = Version::parse(&model.version).ok().filter(|version| engine.releases().contains(version));
    for (index, argument) in model.args.iter().enumerate() {
        let (flag, value) = argument.split_once('=').map_or((argument.as_str(), None), |(flag, value)| (flag, Some(value)));
        let fault_in = |version: &Version| engine.argument_fault(version, flag, value, &model.args);
        let Some(fault) = fault_in(&target.version) else {
            let deprecated = |version: &Version| engine.flag(version, flag).is_some_and(|flag| flag.deprecated);
            if deprecated(&target.version) && !from.as_ref().is_some_and(deprecated) {
                notes.push(Note::new(Topic::Deprecated, Weight::Note, flag, format!("{} announces its end", target.version)));
            }
            continue;
        };
        // What is wrong already is an error of the spec, whatever the release.
        if from.as_ref().and_then(fault_in).is_some() {
            continue;
        }
        let (weight, what) = match &fault {
            FlagFault::Removed { release, successor: Some(successor) } => match follow(successor, value, target, model) {
                Some(Some(argument)) => {
                    edits.push(Edit::Replace { model: model.name.clone(), index, argument: argument.clone() });
                    (Weight::Edit, format!("{release} removed it; becomes `{argument}`"))
                }
                Some(None) => {
                    edits.push(Edit::Remove { model: model.name.clone(), index });
                    let why = if let Successor::Drop(why) = successor { why } else { "" };
                    (Weight::Edit, format!("{release} removed it; it goes: {why}"))
                }
                None => (Weight::Person, format!("{release} removed it; {successor}")),
            },
            FlagFault::Removed { release, successor: None } => (Weight::Person, format!("{release} removed it; remove it")),
            FlagFault::Later { release } => (Weight::Person, format!("only {release} and later have it; remove it")),
            FlagFault::NotAWord { words } => (Weight::Person, format!("takes this word no more; {} others are left", words.len())),
            FlagFault::TakesNothing { opposite } => {
                (Weight::Person, format!("takes no value any more; write `{}`", opposite.as_deref().unwrap_or(flag)))
            }
            FlagFault::NeedsValue => (Weight::Person, format!("needs a value now; write `{flag}=…`")),
            FlagFault::NotOfType(form) => (Weight::Person, format!("takes {form} now")),
            FlagFault::Owned(field) => (Weight::Person, format!("is the beginning of what `{field}` decides; remove it")),
            FlagFault::Unknown { near } => {
                let near = near.as_ref().map_or_else(String::new, |near| format!("; write `{near}`"));
                (Weight::Person, format!("is no option any more{near}"))
            }
            FlagFault::Ambiguous(names) => {
                (Weight::Person, format!("is the beginning of several now; write one in full, as `{}`", names.first().unwrap_or(&flag)))
            }
        };
        notes.push(Note::new(Topic::Argument, weight, argument, what));
    }
    let settings =
        [("quantization", Setting::Quantization, &model.quantization), ("kv-cache-dtype", Setting::KvCacheDtype, &model.kv_cache_dtype)];
    for (field, setting, word) in settings {
        let taken = |version: &Version| match (word, engine.words(version, setting)) {
            (Some(word), Some(words)) => words.contains(&word.as_str()),
            _ => true,
        };
        if from.as_ref().is_none_or(taken) && !taken(&target.version) {
            let what = format!("{} has no such word; choose another, or leave it out", target.version);
            notes.push(Note::new(Topic::Setting, Weight::Person, &format!("{field} {}", word.as_deref().unwrap_or_default()), what));
        }
    }
}

/// The argument that takes the place of a removed one, `Some(None)` for none; `None` where somebody
/// must decide.
fn follow(successor: &Successor, value: Option<&str>, target: &Target, model: &Written) -> Option<Option<String>> {
    let argument = match successor {
        Successor::Drop(_) => return Some(None),
        Successor::Rename(flag) => format!("{flag}={}", value?),
        Successor::Set(argument) => (*argument).to_owned(),
        Successor::Person(_) => return None,
    };
    let (flag, value) = argument.split_once('=')?;
    // The release may lie between the one that removed the option and the one with its successor.
    let taken = target.engine().argument_fault(&target.version, flag, Some(value), &model.args).is_none();
    taken.then_some(Some(argument))
}
