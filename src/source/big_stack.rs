//! Running a recursive parser where its recursion is known to fit.

use std::thread;

/// Bytes of stack. The parsers recurse for each level of input; 4,096 levels of KDL need less than
/// half of this in a debug build. Untouched pages cost nothing.
const STACK_BYTES: usize = 512 * 1024 * 1024;

/// Runs `parse` on a thread of its own.
///
/// # Errors
/// In words, when no thread can be started, or when the parser panics.
pub(super) fn run<T: Send>(parse: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| match thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, parse) {
        Err(error) => Err(format!("cannot start the parser: {error}")),
        Ok(parser) => parser.join().map_err(|_| "the parser failed on this text; please report it".to_owned()),
    })
}
