//! What is kept of the rows: one entry for each user, metric and arm, in bounded memory.
//!
//! Entries are collected until there are [`MOST_ENTRIES`], then sorted and combined. Where that leaves more
//! than half, they go to a temporary file as a sorted run; in the end all runs are merged. So memory is that
//! of the buffer, half of it again while it is sorted, and 32 KiB for each of at most [`MOST_RUNS`] runs,
//! whatever the size of the file: 50 MiB.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use sha2::{Digest, Sha256};

/// Entries that are held in memory: 32 bytes each.
pub const MOST_ENTRIES: usize = 1 << 20;
/// Runs that are merged at once; before there are more, they become one.
const MOST_RUNS: usize = 64;
/// Bytes of an entry in a file.
const ENTRY_BYTES: usize = 32;
/// What is read of a run at once.
const RUN_BUFFER_BYTES: usize = 32 * 1024;

/// What is known of one metric of a user in one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// The first 128 bits of SHA-256 of the user's name: two of 10^10 users have the same with a
    /// probability of 10^-19.
    pub(super) user: u128,
    /// Sum of the values.
    pub(super) sum: f64,
    /// Number of the values.
    pub(super) rows: u32,
    /// Place of the metric among those of the experiment.
    pub(super) metric: u16,
    /// Place of the arm.
    pub(super) arm: u16,
}

impl Entry {
    pub(super) fn new(user: &str, metric: u16, arm: u16, value: f64) -> Self {
        let digest: [u8; 32] = Sha256::digest(user.as_bytes()).into();
        let user = digest.iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte));
        Self { user, sum: value, rows: 1, metric, arm }
    }

    fn key(&self) -> (u128, u16, u16) {
        (self.user, self.metric, self.arm)
    }

    /// Takes `other` in; false where it is of something else, or the number of rows would not fit.
    fn absorb(&mut self, other: &Self) -> bool {
        let Some(rows) = self.rows.checked_add(other.rows).filter(|_| self.key() == other.key()) else { return false };
        (self.rows, self.sum) = (rows, self.sum + other.sum);
        true
    }

    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..16].copy_from_slice(&self.user.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sum.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.rows.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.metric.to_le_bytes());
        bytes[30..].copy_from_slice(&self.arm.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        fn part<const N: usize>(bytes: &[u8; ENTRY_BYTES], from: usize) -> [u8; N] {
            std::array::from_fn(|at| bytes[from + at])
        }
        Self {
            user: u128::from_le_bytes(part(bytes, 0)),
            sum: f64::from_le_bytes(part(bytes, 16)),
            rows: u32::from_le_bytes(part(bytes, 24)),
            metric: u16::from_le_bytes(part(bytes, 28)),
            arm: u16::from_le_bytes(part(bytes, 30)),
        }
    }
}

/// The entries of a file, however many.
pub(super) struct Entries {
    most: usize,
    buffer: Vec<Entry>,
    runs: Vec<File>,
}

impl Entries {
    /// Room for `most` entries in memory, 2 at least.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(2), buffer: Vec::new(), runs: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn push(&mut self, entry: Entry) -> io::Result<()> {
        if self.buffer.len() >= self.most {
            self.combine();
            if self.buffer.len() > self.most / 2 {
                let run = write(self.buffer.drain(..).map(Ok))?;
                self.runs.push(run);
            }
            if self.runs.len() >= MOST_RUNS {
                let runs = std::mem::take(&mut self.runs);
                self.runs.push(write(Merge::new(runs, Vec::new())?)?);
            }
        }
        self.buffer.push(entry);
        Ok(())
    }

    /// Sorts the buffer, keeping the order of rows of the same key, and makes one entry of each key.
    fn combine(&mut self) {
        self.buffer.sort_by_key(Entry::key);
        self.buffer.dedup_by(|next, kept| kept.absorb(next));
    }

    /// All entries by user, metric and arm.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub(super) fn sorted(mut self) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
        self.combine();
        Merge::new(self.runs, self.buffer)
    }
}

