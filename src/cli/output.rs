//! Printing: streams, colour, findings and tables.

use std::io::{self, IsTerminal, Write};
use std::ops::Range;

use clap::ValueEnum;

use super::Failure;
use crate::compile::{self, Compilation};
use crate::diagnostic::{self, Finding};
use crate::policy::Applied;

/// When to use colour.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// In full, with the source line.
    Text,
    /// One line each.
    Short,
    /// One JSON document (schemas/diagnostics.schema.json).
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub workflow commands, which annotate a pull request.
    Github,
}

impl Format {
    /// Whether a program reads it, so that nothing else may be on standard output.
    pub(super) fn is_for_programs(self) -> bool {
        !matches!(self, Self::Text | Self::Short)
    }
}

/// Standard output and standard error.
pub(super) struct Output {
    colour: Colour,
}

impl Output {
    pub(super) fn new(colour: Colour) -> Self {
        Self { colour }
    }

    /// Prints to standard output. A reader that has gone away is not an error of ours.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::Message(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints to standard error; a failure there can be told to nobody.
    pub(super) fn note(&mut self, text: &str) {
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Prints why the command failed.
    pub(super) fn error(&mut self, message: &str) {
        self.titled("error", 31, message);
    }

    /// Prints what is worth a look and fails nothing.
    pub(super) fn warning(&mut self, message: &str) {
        self.titled("warning", 33, message);
    }

    fn titled(&mut self, title: &str, colour: u8, message: &str) {
        let title = if self.is_coloured(&io::stderr()) { format!("\u{1b}[1;{colour}m{title}\u{1b}[0m") } else { title.to_owned() };
        self.note(&format!("{title}: {}\n", diagnostic::printable(message)));
    }

    pub(super) fn is_coloured(&self, stream: &impl IsTerminal) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// Prints findings for people.
    pub(super) fn found(&mut self, findings: &[Finding]) {
        let text = diagnostic::render_text(findings, self.is_coloured(&io::stderr()));
        self.note(&text);
    }

    /// Says what a waiver let through, so that it is not forgotten.
    pub(super) fn waived<'a>(&mut self, stacks: impl Iterator<Item = (&'a Compilation, &'a Applied)>) {
        for (compilation, applied) in stacks {
            for waived in &applied.waived {
                let (spec, count) = (&compilation.spec_path, waived.messages.len());
                let what =
                    format!("{spec}: `{}` is waived until {} by {}, for: {}", waived.policy, waived.until, waived.owner, waived.reason);
                let findings = plural(count, "finding");
                self.titled("note", 32, &diagnostic::redact(&format!("{what} ({findings} let through)")));
            }
        }
    }

    /// Prints the findings of `compilations`: for programs on standard output, for people on
    /// standard error.
    pub(super) fn findings<'a>(&mut self, format: Format, compilations: impl IntoIterator<Item = &'a Compilation>) -> Result<(), Failure> {
        let compilations: Vec<&Compilation> = compilations.into_iter().collect();
        let findings = compile::findings(compilations.iter().copied());
        let failed = |error: serde_json::Error| Failure::Message(error.to_string());
        match format {
            Format::Text => {
                self.found(&findings);
                self.waived(compilations.iter().map(|c| (*c, &c.applied)));
                Ok(())
            }
            Format::Short => {
                self.note(&diagnostic::render_short(&findings));
                Ok(())
            }
            Format::Json => self.print(&diagnostic::render_json(&findings).map_err(failed)?),
            Format::Sarif => self.print(&diagnostic::render_sarif(&findings).map_err(failed)?),
            Format::Github => self.print(&diagnostic::render_github(&findings)),
        }
    }
}

/// Rows as a table with aligned columns, those in `numbers` to the right.
pub(super) fn table(header: &[&str], rows: &[Vec<String>], numbers: Range<usize>) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count());
        cells.chain(header.get(column).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).enumerate().map(|(column, (cell, width))| match numbers.contains(&column) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut header.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// `3 files`, `1 file`.
pub(super) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
