//! What a release changes beside a model's arguments.

use semver::Version;
use serde::Serialize;

use super::{Target, Written};
use crate::engine::{FlagChange, FlagFault, MetricKind, Metrics};

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// One of the model's own arguments.
    Argument,
    /// A word of one of its settings.
    Setting,
    /// Its own image.
    Image,
    /// A metric that its rules and dashboards read.
    Metric,
    /// What the engine assumes where the spec says nothing.
    Default,
    /// Something whose end is announced.
    Deprecated,
    /// How a pod stops.
    Drain,
}

impl Topic {
    /// Its word in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::Setting => "setting",
            Self::Image => "image",
            Self::Metric => "metric",
            Self::Default => "default",
            Self::Deprecated => "deprecated",
            Self::Drain => "drain",
        }
    }
}

/// What a note asks for, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Somebody must change something.
    Person,
    /// The spec is edited.
    Edit,
    /// Nothing; it is worth knowing.
    Note,
}

/// One thing that changes for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub topic: Topic,
    /// What it asks for.
    pub weight: Weight,
    /// The argument, metric or setting.
    pub name: String,
    /// What becomes of it.
    pub what: String,
}

impl Note {
    pub(super) fn new(topic: Topic, weight: Weight, name: &str, what: String) -> Self {
        Self { topic, weight, name: name.to_owned(), what }
    }
}

/// Says what `target` changes for `model` beside its arguments.
pub(super) fn assess(model: &Written, target: &Target, mentions: &dyn Fn(&str) -> bool, notes: &mut Vec<Note>) {
    image(model, target, notes);
    let engine = target.engine();
    let Some(from) = Version::parse(&model.version).ok().filter(|version| engine.releases().contains(version)) else { return };
    metrics(&engine.metrics(&from), &engine.metrics(&target.version), mentions, notes);
    defaults(model, &from, target, notes);
    let drains = (engine.drains_on_stop(&from), engine.drains_on_stop(&target.version));
    let what = match drains {
        (false, true) => "the engine finishes running answers itself; the stop hook goes",
        (true, false) => "the engine cuts running answers off; a stop hook waits for them",
        _ => return,
    };
    notes.push(Note::new(Topic::Drain, Weight::Note, "stop", what.to_owned()));
}

/// An image of the model's own holds whatever version it holds.
fn image(model: &Written, target: &Target, notes: &mut Vec<Note>) {
    let Some(image) = &model.image else { return };
    let tag = image.rsplit('/').next().unwrap_or(image);
    let names = |version: &str| tag.match_indices(version).any(|(at, _)| is_whole(tag, at, version.len()));
    if names(&target.version.to_string()) {
        return;
    }
    let (weight, what) = if names(&model.version) {
        (Weight::Person, format!("names {}; give an image of {}", model.version, target.version))
    } else {
        (Weight::Note, format!("must hold {}, which its name does not say", target.version))
    };
    notes.push(Note::new(Topic::Image, weight, image, what));
}

/// Whether a version stands in `text` at `at` by itself, not as the beginning or end of a longer one.
fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let before = text.get(..at).and_then(|t| t.chars().next_back());
    let after: Vec<char> = text.get(at + length..).unwrap_or_default().chars().take(2).collect();
    let longer = match after.as_slice() {
        ['.', next, ..] => next.is_ascii_digit(),
        [next, ..] => next.is_ascii_digit(),
        [] => false,
    };
    !before.is_some_and(|c| c.is_ascii_digit() || c == '.') && !longer
}

fn metrics(old: &Metrics, new: &Metrics, mentions: &dyn Fn(&str) -> bool, notes: &mut Vec<Note>) {
    let mut add = |name: &str, what: String| notes.push(Note::new(Topic::Metric, Weight::Note, name, what));
    for (signal, before) in old.signals.iter().filter(|(_, metric)| mentions(metric.name)) {
        let Some(after) = new.get(*signal) else {
            add(before.name, "is gone; rules and panels about it go with it".to_owned());
            continue;
        };
        if after.name != before.name {
            add(before.name, format!("is `{}` now; rules and dashboards follow", after.name));
        }
        if after.labels != before.labels {
            add(after.name, format!("has the labels {} (was {})", after.labels.join(", "), before.labels.join(", ")));
        }
        if let (MetricKind::Histogram(was), MetricKind::Histogram(is)) = (before.kind, after.kind)
            && was != is
        {
            let top = |bounds: &[f64]| bounds.last().map_or_else(String::new, ToString::to_string);
            add(after.name, format!("has {} bounds up to {} s (was {} up to {} s)", is.len(), top(is), was.len(), top(was)));
        }
    }
}

fn defaults(model: &Written, from: &Version, target: &Target, notes: &mut Vec<Note>) {
    let engine = target.engine();
    let given = |name: &str| {
        let of = |argument: &String| argument.split('=').next().and_then(|flag| engine.flag(from, flag)).map(|flag| flag.name);
        model.args.iter().filter_map(of).any(|flag| flag == name)
    };
    let owned = |name: &str| matches!(engine.argument_fault(&target.version, name, None, &[]), Some(FlagFault::Owned(_)));
    let decided = |name: &str| owned(name) || given(name);
    let changes = engine.changes(from, &target.version);
    for change in &changes.defaults {
        let flag = format!("--{}", change.setting);
        if !decided(&flag) && !given(&format!("--enable-{}", change.setting)) {
            notes.push(Note::new(Topic::Default, Weight::Note, change.setting, format!("{} (was {})", change.to, change.from)));
        }
    }
    for (name, change) in &changes.flags {
        if let FlagChange::Default { from: Some(was), to: Some(is) } = change
            && !decided(name)
            && !changes.defaults.iter().any(|other| name.trim_start_matches('-') == other.setting)
        {
            notes.push(Note::new(Topic::Default, Weight::Note, name, format!("{is} (was {was})")));
        }
    }
}

/// That nothing can be said of what changed since a release that is not among the known ones.
pub(super) fn unknown_start(from: &str, known: &[Version]) -> Option<Note> {
    if Version::parse(from).is_ok_and(|from| known.contains(&from)) {
        return None;
    }
    let (first, last) = (known.first()?, known.last()?);
    let what = format!("is not a known release ({first} to {last}), so what changed since is not known");
    Some(Note::new(Topic::Setting, Weight::Note, &format!("version {from}"), what))
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::{is_whole, unknown_start};

    #[test]
    fn nothing_is_said_of_what_changed_since_an_unknown_release() {
        let known = [Version::new(0, 8, 0), Version::new(0, 33, 0)];
        assert_eq!(unknown_start("0.8.0", &known), None);
        for from in ["0.7.3", "0.8.1", "latest"] {
            assert!(unknown_start(from, &known).is_some_and(|note| note.what.contains("not known")), "{from}");
        }
    }

    #[test]
    fn a_version_is_found_by_itself_only() {
        let whole = |text: &str| text.match_indices("0.9.0").any(|(at, _)| is_whole(text, at, 5));
        let names = ["vllm:v0.9.0", "vllm:0.9.0-cu128", "vllm:0.9.0.", "vllm:v0.9.0.1", "vllm:10.9.0", "vllm:0.9.01", "vllm:3.0.9.0"];
        assert_eq!(names.map(whole), [true, true, true, false, false, false, false]);
    }
}
