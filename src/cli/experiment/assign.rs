//! `llmc experiment assign`

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use clap::ValueEnum;

use super::super::Failure;
use super::super::output::Output;
use super::{find, stacks};
use crate::diagnostic;
use crate::experiment::assign::{USER_KEY, assign};
use crate::stack::HashGeneration;

/// Say which variant of an experiment a user gets, as flagd does.
///
/// Follows the compiled flag: holdout, audience, then the user's part of all users. `off` is what is live,
/// uncounted. Nothing is asked of a server, and the answer depends on the spec and the user alone.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, group(clap::ArgGroup::new("users").required(true).args(["user", "stdin"])))]
pub(in crate::cli) struct Args {
    /// Name of the experiment.
    name: String,
    /// The user: what the application sends as `targetingKey`.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Read users from standard input, one a line, and print a variant for each.
    #[arg(long)]
    stdin: bool,
    /// Name of the stack, or path of its spec, where several have an experiment of this name.
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// Generation of flagd's hash. Default: the one that the stack's `flagd` block states.
    #[arg(long, value_name = "GENERATION")]
    hash: Option<Hash>,
    /// An attribute of the user, for experiments with an `audience`. May be repeated.
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Add a tab and the reason.
    #[arg(long)]
    why: bool,
}

const EXAMPLES: &str = "\
Examples:
  llmc experiment assign support-v2 --user user-17
  llmc experiment assign support-v2 --user user-17 --why
  llmc experiment assign support-v2 --user user-17 --attribute plan=pro
  llmc experiment assign support-v2 --user user-17 --hash v3      # after a move to flagd's next generation
  llmc experiment assign support-v2 --stdin <users.txt | sort | uniq -c

Exit codes: 0 every user has an answer, 1 a line cannot be read, or there is no such experiment.";

/// A generation of flagd's hash.
#[derive(Clone, Copy, ValueEnum)]
enum Hash {
    /// MurmurHash3 of the text.
    V2,
    /// MurmurHash3 of the canonical CBOR of the text.
    V3,
}

impl From<Hash> for HashGeneration {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::V2 => Self::V2,
            Hash::V3 => Self::V3,
        }
    }
}

/// Most bytes of a line: more than any identifier has, and little enough to hold.
const MOST_LINE_BYTES: usize = 64 * 1024;
/// Answers are printed when so many bytes are waiting.
const PRINTED_AT_BYTES: usize = 64 * 1024;

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((USER_KEY, _)) => Err(format!("`{USER_KEY}` is the user; write --user")),
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("write KEY=VALUE, such as plan=pro".into()),
    }
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let compilations = stacks(args.stack.as_ref())?;
    let (compilation, stack, experiment) = find(&args.name, &compilations, output)?;
    if diagnostic::has_errors(&compilation.findings) {
        output.warning(&format!("`{}` has errors, so no flag is compiled from it; `llmc check` shows them", compilation.spec_path));
    }
    let attributes: BTreeMap<String, String> = args.attributes.iter().cloned().collect();
    if let Some(key) = attributes.keys().find(|key| !experiment.audience.contains_key(*key)) {
        output.warning(&format!("the audience of `{}` does not ask for the attribute `{key}`", experiment.name));
    }
    let generation = args.hash.map_or(stack.flagd.hash, HashGeneration::from);
    let answer = |user: &str, text: &mut String| {
        let assignment = assign(experiment, generation, user, &attributes);
        text.push_str(assignment.arm().unwrap_or("off"));
        if args.why {
            text.push_str(&format!("\t{assignment}"));
        }
        text.push('\n');
    };
    match &args.user {
        Some(user) => {
            let mut text = String::new();
            answer(user, &mut text);
            output.print(&text)
        }
        None => lines(&mut io::stdin().lock(), answer, output),
    }
}

/// Answers each line of `input`. What was answered before a line that cannot be read is printed first.
fn lines(input: &mut impl BufRead, answer: impl Fn(&str, &mut String), output: &mut Output) -> Result<(), Failure> {
    let mut answers = String::new();
    let mut line = Vec::new();
    let mut number = 0_u64;
    let fault = loop {
        line.clear();
        number += 1;
        // Two bytes more, for the end of the line.
        match input.by_ref().take(MOST_LINE_BYTES as u64 + 2).read_until(b'\n', &mut line) {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(format!("cannot read line {number}: {error}")),
        }
        let user = line.strip_suffix(b"\n").map_or(line.as_slice(), |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
        if user.len() > MOST_LINE_BYTES {
            break Some(format!("line {number} is longer than {MOST_LINE_BYTES} bytes, which no user's name is"));
        }
        match std::str::from_utf8(user) {
            Ok(user) => answer(user, &mut answers),
            Err(error) => break Some(format!("line {number} is not UTF-8: byte {}", error.valid_up_to() + 1)),
        }
        if answers.len() >= PRINTED_AT_BYTES {
            output.print(&answers)?;
            answers.clear();
        }
    };
    output.print(&answers)?;
    fault.map_or(Ok(()), |fault| Err(Failure::Message(fault)))
}
