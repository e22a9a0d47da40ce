//! `llmc prompt diff`

use serde::Serialize;

use super::words::{self, or_dash};
use super::{Known, Named, named, parameters, split, stack_of};
use crate::cli::Failure;
use crate::cli::output::{Output, table};
use crate::diagnostic::{Style, printable, thousands};
use crate::plan::markdown;
use crate::prompt::{self, OnRoute, Version};
use crate::stack::{Prompt, PromptVersion};

/// Compare two versions of a prompt: text, parameters, tokens, and the cost of a request on every route.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  llmc prompt diff support                     # the live version against the newest
  llmc prompt diff support@v1 v2
  llmc prompt diff support@v1 triage@v1 --json

Exit codes: 0 compared, also where they differ; 1 something failed.")]
pub(super) struct Args {
    /// The one version, as `support@v1`, or a prompt alone for its live version.
    a: String,
    /// The other, as `support@v2` or `v2`. Default: the newest version of that prompt.
    b: Option<String>,
    /// Name of their stack, or path of the spec. Needed where several stacks have a prompt of that name.
    #[arg(long)]
    stack: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    currency: &'a str,
    old: &'a Version,
    new: &'a Version,
    texts: Vec<Text>,
}

/// How one of the texts differs.
#[derive(Serialize)]
struct Text {
    name: &'static str,
    /// A unified diff; none where the text is equal, or cannot be shown.
    diff: Option<String>,
    /// Why it is not shown.
    note: Option<String>,
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let (name, version) = split(&args.a);
    let Known { compilation, .. } = stack_of(name, args.stack.as_ref(), output)?;
    let Some(stack) = &compilation.stack else { return Err(Failure::Reported) };
    let old = named(stack, name, version)?;
    let new = match args.b.as_deref().map(|b| (b, split(b))) {
        None => named(stack, name, Some(&newest(old.prompt, &old.version.version)?))?,
        // A word without `@` is a version of the same prompt, or a prompt.
        Some((word, (_, None))) if old.prompt.versions.contains_key(word) || !stack.prompts.contains_key(word) => {
            named(stack, name, Some(word))?
        }
        Some((_, (name, version))) => named(stack, name, version)?,
    };
    let texts = texts(old.content, new.content);
    if args.json {
        let document = Document { currency: &stack.currency, old: &old.version, new: &new.version, texts };
        return output.print(&super::json(&document)?);
    }
    let style = Style::new(output.is_coloured(&std::io::stdout()));
    output.print(&render(&old, &new, &texts, &stack.currency, style))
}

/// The version that the live one is compared with.
fn newest(prompt: &Prompt, old: &str) -> Result<String, String> {
    let newest = prompt::newest(prompt).unwrap_or(old);
    if newest != old {
        return Ok(newest.to_owned());
    }
    let (name, shown) = (printable(&prompt.name), printable(old));
    match prompt.versions.keys().rfind(|version| *version != old) {
        None => Err(format!("prompt `{name}` has one version only, `{shown}`")),
        Some(other) => Err(format!(
            "`{shown}` is the newest version of prompt `{name}`; name two, as in `llmc prompt diff {name}@{} {shown}`",
            printable(other)
        )),
    }
}

fn texts(old: &PromptVersion, new: &PromptVersion) -> Vec<Text> {
    let of = |name: &'static str, old: &str, new: &str| {
        let (diff, note) = match old == new {
            true => (None, None),
            false => markdown::changed_lines(old, new).map_or_else(|why| (None, Some(why)), |diff| (Some(diff), None)),
        };
        Text { name, diff, note }
    };
    let system = |version: &PromptVersion| version.system.as_ref().map(|file| file.text.clone()).unwrap_or_default();
    vec![of("system", &system(old), &system(new)), of("user", &old.user.text, &new.user.text)]
}

