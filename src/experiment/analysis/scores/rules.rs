//! What can be wrong with a file of scores.

use crate::diagnostic::{Rule, Severity};

/// The rules of this folder, by code.
pub static RULES: [&Rule; 9] =
    [&UNREADABLE, &COLUMNS, &CUT_OFF, &ENCODING, &UNKNOWN_VARIANT, &UNKNOWN_METRIC, &NOT_A_NUMBER, &MISSING_USER, &MALFORMED_ROW];

pub(super) static UNREADABLE: Rule = Rule {
    code: "LLMC-A030",
    name: "scores-unreadable",
    severity: Severity::Error,
    docs: "A file of scores is empty, compressed, or of a format that is not read.\n\n\
           `llmc experiment analyze` reads CSV with a header, and JSON Lines: one object a line, both in UTF-8.\n\n\
           ```text\nuser,variant,metric,value\nu-17,control,quality,0.81\n```\n\n\
           ```text\n{\"user\":\"u-17\",\"variant\":\"control\",\"metric\":\"quality\",\"value\":0.81}\n```\n\n\
           Of a compressed file give what comes out: `zcat scores.csv.gz | llmc experiment analyze NAME --scores -`.",
};

pub(super) static COLUMNS: Rule = Rule {
    code: "LLMC-A031",
    name: "scores-columns",
    severity: Severity::Error,
    docs: "The header of a file of scores lacks one of the columns `user`, `variant`, `metric` and `value`, or has one twice.\n\n\
           The columns may stand in any order, and others are ignored; `experiment` is one that is understood: rows that name \
           another experiment are left out. What each column means cannot be guessed, so nothing is read.\n\n\
           ```text\nvariant,user,metric,value,latency_note\ncontrol,u-17,quality,0.81,ignored\n```\n\n\
           Give the header the four names, each once.",
};

pub(super) static CUT_OFF: Rule = Rule {
    code: "LLMC-A032",
    name: "scores-cut-off",
    severity: Severity::Error,
    docs: "A file of scores ends in the middle of a row, or a quoted field never ends.\n\n\
           Nobody knows which rows a file lacks that was cut off, and a quote that is never closed swallows all that follows. \
           Either way there is no verdict. Export the scores again; a quote inside a quoted field is written twice.",
};

pub(super) static ENCODING: Rule = Rule {
    code: "LLMC-A033",
    name: "scores-encoding",
    severity: Severity::Error,
    docs: "A file of scores is not in UTF-8.\n\n\
           In another encoding one user may look like two, or two like one. A byte order mark of UTF-8 does not matter.\n\n\
           ```sh\niconv -f UTF-16 -t UTF-8 scores.csv > scores.utf8.csv\niconv -f LATIN1 -t UTF-8 scores.csv > scores.utf8.csv\n```",
};

pub(super) static UNKNOWN_VARIANT: Rule = Rule {
    code: "LLMC-A034",
    name: "unknown-score-variant",
    severity: Severity::Error,
    docs: "A row of scores names a variant that the experiment does not have.\n\n\
           Leaving its users out could favour one side, so there is no verdict. Rows of `off`, which users outside the \
           experiment get, are counted and left out.\n\n\
           Write the names of the spec. Where the file holds several experiments, say which in a column `experiment`.",
};

pub(super) static UNKNOWN_METRIC: Rule = Rule {
    code: "LLMC-A035",
    name: "unknown-score-metric",
    severity: Severity::Warning,
    docs: "A row of scores names a metric that is neither a `metric` nor a `guard` of the experiment.\n\n\
           Such rows are counted and left out: what decides is stated before the data are seen. A metric of the \
           experiment without any rows leaves it without a verdict.\n\n\
           Correct the name, or add the metric to the spec before the next experiment starts.",
};

pub(super) static NOT_A_NUMBER: Rule = Rule {
    code: "LLMC-A036",
    name: "score-not-a-number",
    severity: Severity::Warning,
    docs: "The value of a score is missing, not a number, infinite, or outside of what its metric can be.\n\n\
           A metric without `deviation` is a share of users: its values are from 0 to 1. Other values are numbers of at most \
           1e100 either way, with a decimal point.\n\n\
           ```text\nu-17,control,quality,NaN\n```\n\n\
           Such rows are refused, counted and shown. Scores are rarely lost by chance (an answer that times out has none), so \
           above 1 % of the rows, or where one variant loses more than another beyond chance, there is no verdict. \
           Leave out what was not measured, and find out why.",
};

pub(super) static MISSING_USER: Rule = Rule {
    code: "LLMC-A037",
    name: "score-without-user",
    severity: Severity::Warning,
    docs: "A row of scores names no user.\n\n\
           Users are what is counted: a user with a thousand answers is one sample. Such rows are refused, counted and shown; \
           above 1 % of the rows there is no verdict. Give flagd and the scores the same targeting key.",
};

pub(super) static MALFORMED_ROW: Rule = Rule {
    code: "LLMC-A038",
    name: "malformed-score",
    severity: Severity::Warning,
    docs: "A row of scores has more or fewer fields than the header, or a line is not a JSON object with the fields of a score.\n\n\
           ```text\nu-17,control,quality,0,81\n```\n\n\
           In CSV a decimal comma makes two fields of one; write a point, or quote fields that hold a comma. Such rows are \
           refused, counted and shown; above 1 % of the rows there is no verdict.",
};
