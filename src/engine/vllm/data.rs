//! vLLM's releases as data: `tools/vllm-releases` writes the tables from the published wheels.

use std::sync::LazyLock;

use semver::Version;

use crate::engine::{Flag, FlagKind, ReleasedMetric, Successor, ValueType};

const RELEASES: &str = include_str!("data/releases.tsv");
const FLAGS: &str = include_str!("data/flags.tsv");
const METRICS: &str = include_str!("data/metrics.tsv");
const CLASSES: &str = include_str!("data/classes.tsv");
const WORDS: &str = include_str!("data/words.tsv");
const SUCCESSORS: &str = include_str!("data/successors.tsv");
const DEFAULTS: &str = include_str!("data/defaults.tsv");

/// A release as a number: some of vLLM's have four parts, which semantic versions have not.
type Number = [u64; 4];

/// Something that holds for a stretch of releases.
pub(super) struct Row<T> {
    /// What holds.
    pub(super) value: T,
    /// First release of which it does, as written.
    pub(super) since: &'static str,
    /// First release of which it no longer does; empty where it still does.
    pub(super) until: &'static str,
    from: Number,
    to: Option<Number>,
}

impl<T> Row<T> {
    fn new(value: T, since: &'static str, until: &'static str) -> Option<Self> {
        let to = if until.is_empty() { None } else { Some(number(until)?) };
        Some(Self { value, since, until, from: number(since)?, to })
    }

    /// Whether it holds for `version`.
    pub(super) fn holds(&self, version: &Version) -> bool {
        let version = of_version(version);
        self.from <= version && self.to.is_none_or(|to| version < to)
    }

    /// Whether it began only after `version`.
    pub(super) fn is_later(&self, version: &Version) -> bool {
        of_version(version) < self.from
    }
}

