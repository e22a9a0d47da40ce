//! The `llmc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    llmc::cli::run()
}
