//! Scores in CSV.

use std::io;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::found::{Row, short};
use super::intake::{Fields, Intake, Value, quoted};
use super::rules::{COLUMNS, CUT_OFF, UNREADABLE};
use super::tap::{BLOCK_BYTES, MOST_ROW_BYTES, TOO_LONG, Tap};
use crate::diagnostic::did_you_mean;

/// The columns that a score has.
pub(super) const COLUMN_NAMES: [&str; 4] = ["user", "variant", "metric", "value"];
/// The column that says of which experiment a row is.
pub(super) const EXPERIMENT: &str = "experiment";

/// Places of the columns.
struct Columns {
    places: [usize; 4],
    experiment: Option<usize>,
    /// Fields of a row.
    count: usize,
}

/// Reads all rows into `intake`.
///
/// # Errors
/// When the file cannot be read or a temporary one not written.
pub(super) fn read(tap: Tap<'_>, intake: &mut Intake<'_>) -> io::Result<()> {
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).buffer_capacity(BLOCK_BYTES).from_reader(tap);
    let mut record = ByteRecord::new();
    let mut columns: Option<Columns> = None;
    loop {
        let start = reader.position().byte();
        let line = reader.position().line();
        reader.get_mut().row_starts(start);
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => {
                if columns.is_none() {
                    let nothing = || ("the file of scores is empty".into(), String::new(), None);
                    intake.found.add(&UNREADABLE, Row { line_and_raw: &|| (1, Vec::new()) }, "", nothing);
                }
                return Ok(());
            }
            Err(error) => return failed(error, &reader, start, line, intake),
        }
        let (tap, end) = (reader.get_ref(), reader.position().byte());
        let raw = || line_and_raw(tap, line, start, end);
        let row = Row { line_and_raw: &raw };
        match &columns {
            None => match header(&record, row, intake) {
                Some(found) => columns = Some(found),
                None => return Ok(()),
            },
            Some(columns) => take(&record, columns, row, End::of(tap, end), intake)?,
        }
    }
}

/// Whether a record is the last of the file.
#[derive(Clone, Copy, PartialEq)]
enum End {
    No,
    WithNewline,
    WithoutNewline,
}

impl End {
    fn of(tap: &Tap<'_>, end: u64) -> Self {
        match tap.ends_at(end) {
            false => Self::No,
            true if tap.ends_with_newline() => Self::WithNewline,
            true => Self::WithoutNewline,
        }
    }
}

/// The line that the record from the byte `start` to `end` begins in, where the reader stood in `line`, and
/// its bytes. The end of the row before, and empty lines, are not of it.
fn line_and_raw(tap: &Tap<'_>, line: u64, start: u64, end: u64) -> (u64, Vec<u8>) {
    let mut raw = tap.remembered(start, end);
    let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let line = line + raw.drain(..blank).filter(|byte| *byte == b'\n').count() as u64;
    (line, raw)
}

/// What a reader's error means.
fn failed(error: csv::Error, reader: &Reader<Tap<'_>>, start: u64, line: u64, intake: &mut Intake<'_>) -> io::Result<()> {
    let error = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::other("the CSV reader gave up"),
    };
    if error.kind() != TOO_LONG {
        return Err(error);
    }
    let (line, raw) = line_and_raw(reader.get_ref(), line, start, start + MOST_ROW_BYTES);
    let first = first_line(&raw);
    let is_quoted = first.contains(&b'"');
    let row = || (line, first.to_vec());
    intake.found.add(&CUT_OFF, Row { line_and_raw: &row }, "", || {
        let what = if is_quoted { "a quoted field that begins here does not end" } else { "a row does not end" };
        let help = is_quoted.then(|| "a quote inside of a quoted field is written twice".to_owned());
        (format!("{what} within {} KiB", MOST_ROW_BYTES / 1024), "nothing after it was read".into(), help)
    });
    Ok(())
}

fn first_line(raw: &[u8]) -> &[u8] {
    raw.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default()
}