/// Writes `entries` to a temporary file that has no name, so that nothing is left whatever happens.
fn write(entries: impl Iterator<Item = io::Result<Entry>>) -> io::Result<File> {
    let mut file = BufWriter::new(tempfile::tempfile()?);
    for entry in entries {
        file.write_all(&entry?.to_bytes())?;
    }
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Sorted runs as one.
struct Merge {
    runs: Vec<Box<dyn Iterator<Item = io::Result<Entry>>>>,
    /// The next entry of each run, the least first, and of equal ones that of the oldest run.
    next: BinaryHeap<Reverse<Head>>,
}

struct Head {
    entry: Entry,
    run: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.entry.key(), self.run).cmp(&(other.entry.key(), other.run))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Merge {
    fn new(files: Vec<File>, last: Vec<Entry>) -> io::Result<Self> {
        let mut runs: Vec<Box<dyn Iterator<Item = io::Result<Entry>>>> = Vec::new();
        for file in files {
            let mut file = BufReader::with_capacity(RUN_BUFFER_BYTES, file);
            runs.push(Box::new(std::iter::from_fn(move || {
                let mut bytes = [0; ENTRY_BYTES];
                match file.read_exact(&mut bytes) {
                    Ok(()) => Some(Ok(Entry::from_bytes(&bytes))),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                    Err(error) => Some(Err(error)),
                }
            })));
        }
        runs.push(Box::new(last.into_iter().map(Ok)));
        let mut merge = Self { next: BinaryHeap::with_capacity(runs.len()), runs };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some(entry) = self.runs.get_mut(run).and_then(Iterator::next) {
            self.next.push(Reverse(Head { entry: entry?, run }));
        }
        Ok(())
    }

    fn pop(&mut self) -> io::Result<Option<Entry>> {
        let Some(Reverse(Head { entry, run })) = self.next.pop() else { return Ok(None) };
        self.advance(run).map(|()| Some(entry))
    }
}

impl Iterator for Merge {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = match self.pop() {
            Ok(entry) => entry?,
            Err(error) => return Some(Err(error)),
        };
        while self.next.peek().is_some_and(|Reverse(head)| entry.absorb(&head.entry)) {
            if let Err(error) = self.pop() {
                return Some(Err(error));
            }
        }
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Entries, Entry, MOST_RUNS};

    /// Values that are whole numbers, so that sums are exact in any order.
    fn reduced(most: usize) -> (Vec<Entry>, usize) {
        let mut entries = Entries::new(most);
        let mut state = 7_u64;
        let mut runs = 0;
        let mut seen = BTreeSet::new();
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let user = format!("u{}", (state >> 33) % 3_000);
            let metric = ((state >> 20) % 2) as u16;
            entries.push(Entry::new(&user, metric, 0, ((state >> 40) % 100) as f64)).unwrap();
            seen.insert((user, metric));
            runs = runs.max(entries.runs.len());
        }
        let entries: Vec<Entry> = entries.sorted().unwrap().map(Result::unwrap).collect();
        assert_eq!(entries.len(), seen.len(), "an entry for each user and metric");
        (entries, runs)
    }

    #[test]
    fn what_comes_out_does_not_depend_on_the_room() {
        let (all, runs) = reduced(1 << 20);
        assert_eq!(runs, 0);
        assert_eq!(all.iter().map(|entry| u64::from(entry.rows)).sum::<u64>(), 20_000);
        assert!(all.is_sorted_by_key(Entry::key));
        for most in [1, 100, 1_000, 7_000] {
            let (same, runs) = reduced(most);
            assert!(same == all, "with room for {most}");
            assert!((1..=MOST_RUNS).contains(&runs) || most == 7_000, "{runs} runs with room for {most}");
        }
    }

    #[test]
    fn an_entry_is_the_same_after_a_file() {
        let entry = Entry::new("é", 513, 19, -0.1);
        assert_eq!(Entry::from_bytes(&entry.to_bytes()), entry);
        // The first half of SHA-256 of "abc", FIPS 180-2, appendix B.1.
        assert_eq!(Entry::new("abc", 0, 0, 0.0).user, 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223);
    }
}
