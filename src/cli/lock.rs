//! Waiting for another llmc.

use std::path::Path;
use std::time::{Duration, Instant};

use super::output::Output;
use super::{Failure, inputs};
use crate::deliver::Lock;

/// How often the lock is asked for.
const STEP: Duration = Duration::from_millis(50);
/// How long nothing is said.
const QUIET: Duration = Duration::from_secs(1);

/// The lock of `base`, after waiting no longer than `patience` for whoever holds it.
pub(super) fn take(base: &Path, patience: Duration, output: &mut Output) -> Result<Lock, Failure> {
    let start = Instant::now();
    let shown = inputs::shown(base);
    let mut is_said = false;
    loop {
        match Lock::try_take(base) {
            Ok(Some(lock)) => {
                if !lock.is_held() {
                    output.warning(&format!("the file system of `{shown}` has no locks; let no other llmc write there meanwhile"));
                }
                return Ok(lock);
            }
            Ok(None) => {}
            Err(refusal) => return Err(refusal.to_string().into()),
        }
        if start.elapsed() >= patience {
            let seconds = patience.as_secs();
            return Err(format!(
                "another llmc still writes below `{shown}` after {seconds} s; wait for it to end, or raise --lock-timeout"
            )
            .into());
        }
        if !is_said && start.elapsed() >= QUIET {
            output.note(&format!("waiting for another llmc that writes below `{shown}` ...\n"));
            is_said = true;
        }
        std::thread::sleep(STEP.min(patience));
    }
}
