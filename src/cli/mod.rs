//! The command line: one file for each command. Only this folder reads arguments or the
//! environment, or prints.

mod apply;
mod check;
mod compile;
mod completions;
mod cost;
mod drift;
mod experiment;
mod explain;
mod fit;
mod fmt;
#[cfg(feature = "github")]
mod github;
mod init;
mod inputs;
mod lock;
mod model;
mod output;
mod plan;
mod planned;
mod policies;
#[cfg(feature = "policy")]
mod policy;
mod progress;
mod prompt;
mod refused;
mod review;
mod saved;
mod schema;
mod select;
mod standing;
mod upgrade;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::Output;

/// Compile LLM deployments: one spec in, Kubernetes, guardrails, alerts and dashboards out.
///
/// A spec declares models, GPU pools, prompts, guardrails, routes, objectives and budget. llmc
/// checks it, says what is wrong with the line and the fix, and compiles it into files that you
/// review in a pull request and that Argo CD or Flux deploy.
#[derive(Parser)]
#[command(name = "llmc", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// When to use colour. `NO_COLOR` is honoured.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: output::Colour,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  llmc init my-assistant        write stacks/my-assistant/ with a commented spec that compiles
  llmc check                    check every stack below stacks/
  llmc compile                  write generated/<stack>/ for every stack
  llmc compile --check          fail if generated/ is stale; for CI
  llmc plan                     what would change, and what it does to running pods
  llmc apply                    write what plan shows
  llmc drift --context prod     where files or the cluster differ from it
  llmc fit                      whether every model starts on its GPUs, and what its cache holds
  llmc cost                     what a month, a route and a request cost
  llmc upgrade vllm 0.33.0      move specs to another release of their engine
  llmc experiment assign EXPERIMENT --user ID    which variant a user gets
  llmc policy list              the policies that stacks are judged by
  llmc model show Qwen/Qwen3-8B what a model is made of
  llmc prompt pin               pin the versions of prompts that are live
  llmc explain LLMC-H003        what a code means, and what to do

Exit codes: 0 fine, 1 findings of severity error or any failure, 2 changes, where a command has
--detailed-exitcode and it was given.";

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Compile(compile::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Drift(drift::Args),
    Fit(fit::Args),
    Cost(cost::Args),
    Fmt(fmt::Args),
    Upgrade(upgrade::Args),
    Experiment(experiment::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Model(model::Args),
    Prompt(prompt::Args),
    #[cfg(feature = "policy")]
    Policy(policy::Args),
    Init(init::Args),
    Completions(completions::Args),
}

/// Why a command failed.
enum Failure {
    /// It is in the findings that were printed.
    Reported,
    /// In words.
    Message(String),
    /// It did not fail: there are changes, and the caller asked for an exit code that says so.
    Changes,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

/// What a fault of another system says is why the command failed.
impl From<crate::deliver::Fault> for Failure {
    fn from(fault: crate::deliver::Fault) -> Self {
        Self::Message(fault.to_string())
    }
}

#[cfg(feature = "github")]
impl From<crate::deliver::github::Fault> for Failure {
    fn from(fault: crate::deliver::github::Fault) -> Self {
        Self::Message(fault.to_string())
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // 2 is kept for "there are changes", so a usage error is 1.
            let failed = error.use_stderr();
            drop(error.print());
            return ExitCode::from(u8::from(failed));
        }
    };
    let mut output = Output::new(cli.color);
    let result = match cli.command {
        Command::Check(args) => check::run(&args, &mut output),
        Command::Compile(args) => compile::run(&args, &mut output),
        Command::Plan(args) => plan::run(&args, &mut output),
        Command::Apply(args) => apply::run(&args, &mut output),
        Command::Drift(args) => drift::run(&args, &mut output),
        Command::Fit(args) => fit::run(&args, &mut output),
        Command::Cost(args) => cost::run(&args, &mut output),
        Command::Fmt(args) => fmt::run(&args, &mut output),
        Command::Upgrade(args) => upgrade::run(&args, &mut output),
        Command::Experiment(args) => experiment::run(&args, &mut output),
        Command::Explain(args) => explain::run(&args, &mut output),
        Command::Schema(args) => schema::run(&args, &mut output),
        Command::Model(args) => model::run(&args, &mut output),
        Command::Prompt(args) => prompt::run(&args, &mut output),
        #[cfg(feature = "policy")]
        Command::Policy(args) => policy::run(&args, &mut output),
        Command::Init(args) => init::run(&args, &mut output),
        Command::Completions(args) => completions::run(&args, &mut output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Reported) => ExitCode::FAILURE,
        Err(Failure::Changes) => ExitCode::from(2),
        Err(Failure::Message(message)) => {
            output.error(&message);
            ExitCode::FAILURE
        }
    }
}
