//! `llmc explain`

use super::Failure;
use super::output::Output;
use crate::compile;
use crate::diagnostic::did_you_mean;

/// Explain the code of a finding: what it means, why it hurts, and what to do.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc explain LLMC-R001
  llmc explain dangling-reference
  llmc explain                      # every code")]
pub(super) struct Args {
    /// A code such as `LLMC-R001`, or the name of a rule. Without it, all are listed.
    code: Option<String>,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let rules = compile::rules();
    let Some(code) = &args.code else {
        let list: String = rules.iter().map(|r| format!("{}  {:<8} {}\n", r.code, r.severity.word(), r.name)).collect();
        return output.print(&list);
    };
    match rules.iter().find(|r| r.code.eq_ignore_ascii_case(code) || r.name == code) {
        Some(rule) => output.print(&format!("{} {} ({})\n\n{}\n", rule.code, rule.name, rule.severity.word(), rule.docs)),
        None => {
            let upper = code.to_uppercase();
            let codes = rules.iter().map(|r| r.code);
            // A number is mistaken more often than the letter of the family before it.
            let near = upper
                .get(.."LLMC-S".len())
                .and_then(|family| did_you_mean(&upper, codes.clone().filter(|code| code.starts_with(family))))
                .or_else(|| did_you_mean(&upper, codes))
                .or_else(|| did_you_mean(code, rules.iter().map(|r| r.name)));
            let hint = near.map_or_else(|| "`llmc explain` lists them all".to_owned(), |near| format!("did you mean `{near}`?"));
            Err(format!("there is no code `{code}`; {hint}").into())
        }
    }
}
