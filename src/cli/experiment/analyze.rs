//! `llmc experiment analyze`

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::output::Output;
use super::super::progress::Progress;
use super::super::{Failure, inputs, policies};
use super::{find, stacks};
use crate::compile;
use crate::diagnostic::{Severity, thousands};
use crate::experiment::analysis::{self, Question, Report, Word, scores};
use crate::stack::Experiment;

/// Judge an experiment by the scores of its users: deploy, keep, not enough, or broken, and why.
///
/// The split of the users is looked at first: where it is not the planned one (chi-square test, p below
/// 0.001), some are missing and nothing else is shown. Then each metric of each variant is compared with the
/// control (Welch's t test on the means of users; Holm's correction over all metrics and variants; Cohen's d),
/// and each guard must surely not be worse by more than the spec lets pass (one-sided).
///
/// A variant is deployed where it is better in a metric, worse in none, and every guard is held, with at
/// least 1,000 users an arm and the days that the spec asks for. The rest is kept as it is, or not enough.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, group(clap::ArgGroup::new("outcomes").required(true).args(["scores", "prometheus"])))]
pub(in crate::cli) struct Args {
    /// Name of the experiment.
    name: String,
    /// File of scores, CSV or JSON Lines, with `user`, `variant`, `metric` and `value`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Address of a Prometheus server whose `llmc_experiment_value` is read instead: an approximation, in
    /// which observations are counted and not users. `LLMC_PROMETHEUS_TOKEN` may hold a bearer token.
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Name of the stack, or path of its spec, where several have an experiment of this name.
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// Days that it ran. Default: from `starts` in the spec until today.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=36_500))]
    days: Option<i64>,
    /// Give p-values and intervals that hold at every look, and not only at the end (mSPRT).
    #[arg(long)]
    sequential: bool,
    /// Print one JSON document (schemas/analysis.schema.json).
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, for a pull request.
    #[arg(long)]
    markdown: bool,
    /// Write a picture of the estimates with their intervals, too.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  llmc experiment analyze support-v2 --scores scores.csv
  llmc experiment analyze support-v2 --scores scores.jsonl --days 14 --svg result.svg
  llmc experiment analyze support-v2 --scores scores.csv --sequential
  llmc experiment analyze support-v2 --prometheus https://prometheus.example.com --days 14
  zcat scores.csv.gz | llmc experiment analyze support-v2 --scores - --json

Scores:
  user,variant,metric,value
  u-17,control,quality,0.81
  u-17,control,ttft,0.42
  u-18,treatment,quality,0.77

  The columns may stand in any order, others are ignored, and rows that name
  another experiment in a column `experiment` are left out. Rows of the variant
  `off` are of users outside of the experiment. A user is one sample, whatever
  the number of rows: the mean of their values. Names of users are not kept,
  and memory stays below 200 MiB however large the file is.

  Rows that cannot be used are refused and counted, with the first 20 of a kind
  shown. Above 1 % of them, or where one variant lost more than another, there
  is no verdict; nor where a user of 100 or more is in two variants, or the
  file was cut off.

Looking before the end:
  p-values hold for one look, at the end. With --sequential they hold at every
  look, at the price of wider intervals: the mixture sequential test, whose tau
  is the smallest effect of the spec.

A metric without `deviation` is a share of users. Welch's test of means is
right for it at the sizes that a verdict takes.

Exit codes: 0 a verdict other than broken, 1 broken, a spec with errors, or no
such experiment.";

/// The progress is told after so many bytes.
const TOLD_EVERY_BYTES: u64 = 1 << 20;

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let compilations = stacks(args.stack.as_ref())?;
    let (compilation, stack, experiment) = find(&args.name, &compilations, output)?;
    let mut findings = compile::findings([compilation]);
    findings.retain(|finding| finding.rule.severity == Severity::Error);
    output.found(&findings);
    let days = match args.days {
        Some(days) => Some(days),
        None => analysis::days_until(experiment, policies::today()?),
    };
    let question = Question { stack: &stack.name, experiment, days, is_sequential: args.sequential };
    let report = match (&args.scores, &args.prometheus) {
        (Some(path), _) => {
            let scores = read(path, experiment)?;
            output.found(&scores.findings);
            analysis::analyze_scores(&question, scores)
        }
        (None, Some(url)) => ask(url, &question)?,
        (None, None) => return Err("name a file of scores with --scores".to_owned().into()),
    };
    print(args, &report, output)?;
    if report.verdict.word == Word::Broken || !findings.is_empty() { Err(Failure::Reported) } else { Ok(()) }
}

/// The report of what the Prometheus server at `url` has collected.
#[cfg(feature = "prometheus")]
fn ask(url: &str, question: &Question<'_>) -> Result<Report, Failure> {
    let Some(days) = question.days.filter(|days| *days > 0) else {
        let why = "how many days of values are asked for is not known; say it with --days, or state `starts` in the spec";
        return Err(why.to_owned().into());
    };
    let query = analysis::prometheus::query(question.stack, question.experiment, days);
    let answer = {
        let _progress = Progress::start("asking Prometheus");
        super::prometheus::ask(url, &query)?
    };
    Ok(analysis::prometheus::analyze_answer(question, &answer)?)
}

/// This build cannot ask.
#[cfg(not(feature = "prometheus"))]
fn ask(_: &str, _: &Question<'_>) -> Result<Report, Failure> {
    Err("this llmc was built without `prometheus`, so it asks no server; give it a file with --scores".to_owned().into())
}

/// Prints the report, and writes its picture.
fn print(args: &Args, report: &Report, output: &mut Output) -> Result<(), Failure> {
    if let Some(path) = &args.svg {
        fs::write(path, analysis::render_svg(report)).map_err(|error| format!("cannot write `{}`: {error}", inputs::shown(path)))?;
    }
    let text = match (args.json, args.markdown) {
        (true, _) => analysis::render_json(report).map_err(|error| error.to_string())?,
        (_, true) => analysis::render_markdown(report),
        _ => analysis::render_text(report, output.is_coloured(&io::stdout())),
    };
    output.print(&text)
}

/// Reads the scores at `path`.
fn read(path: &Path, experiment: &Experiment) -> Result<scores::Scores, Failure> {
    let is_stdin = path == Path::new("-");
    let shown = if is_stdin { "standard input".to_owned() } else { inputs::shown(path) };
    let cannot = |error: io::Error| Failure::Message(format!("cannot read `{shown}`: {error}"));
    let (mut input, length): (Box<dyn Read>, Option<u64>) = if is_stdin {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(cannot)?;
        let of = file.metadata().map_err(cannot)?;
        if of.is_dir() {
            return Err(format!("`{shown}` is a folder, and no file of scores").into());
        }
        // A pipe has no length.
        (Box::new(file), Some(of.len()).filter(|length| *length > 0))
    };
    let progress = Progress::start(format!("reading {shown}"));
    let mut told = 0;
    let mut tell = |bytes: u64| {
        if bytes >= told {
            told = bytes + TOLD_EVERY_BYTES;
            let mib = |bytes: u64| thousands(bytes >> 20);
            let of = length.map_or(String::new(), |length| format!(" of {}", mib(length)));
            progress.say(format!("reading {shown}: {}{of} MiB", mib(bytes)));
        }
    };
    scores::read(experiment, &shown, &mut input, scores::MOST_ENTRIES, &mut tell).map_err(cannot)
}
