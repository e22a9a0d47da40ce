//! What an engine's releases take, show and assume, in words that hold for every engine.

use std::fmt;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing; it is on when it is given.
    Switch,
    /// Nothing; `--no-x` is the other side of `--x`.
    Pair,
    /// As [`FlagKind::Pair`]; `--disable-x` and `--enable-x` are each other's other side too.
    Opposites,
    /// One value.
    Value,
    /// A value or nothing.
    Optional,
    /// One value each time that it is given.
    Repeated,
    /// One value or more.
    List,
}

impl FlagKind {
    /// Whether a value after `=` is refused.
    pub fn takes_nothing(self) -> bool {
        matches!(self, Self::Switch | Self::Pair | Self::Opposites)
    }
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// There is no value.
    Nothing,
    /// As text.
    Text,
    /// As one of the choices, without regard to case, `-` standing for `_`.
    Word,
    /// As a whole number.
    Integer,
    /// As a number.
    Number,
    /// As a whole number that may end in `k`, `M` and so on, or be a word of the option's own.
    Size,
    /// As `true` or `false`.
    Boolean,
    /// As JSON; `--x.a.b=c` sets one key of it.
    Json,
}

/// An option of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name with its dashes.
    pub name: &'static str,
    /// Short forms and other names.
    pub aliases: Vec<&'static str>,
    /// What it takes.
    pub kind: FlagKind,
    /// How the value is read.
    pub value: ValueType,
    /// The only words that are taken; empty where any value of the type is.
    pub choices: Vec<&'static str>,
    /// Default on one line; `None` where there is none or only the running engine knows it.
    pub default: Option<&'static str>,
    /// Whether the release announces its end.
    pub deprecated: bool,
}

/// What takes the place of an option that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Successor {
    /// Nothing: it has no effect any more, for this reason.
    Drop(&'static str),
    /// This option with the same value.
    Rename(&'static str),
    /// This whole argument.
    Set(&'static str),
    /// Somebody must decide; this is what there is.
    Person(&'static str),
}

impl fmt::Display for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop(why) => write!(f, "remove it; {why}"),
            Self::Rename(flag) => write!(f, "write `{flag}=…` with the same value"),
            Self::Set(argument) => write!(f, "write `{argument}`"),
            Self::Person(what) => f.write_str(what),
        }
    }
}

/// Why an argument is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagFault {
    /// The compiler writes it from this field of the spec (a path below the model).
    Owned(&'static str),
    /// A release took it away.
    Removed {
        /// That release.
        release: &'static str,
        /// What to use instead, if known.
        successor: Option<Successor>,
    },
    /// A later release brings it.
    Later {
        /// That release.
        release: &'static str,
    },
    /// No release has it.
    Unknown {
        /// What is sure to be meant.
        near: Option<String>,
    },
    /// It is the beginning of more than one option.
    Ambiguous(Vec<&'static str>),
    /// It has a value, and takes none.
    TakesNothing {
        /// The argument that says the opposite, where there is one.
        opposite: Option<String>,
    },
    /// It has no value, and needs one.
    NeedsValue,
    /// The value is none of these words.
    NotAWord {
        /// What is taken.
        words: Vec<&'static str>,
    },
    /// The value is not of this form, in words.
    NotOfType(&'static str),
}

/// A metric of one release under its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedMetric {
    /// Name; a counter's with its `_total`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Labels, with commas; `*` where they depend on the engine's settings.
    pub labels: &'static str,
    /// A histogram's upper bounds with commas, or the name of their rule.
    pub buckets: &'static str,
    /// Empty if it is always there; else `hidden`, or the engine's own condition.
    pub shown: &'static str,
}

/// What differs between two releases for one option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed(Option<Successor>),
    /// The default is another.
    Default {
        /// Of the first release.
        from: Option<&'static str>,
        /// Of the second.
        to: Option<&'static str>,
    },
    /// The choices are others.
    Choices {
        /// Words that are no longer taken.
        gone: Vec<&'static str>,
        /// Words that are new.
        new: Vec<&'static str>,
    },
    /// It takes something else.
    Kind {
        /// In the first release.
        from: FlagKind,
        /// In the second.
        to: FlagKind,
    },
    /// The second announces its end.
    Deprecated,
}

/// What differs between two releases for one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricChange {
    /// Only the second has it.
    Added,
    /// Only the first has it, or shows it unasked.
    Removed,
    /// The second measures the same under this name.
    Renamed(&'static str),
    /// The labels are others.
    Labels {
        /// Of the first release.
        from: &'static str,
        /// Of the second.
        to: &'static str,
    },
    /// The bounds are others.
    Buckets {
        /// Of the first release.
        from: &'static str,
        /// Of the second.
        to: &'static str,
    },
}

/// A default that is decided in the engine's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultChange {
    /// The setting.
    pub setting: &'static str,
    /// What the first release assumes.
    pub from: &'static str,
    /// What the second assumes.
    pub to: &'static str,
}

/// Everything that differs between two releases, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Options; one may change in several ways.
    pub flags: Vec<(&'static str, FlagChange)>,
    /// Metrics.
    pub metrics: Vec<(&'static str, MetricChange)>,
    /// Defaults that are decided in code.
    pub defaults: Vec<DefaultChange>,
}
