//! Which arm of an experiment a user gets.
//!
//! The same answer as flagd gives for the compiled flag, for every user and both generations of its hash:
//! what a flag says is written from [`slots`] and [`holdout_text`], and `tests/suite/flagd` holds this
//! against flagd's own evaluators.

mod hash;

use std::collections::BTreeMap;
use std::fmt;

pub use hash::{hash, part_of};

use crate::stack::{Arm, Experiment, HashGeneration, Holdout, PARTS};

/// What flagd calls the user in the context of an evaluation.
pub const USER_KEY: &str = "targetingKey";

/// Parts of all users, one behind the other from 0 on, that fare alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The arm whose slot it is.
    pub owner: &'a str,
    /// Whether its users get the arm; else they get what is live and are not counted.
    pub is_active: bool,
    /// Number of parts, never 0.
    pub parts: u32,
}

/// The slots of `experiment`, which add up to [`PARTS`]: of each arm what is filled, then what is not yet.
///
/// No slot ever moves while weights stay, so a larger step takes users from `off` alone.
pub fn slots<'a>(experiment: &'a Experiment) -> Vec<Slot<'a>> {
    let of_arm = |(owner, arm): (&'a String, &'a Arm)| {
        let waiting = arm.slot_parts.saturating_sub(arm.active_parts);
        [(true, arm.active_parts), (false, waiting)].map(|(is_active, parts)| Slot { owner, is_active, parts })
    };
    experiment.arms.iter().flat_map(of_arm).filter(|slot| slot.parts > 0).collect()
}

/// Text before the user's name in what decides who is held out.
pub fn holdout_text(name: &str) -> String {
    format!("llmc/holdout/{name}:")
}

/// Parts of all users that are held out.
pub fn holdout_parts(holdout: &Holdout) -> u32 {
    // At most half of them: the schema bounds the percent.
    (holdout.percent * f64::from(PARTS) / 100.0).round() as u32
}

/// What a user gets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment<'a> {
    /// The arm of this name.
    Arm {
        /// Name of the arm.
        arm: &'a str,
        /// The user's part of [`PARTS`].
        part: u32,
    },
    /// What is live, uncounted.
    Off(Off<'a>),
}

/// Why a user takes no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Off<'a> {
    /// The experiment is stopped.
    Stopped,
    /// There is no user: everybody without a name would share one part.
    NoUser,
    /// The user is held out.
    HeldOut {
        /// Name of the holdout.
        holdout: &'a str,
        /// The user's part of [`PARTS`] in that holdout.
        part: u32,
    },
    /// The user is not of the audience.
    NotInAudience {
        /// The attribute that says so.
        attribute: &'a str,
    },
    /// The step of the ramp does not reach the user yet.
    NotYet {
        /// The arm that the user will get.
        arm: &'a str,
        /// The user's part of [`PARTS`].
        part: u32,
    },
}

impl<'a> Assignment<'a> {
    /// Name of the arm; none for `off`.
    pub fn arm(&self) -> Option<&'a str> {
        match self {
            Self::Arm { arm, .. } => Some(arm),
            Self::Off(_) => None,
        }
    }
}

/// What `user` with `attributes` gets of `experiment`, where users are dealt out by `generation`.
pub fn assign<'a>(
    experiment: &'a Experiment,
    generation: HashGeneration,
    user: &str,
    attributes: &BTreeMap<String, String>,
) -> Assignment<'a> {
    if !experiment.is_running() {
        return Assignment::Off(Off::Stopped);
    }
    if user.is_empty() {
        return Assignment::Off(Off::NoUser);
    }
    if let Some(holdout) = &experiment.holdout {
        let part = part_of(generation, &(holdout_text(&holdout.name) + user), PARTS);
        if part < holdout_parts(holdout) {
            return Assignment::Off(Off::HeldOut { holdout: &holdout.name, part });
        }
    }
    for (name, attribute) in &experiment.audience {
        let value = if name == USER_KEY { Some(user) } else { attributes.get(name).map(String::as_str) };
        let is_in = |list: &[String]| value.is_some_and(|value| list.iter().any(|one| one == value));
        if !attribute.one_of.is_empty() && !is_in(&attribute.one_of) || is_in(&attribute.none_of) {
            return Assignment::Off(Off::NotInAudience { attribute: name });
        }
    }
    let part = part_of(generation, &(experiment.salt() + user), PARTS);
    let mut end = 0;
    for slot in slots(experiment) {
        end += slot.parts;
        if part < end {
            let arm = slot.owner;
            return if slot.is_active { Assignment::Arm { arm, part } } else { Assignment::Off(Off::NotYet { arm, part }) };
        }
    }
    // Slots that do not cover all users are refused when the stack is resolved.
    Assignment::Off(Off::Stopped)
}

impl fmt::Display for Assignment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm { part, .. } => write!(f, "part {part} of {PARTS}"),
            Self::Off(Off::Stopped) => write!(f, "the experiment is stopped"),
            Self::Off(Off::NoUser) => write!(f, "no user"),
            Self::Off(Off::HeldOut { holdout, part }) => write!(f, "held out by `{holdout}`: part {part} of {PARTS}"),
            Self::Off(Off::NotInAudience { attribute }) => write!(f, "not in the audience: `{attribute}`"),
            Self::Off(Off::NotYet { arm, part }) => write!(f, "part {part} of {PARTS}: will be `{arm}` at a later step of the ramp"),
        }
    }
}

#[cfg(test)]
mod tests;
