//! `llmc init`

use std::fs;

use super::Failure;
use super::inputs;
use super::output::Output;

/// Write a first stack: a commented spec that compiles, with its prompt.
///
/// It goes to `stacks/NAME/` of the repository, or of the current folder if there is none yet.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc init my-assistant && llmc compile stacks/my-assistant")]
pub(super) struct Args {
    /// Name of the stack: lower-case letters, digits and `-`, starting with a letter.
    name: String,
}

const FILES: [(&str, &str); 4] = [
    ("stack.kdl", include_str!("init/stack.kdl")),
    ("prompts/answer.system.md", include_str!("init/answer.system.md")),
    ("prompts/answer.user.md", include_str!("init/answer.user.md")),
    ("guardrails/policy.md", include_str!("init/policy.md")),
];

/// Stands for the name in the files.
const PLACEHOLDER: &str = "STACK_NAME";

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let name = &args.name;
    let fits = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !fits {
        return Err(
            format!("`{name}` cannot name a stack: use at most 40 lower-case letters, digits and `-`, starting with a letter").into()
        );
    }
    let root = inputs::here();
    let folder = root.join(inputs::STACKS).join(name);
    if fs::symlink_metadata(&folder).is_ok() {
        return Err(format!("`{}` exists already", inputs::shown(&folder)).into());
    }
    for (path, text) in FILES {
        let target = folder.join(path);
        let written = target.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&target, text.replace(PLACEHOLDER, name)));
        written.map_err(|error| format!("cannot write `{}`: {error}", inputs::shown(&target)))?;
    }
    let shown = inputs::shown(&folder);
    output.print(&format!("wrote {shown}/stack.kdl, its prompt and its policy\nnext: edit it, then `llmc compile {shown}`; when users get it, `llmc prompt pin {shown}`\n"))
}
