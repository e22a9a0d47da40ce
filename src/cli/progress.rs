//! What is going on, for people who wait: on a terminal's standard error, after a second.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long nothing is said.
const QUIET: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const TICK: Duration = Duration::from_millis(200);

/// A line that says what is going on until it is dropped.
pub(super) struct Progress {
    line: Arc<Mutex<String>>,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Says `what` if it takes longer than a second.
    pub(super) fn start(what: impl Into<String>) -> Self {
        let line = Arc::new(Mutex::new(what.into()));
        let ticker = io::stderr().is_terminal().then(|| {
            let (stop, stopped) = mpsc::channel();
            let shared = Arc::clone(&line);
            let thread = std::thread::spawn(move || {
                let mut wait = QUIET;
                let mut is_shown = false;
                while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    let line = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    drop(write!(io::stderr(), "\r\u{1b}[2K{line}"));
                    (wait, is_shown) = (TICK, true);
                }
                if is_shown {
                    drop(write!(io::stderr(), "\r\u{1b}[2K"));
                }
            });
            (stop, thread)
        });
        Self { line, ticker }
    }

    /// Says `what` from now on.
    pub(super) fn say(&self, what: impl Into<String>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = crate::diagnostic::printable(&what.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            drop(thread.join());
        }
    }
}