/// The tables, read once.
pub(super) struct Data {
    /// Releases whose names are semantic versions, ascending.
    pub(super) releases: Vec<Version>,
    /// Options, sorted by name, then by release.
    pub(super) flags: Vec<Row<Flag>>,
    /// Metrics, sorted by name, then by release.
    pub(super) metrics: Vec<Row<ReleasedMetric>>,
    /// Model classes that generate text, sorted by name, then by release.
    pub(super) classes: Vec<Row<&'static str>>,
    /// Words of options beside what their parser refuses.
    pub(super) words: Vec<Row<(&'static str, Vec<&'static str>)>>,
    /// What takes the place of an option, by its name.
    pub(super) successors: Vec<(&'static str, Successor)>,
    /// Defaults that are decided in code: setting and value.
    pub(super) defaults: Vec<Row<(&'static str, &'static str)>>,
}

/// The tables. A line that cannot be read is left out; a test proves that there is none.
pub(super) static DATA: LazyLock<Data> = LazyLock::new(|| Data {
    releases: lines(RELEASES).filter_map(|cells| Version::parse(cells.first()?).ok()).collect(),
    flags: lines(FLAGS).filter_map(|cells| flag(&cells)).collect(),
    metrics: lines(METRICS).filter_map(|cells| metric(&cells)).collect(),
    classes: lines(CLASSES).filter_map(|cells| class(&cells)).collect(),
    words: lines(WORDS).filter_map(|cells| words(&cells)).collect(),
    successors: lines(SUCCESSORS).filter_map(|cells| successor(&cells)).collect(),
    defaults: lines(DEFAULTS).filter_map(|cells| default(&cells)).collect(),
});

/// The cells of every line that is no comment.
fn lines(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

fn number(release: &str) -> Option<Number> {
    let mut number = [0; 4];
    let parts = release.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    number.get_mut(..parts.len())?.copy_from_slice(&parts);
    Some(number)
}

fn of_version(version: &Version) -> Number {
    [version.major, version.minor, version.patch, 0]
}

fn list(cell: &'static str) -> Vec<&'static str> {
    cell.split(',').filter(|word| !word.is_empty()).collect()
}

fn flag(cells: &[&'static str]) -> Option<Row<Flag>> {
    let [name, short, kind, value, choices, default, deprecated, since, until] = cells else { return None };
    let flag = Flag {
        name,
        aliases: list(short),
        kind: match *kind {
            "switch" => FlagKind::Switch,
            "pair" => FlagKind::Pair,
            "opposites" => FlagKind::Opposites,
            "value" => FlagKind::Value,
            "optional" => FlagKind::Optional,
            "repeated" => FlagKind::Repeated,
            "list" => FlagKind::List,
            _ => return None,
        },
        value: match *value {
            "" => ValueType::Nothing,
            "str" => ValueType::Text,
            "word" => ValueType::Word,
            "int" => ValueType::Integer,
            "float" => ValueType::Number,
            "size" => ValueType::Size,
            "bool" => ValueType::Boolean,
            "json" => ValueType::Json,
            _ => return None,
        },
        choices: list(choices),
        default: (!["", "?", "-"].contains(default)).then_some(*default),
        deprecated: *deprecated == "deprecated",
    };
    Row::new(flag, since, until)
}

fn metric(cells: &[&'static str]) -> Option<Row<ReleasedMetric>> {
    let [name, kind, labels, buckets, shown, since, until] = cells else { return None };
    Row::new(ReleasedMetric { name, kind, labels, buckets, shown }, since, until)
}

fn class(cells: &[&'static str]) -> Option<Row<&'static str>> {
    let [class, since, until] = cells else { return None };
    Row::new(*class, since, until)
}

fn words(cells: &[&'static str]) -> Option<Row<(&'static str, Vec<&'static str>)>> {
    let [flag, words, since, until] = cells else { return None };
    Row::new((*flag, list(words)), since, until)
}

fn successor(cells: &[&'static str]) -> Option<(&'static str, Successor)> {
    let [flag, action, argument, note, _source] = cells else { return None };
    let successor = match *action {
        "drop" => Successor::Drop(note),
        "rename" => Successor::Rename(argument),
        "set" => Successor::Set(argument),
        "person" => Successor::Person(note),
        _ => return None,
    };
    Some((flag, successor))
}

fn default(cells: &[&'static str]) -> Option<Row<(&'static str, &'static str)>> {
    let [setting, value, since, until, _source] = cells else { return None };
    Row::new((*setting, *value), since, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(table: &'static str) -> usize {
        lines(table).count()
    }

    #[test]
    fn no_row_of_the_tables_is_lost() {
        let four_parts = lines(RELEASES).filter(|cells| cells[0].split('.').count() == 4).count();
        assert_eq!(DATA.releases.len() + four_parts, count(RELEASES));
        assert_eq!(DATA.flags.len(), count(FLAGS));
        assert_eq!(DATA.metrics.len(), count(METRICS));
        assert_eq!(DATA.classes.len(), count(CLASSES));
        assert_eq!(DATA.words.len(), count(WORDS));
        assert_eq!(DATA.successors.len(), count(SUCCESSORS));
        assert_eq!(DATA.defaults.len(), count(DEFAULTS));
        assert!(DATA.flags.len() > 500 && DATA.metrics.len() > 80 && DATA.releases.len() > 40);
        assert!([RELEASES, FLAGS, METRICS, CLASSES, WORDS, SUCCESSORS, DEFAULTS].map(str::len).iter().sum::<usize>() < 500_000);
    }

    #[test]
    fn a_row_that_is_broken_is_not_read() {
        assert!(flag(&["--x", "", "value", "int", "", "", "", "0.8.0", ""]).is_some());
        assert!(flag(&["--x", "", "value", "length", "", "", "", "0.8.0", ""]).is_none());
        assert!(flag(&["--x", "", "value", "int", "", "", "", "soon", ""]).is_none());
        assert!(flag(&["--x", "", "value", "int", "", "", "0.8.0", ""]).is_none());
        assert!(number("0.1.2.3.4").is_none());
    }

    #[test]
    fn a_release_of_four_parts_lies_between_its_neighbours() {
        let row = Row::new((), "0.9.0.1", "0.10.1.1").expect("a row");
        let holds = |version: &str| row.holds(&Version::parse(version).expect("a version"));
        assert_eq!(["0.9.0", "0.9.1", "0.10.1", "0.10.2"].map(holds), [false, true, true, false]);
    }

    #[test]
    fn a_name_means_one_thing_in_each_release_and_the_successors_are_of_removed_options() {
        for version in &DATA.releases {
            let names: Vec<&str> = DATA.flags.iter().filter(|row| row.holds(version)).map(|row| row.value.name).collect();
            assert!(names.len() > 100 && names.windows(2).all(|pair| pair[0] < pair[1]), "{version}");
        }
        let newest = DATA.releases.last().expect("a release");
        for row in &DATA.flags {
            let gone = !DATA.flags.iter().any(|other| other.value.name == row.value.name && other.holds(newest));
            let known = DATA.successors.iter().any(|(name, _)| *name == row.value.name);
            assert_eq!(gone, known, "{}: it is gone, or it has a successor, but not both", row.value.name);
        }
        for (flag, successor) in &DATA.successors {
            let (Successor::Rename(argument) | Successor::Set(argument)) = successor else { continue };
            let name = argument.split(['=', '.']).next().expect("a name");
            assert!(DATA.flags.iter().any(|row| row.value.name == name && row.holds(newest)), "{flag}: {argument} is no option");
        }
    }
}
