//! `llmc prompt show`

use serde::Serialize;

use super::words::{self, or_dash};
use super::{Known, Named, named, stack_of};
use crate::cli::Failure;
use crate::cli::output::Output;
use crate::diagnostic::{printable, redact, thousands};
use crate::emit;
use crate::prompt::{OnRoute, Version};
use crate::spec::Sampling;
use crate::stack::{PromptVersion, Stack};

/// Show a version of a prompt: its texts, parameters, identity, tokens, and where it is used.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt show support                     # the live version
  llmc prompt show support@v2 --stack customer-support
  llmc prompt show support@v2 --json | jq -r .system")]
pub(super) struct Args {
    /// Name of the prompt, or prompt and version as `support@v2`. Default: the live version.
    name: String,
    /// Name of its stack, or path of the spec. Needed where several stacks have a prompt of that name.
    #[arg(long)]
    stack: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    version: &'a Version,
    config_map: Option<String>,
    system: Option<String>,
    user: String,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let (name, version) = super::split(&args.name);
    let Known { compilation, .. } = stack_of(name, args.stack.as_ref(), output)?;
    let Some(stack) = &compilation.stack else { return Err(Failure::Reported) };
    let Named { version, content, .. } = named(stack, name, version)?;
    // What looks like a secret is hidden as it is everywhere else.
    let (system, user) = (content.system.as_ref().map(|file| redact(&file.text)), redact(&content.user.text));
    let config_map = emit::prompt_config_map(stack, &version.prompt, &version.version);
    if args.json {
        return output.print(&super::json(&Document { version: &version, config_map, system, user })?);
    }
    let mut text = head(&version, content, config_map.as_deref());
    version.routes.iter().for_each(|route| text.push_str(&on_route(route, stack)));
    for (name, content) in [("system", system), ("user", Some(user))] {
        let Some(content) = content else { continue };
        text.push_str(&format!("\n{name}\n"));
        content.lines().for_each(|line| text.push_str(&(format!("  {}", printable(line)).trim_end().to_owned() + "\n")));
    }
    output.print(&text)
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<18}{value}").trim_end().to_owned() + "\n"
}

fn head(version: &Version, content: &PromptVersion, config_map: Option<&str>) -> String {
    let mut text = format!("{}@{} in {}\n", printable(&version.prompt), printable(&version.version), printable(&version.stack));
    text.push_str(&line("state", &or_dash(words::states(version).join(", "))));
    text.push_str(&line("pinned", if version.pinned { "yes" } else { "no" }));
    text.push_str(&line("parent", &or_dash(version.parent.as_deref().map(printable).unwrap_or_default())));
    let files: Vec<String> = content.system.iter().chain([&content.user]).map(|file| printable(&file.file)).collect();
    text.push_str(&line("files", &files.join(", ")));
    text.push_str(&line("sampling", &sampling(&version.sampling)));
    text.push_str(&line("ConfigMap", &or_dash(config_map.map(printable).unwrap_or_default())));
    text
}

fn sampling(sampling: &Sampling) -> String {
    super::parameters(sampling).into_iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

fn on_route(route: &OnRoute, stack: &Stack) -> String {
    let tokens = &route.tokens;
    let mark = if tokens.estimated { "~" } else { "" };
    let mut text = format!("\nroute {}\n", printable(&route.route));
    text.push_str(&line("  model", &printable(&route.model)));
    text.push_str(&line("  guardrails", &or_dash(route.guardrails.as_deref().map(printable).unwrap_or_default())));
    text.push_str(&line("  identity", &or_dash(route.identity.clone().unwrap_or_default())));
    let parts =
        format!("system {}, user {}, chat template {}", thousands(tokens.system), thousands(tokens.user), thousands(tokens.template));
    let range = if tokens.estimated { format!(", {} to {}", thousands(tokens.low), thousands(tokens.high)) } else { String::new() };
    text.push_str(&line("  tokens", &format!("{mark}{} ({parts}{range})", thousands(tokens.total()))));
    text.push_str(&line("  longest prompt", &format!("{mark}{} tokens", thousands(route.longest_prompt))));
    let cost = route
        .request
        .as_ref()
        .map(|request| format!("{} ({})", words::requests(std::iter::once(request), &stack.currency), words::length(request)));
    text.push_str(&line("  a request", cost.as_deref().unwrap_or("not known")));
    text
}
