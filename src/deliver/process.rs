//! Running another program: everything that it prints is bounded, and so is its time.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Most bytes of what a program says to people.
const MAX_WORDS_BYTES: u64 = 64 * 1024;

/// Why a program could not say what it was asked, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub(super) String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// What a program answered.
pub(super) struct Answer {
    /// Whether it ended well.
    pub(super) is_success: bool,
    /// Its standard output.
    pub(super) printed: Vec<u8>,
    /// Its standard error, as text.
    pub(super) words: String,
}

/// Why a program gave no answer.
pub(super) enum NoAnswer {
    /// It is not there.
    NotInstalled,
    /// It took longer than it may.
    TooSlow,
    /// It printed more than it may.
    TooMuch,
    /// The system refused.
    Io(io::Error),
}

/// Runs `command` with `input`; it may print `limit_bytes` and take `limit`, without one any time.
pub(super) fn run(command: &mut Command, input: &[u8], limit_bytes: u64, limit: Option<Duration>) -> Result<Answer, NoAnswer> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => NoAnswer::NotInstalled,
        _ => NoAnswer::Io(error),
    };
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    // All three pipes at once: one that is full while another is waited for would stop both sides.
    let input = input.to_vec();
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let words = std::thread::spawn(move || {
        let mut stderr = stderr;
        let words = read_up_to(stderr.as_mut(), MAX_WORDS_BYTES);
        // A program that says more must not fail because nobody listens.
        drop(stderr.map(|mut rest| io::copy(&mut rest, &mut io::sink())));
        words
    });
    std::thread::spawn(move || {
        let printed = read_up_to(stdout, limit_bytes + 1);
        // Whoever waits may have given up.
        drop(sender.send((printed, words.join().unwrap_or_default())));
    });
    let answer = match limit {
        Some(limit) => receiver.recv_timeout(limit).map_err(|_| NoAnswer::TooSlow),
        None => receiver.recv().map_err(|_| NoAnswer::TooSlow),
    };
    let (printed, words) = answer.inspect_err(|_| end(&mut child))?;
    if printed.len() as u64 > limit_bytes {
        end(&mut child);
        return Err(NoAnswer::TooMuch);
    }
    let status = child.wait().map_err(failed)?;
    Ok(Answer { is_success: status.success(), printed, words: String::from_utf8_lossy(&words).trim().to_owned() })
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

fn read_up_to(stream: Option<impl Read>, bytes: u64) -> Vec<u8> {
    let mut read = Vec::new();
    if let Some(stream) = stream {
        drop(stream.take(bytes).read_to_end(&mut read));
    }
    read
}
