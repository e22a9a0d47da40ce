//! A stream that remembers what it gave last, knows when it has given all, and stops where one row
//! grows without end.

use std::io::{self, Read};

/// Longest row in bytes.
pub(super) const MOST_ROW_BYTES: u64 = 256 * 1024;
/// What is read at once.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;
/// What is remembered: a row that is too long, and what its reader has read beyond.
const KEPT_BYTES: usize = MOST_ROW_BYTES as usize + 2 * BLOCK_BYTES;

/// What a read error says when a row is too long; no other error of a file has this kind.
pub(super) const TOO_LONG: io::ErrorKind = io::ErrorKind::FileTooLarge;

/// A stream, tapped.
pub(super) struct Tap<'a> {
    inner: &'a mut dyn Read,
    progress: &'a mut dyn FnMut(u64),
    /// What is being given, and how much of it was.
    block: Vec<u8>,
    at: usize,
    /// The block after it, so that the end is known when it is reached.
    next: Vec<u8>,
    /// What was given before the block.
    kept: Vec<u8>,
    given: u64,
    /// Byte from which nothing more is given.
    limit: u64,
}

impl<'a> Tap<'a> {
    /// Taps `inner`; `progress` is told how many bytes were given.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub(super) fn new(inner: &'a mut dyn Read, progress: &'a mut dyn FnMut(u64)) -> io::Result<Self> {
        let block = fill(inner)?;
        let next = fill(inner)?;
        let limit = MOST_ROW_BYTES + BLOCK_BYTES as u64;
        Ok(Self { inner, progress, block, at: 0, next, kept: Vec::new(), given: 0, limit })
    }

    /// What comes next.
    pub(super) fn peek(&self) -> &[u8] {
        self.block.get(self.at..).unwrap_or_default()
    }

    /// Drops the first `count` bytes, which count as never there.
    pub(super) fn drop_first(&mut self, count: usize) {
        self.block.drain(..count.min(self.block.len()));
    }

    /// Lets a row that starts at the byte `start` be read.
    pub(super) fn row_starts(&mut self, start: u64) {
        self.limit = start + MOST_ROW_BYTES + BLOCK_BYTES as u64;
    }

    /// The bytes from `from` to `to`, as far as they are remembered.
    pub(super) fn remembered(&self, from: u64, to: u64) -> Vec<u8> {
        let first = self.given - self.at as u64 - self.kept.len() as u64;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        let take = usize::try_from(to.saturating_sub(from.max(first))).unwrap_or(0);
        self.kept.iter().chain(&self.block).skip(skip).take(take).copied().collect()
    }

    /// Whether everything up to the byte `end` is all there is.
    pub(super) fn ends_at(&self, end: u64) -> bool {
        self.next.is_empty() && self.at == self.block.len() && end >= self.given
    }

    /// Whether the last byte given is the end of a line.
    pub(super) fn ends_with_newline(&self) -> bool {
        matches!(self.block.last().or(self.kept.last()), Some(b'\n' | b'\r'))
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.limit {
            return Err(TOO_LONG.into());
        }
        if self.at == self.block.len() && !self.next.is_empty() {
            self.kept.append(&mut self.block);
            // Twice as much before the start is dropped, so that bytes are moved rarely.
            if self.kept.len() > 2 * KEPT_BYTES {
                self.kept.drain(..self.kept.len() - KEPT_BYTES);
            }
            self.block = std::mem::replace(&mut self.next, fill(self.inner)?);
            self.at = 0;
            (self.progress)(self.given);
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        self.given += count as u64;
        Ok(count)
    }
}

/// The next block, shorter only at the end.
fn fill(inner: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    inner.take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{BLOCK_BYTES, MOST_ROW_BYTES, TOO_LONG, Tap};

    #[test]
    fn the_end_is_known_and_the_start_of_a_long_row_remembered() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
        let (mut inner, mut progress) = (bytes.as_slice(), |_| ());
        let mut tap = Tap::new(&mut inner, &mut progress).unwrap();
        let mut buffer = vec![0; BLOCK_BYTES];
        let mut given = 0;
        while given < 600_000 {
            tap.row_starts(given as u64);
            given += tap.read(&mut buffer).unwrap();
            assert!(!tap.ends_at(given as u64));
        }
        tap.row_starts(given as u64);
        let error = loop {
            if let Err(error) = tap.read(&mut buffer) {
                break error;
            }
        };
        assert_eq!(error.kind(), TOO_LONG);
        assert_eq!(tap.remembered(given as u64, given as u64 + 100), bytes[given..given + 100]);
        tap.row_starts(1_000_000 - MOST_ROW_BYTES);
        while tap.read(&mut buffer).unwrap() > 0 {}
        assert!(tap.ends_at(1_000_000) && !tap.ends_at(999_999));
    }
}