fn render(old: &Named<'_>, new: &Named<'_>, texts: &[Text], currency: &str, style: Style) -> String {
    let title = |version: &Version| format!("{}@{}", printable(&version.prompt), printable(&version.version));
    let [a, b] = [&old.version, &new.version].map(title);
    let mut text = format!("{} in {}\n", style.paint(Style::BOLD, &format!("{a} → {b}")), printable(&old.version.stack));
    for of in texts {
        match (&of.diff, &of.note) {
            (Some(diff), _) => text.push_str(&format!("\n{}\n{}", of.name, coloured(diff, style))),
            (None, Some(why)) => text.push_str(&format!("\n{}: {why}\n", of.name)),
            (None, None) => text.push_str(&format!("\n{}: the same\n", of.name)),
        }
    }
    text.push('\n');
    text.push_str(&table(&["", &a, &b, ""], &rows(&old.version, &new.version, currency), 0..0));
    let requests = || old.version.routes.iter().chain(&new.version.routes).filter_map(|route| route.request.as_ref());
    if requests().next().is_some() {
        text.push_str("\nA request: on the model that answers, without cache, tiers, fallback and self checks;\n");
        let lengths = [&old.version, &new.version].map(|version| {
            let of = |route: &OnRoute| {
                Some(format!("  {} on {}: {}\n", title(version), printable(&route.route), words::length(route.request.as_ref()?)))
            };
            version.routes.iter().filter_map(of).collect::<String>()
        });
        text.push_str(&lengths.concat());
    }
    text
}

fn coloured(diff: &str, style: Style) -> String {
    let line = |line: &str| {
        let shown = format!("  {}", printable(line)).trim_end().to_owned();
        let code = match line.chars().next() {
            Some('+') => Style::GREEN,
            Some('-') => Style::RED,
            Some('@') => Style::CYAN,
            _ => return shown + "\n",
        };
        style.paint(code, &shown) + "\n"
    };
    diff.lines().map(line).collect()
}

/// What both are made of; what differs is marked.
fn rows(old: &Version, new: &Version, currency: &str) -> Vec<Vec<String>> {
    let row = |name: &str, a: String, b: String| {
        let mark = if a == b { String::new() } else { "differs".to_owned() };
        vec![name.to_owned(), or_dash(a), or_dash(b), mark]
    };
    let (a, b) = (parameters(&old.sampling), parameters(&new.sampling));
    let value =
        |of: &[(&str, String)], name: &str| of.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let mut names: Vec<&str> = a.iter().map(|(name, _)| *name).collect();
    names.extend(b.iter().map(|(name, _)| *name).filter(|name| !a.iter().any(|(other, _)| other == name)));
    let mut rows: Vec<Vec<String>> = names.into_iter().map(|name| row(name, value(&a, name), value(&b, name))).collect();
    let mut routes: Vec<&str> = old.routes.iter().chain(&new.routes).map(|route| route.route.as_str()).collect();
    routes.sort_unstable();
    routes.dedup();
    for route in routes {
        let [a, b] = [old, new].map(|version| version.routes.iter().find(|on| on.route == route));
        let both = |of: &dyn Fn(&OnRoute) -> String| (a.map(of).unwrap_or_default(), b.map(of).unwrap_or_default());
        let mut add = |name: &str, (a, b): (String, String)| rows.push(row(&format!("{}: {name}", printable(route)), a, b));
        add("model", both(&|on| printable(&on.model)));
        add("guardrails", both(&|on| on.guardrails.as_deref().map(printable).unwrap_or_default()));
        add("identity", both(&|on| on.identity.as_deref().map(prompt::short_identity).unwrap_or_default()));
        add("tokens", both(&|on| words::tokens(std::iter::once(&on.tokens))));
        add(
            "a request",
            both(&|on| on.request.as_ref().map_or_else(|| "not known".to_owned(), |of| words::requests(std::iter::once(of), currency))),
        );
        if let (Some(a), Some(b), Some(last)) = (a, b, rows.len().checked_sub(2)) {
            let change = i128::from(b.tokens.total()) - i128::from(a.tokens.total());
            if let Some(cell) = rows.get_mut(last).and_then(|row| row.last_mut()).filter(|_| change != 0) {
                let sign = if change > 0 { "+" } else { "-" };
                *cell = format!("{sign}{} tokens", thousands(change.unsigned_abs()));
            }
        }
    }
    rows
}