/// The columns that the header names, if it names all.
fn header(record: &ByteRecord, row: Row<'_>, intake: &mut Intake<'_>) -> Option<Columns> {
    let names: Vec<String> = record.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let find = |wanted: &str| {
        let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(place, _)| place);
        (places.next(), places.next().is_some())
    };
    let found = COLUMN_NAMES.map(find);
    let (experiment, is_twice) = find(EXPERIMENT);
    let twice = COLUMN_NAMES.into_iter().zip(found).filter(|(_, (_, twice))| *twice).map(|(name, _)| name);
    let twice: Vec<&str> = twice.chain(is_twice.then_some(EXPERIMENT)).collect();
    for name in &twice {
        let message = || (format!("the column `{name}` stands there twice"), "which one is meant?".into(), None);
        intake.found.add(&COLUMNS, row, name, message);
    }
    let missing: Vec<&str> = COLUMN_NAMES.into_iter().zip(found).filter(|(_, (place, _))| place.is_none()).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        intake.found.add(&COLUMNS, row, "", || {
            let near = missing.iter().filter_map(|name| {
                let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
                let near = did_you_mean(name, lower.iter().map(String::as_str))?;
                let place = lower.iter().position(|lower| lower == near)?;
                Some(format!("is `{}` the column `{name}`?", short(names.get(place)?)))
            });
            let near: Vec<String> = near.collect();
            let separator =
                [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")].into_iter().find(|(c, _)| names.len() == 1 && names[0].contains(*c));
            let help = match separator {
                Some((_, what)) => format!("the fields seem to be separated by {what}; CSV has commas"),
                None if near.is_empty() => format!("the first line names the columns: {}", COLUMN_NAMES.join(",")),
                None => near.join(" "),
            };
            (format!("the header has no column {}", quoted(missing.iter().copied())), "the header".into(), Some(help))
        });
    }
    let [Some(user), Some(variant), Some(metric), Some(value)] = found.map(|(place, _)| place) else { return None };
    let used = [Some(user), Some(variant), Some(metric), Some(value), experiment];
    let others = names.iter().enumerate().filter(|(place, _)| !used.contains(&Some(*place)));
    others.for_each(|(_, name)| intake.rows.ignore_column(name));
    twice.is_empty().then_some(Columns { places: [user, variant, metric, value], experiment, count: names.len() })
}

/// Takes a row.
fn take(record: &ByteRecord, columns: &Columns, row: Row<'_>, end: End, intake: &mut Intake<'_>) -> io::Result<()> {
    let (have, want) = (record.len(), columns.count);
    let swallows = |field: Option<&[u8]>| field.is_some_and(|field| field.contains(&b'\n'));
    let is_swallowing = if have == want {
        columns.places.iter().any(|place| swallows(record.get(*place)))
    } else {
        record.iter().any(|f| swallows(Some(f)))
    };
    let is_open = end != End::No && (row.line_and_raw)().1.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    let is_cut = end == End::WithoutNewline && have < want;
    intake.rows.ends_without_newline |= end == End::WithoutNewline;
    if is_open || is_cut || is_swallowing {
        intake.rows.read += 1;
        intake.refuse(&CUT_OFF);
        let raw = || {
            let (line, raw) = (row.line_and_raw)();
            (line, first_line(&raw).to_vec())
        };
        intake.found.add(&CUT_OFF, Row { line_and_raw: &raw }, "", || {
            if is_cut && !is_open {
                let message = format!("the file ends in the middle of a row: {have} of {want} fields and no newline");
                return (message, "cut off here".into(), Some("export the scores again; how many rows are missing is not known".into()));
            }
            let message = if is_open { "a quoted field never ends" } else { "a quoted field runs over the end of its line" };
            (message.into(), "what follows was taken for text".into(), Some("a quote inside of a quoted field is written twice".into()))
        });
        return Ok(());
    }
    if have != want {
        intake.malformed(row, "", || {
            let help = (have > want).then(|| "write a decimal point, and quote fields that hold a comma".to_owned());
            (format!("a row with {have} fields, and the header has {want}"), help)
        });
        return Ok(());
    }
    let get = |place: usize| std::str::from_utf8(record.get(place).unwrap_or_default());
    let [user, variant, metric, value] = columns.places.map(get);
    let (Ok(user), Ok(variant), Ok(metric), Ok(value), Ok(experiment)) =
        (user, variant, metric, value, columns.experiment.map(get).transpose())
    else {
        intake.not_utf8(row);
        return Ok(());
    };
    intake.row(row, &Fields { user: Some(user), variant, metric, value: Value::Text(value), experiment })
}
