//! Which policies a command judges by, and on which day.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Failure, inputs};
use crate::diagnostic;
use crate::policy::{self, Day, File, Policies, Set};

/// Folder of a repository's own policies, beside `stacks/`.
pub(super) const FOLDER: &str = "policies";

/// The policies of the repository at `root`, judged today.
pub(super) fn of_repository(root: &Path) -> Result<Policies, Failure> {
    let (files, faults) = read(&root.join(FOLDER));
    Ok(Policies::new(Set::load(files).with_faults(faults), today()?))
}

/// Today in UTC; what `SOURCE_DATE_EPOCH` says instead, as builds that are to be repeated set it.
pub(super) fn today() -> Result<Day, Failure> {
    let seconds = match std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty()) {
        None => SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()),
        // A day of the year 9999 is far enough.
        Some(value) => value.to_str().and_then(|text| text.parse().ok()).filter(|seconds| (0..=253_402_300_799).contains(seconds)),
    };
    let wrong = || Failure::Message("`SOURCE_DATE_EPOCH` must be a number of seconds since 1970, as a whole number".to_owned());
    seconds.map(Day::from_unix_seconds).ok_or_else(wrong)
}

/// The policy files in `folder`.
pub(super) fn read(folder: &Path) -> (Vec<File>, Vec<diagnostic::Finding>) {
    policy::read(folder, &inputs::shown(folder))
}
