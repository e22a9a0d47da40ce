//! The plan for people at a terminal.

mod bars;
pub(in crate::plan) mod prompts;

use super::types::{Action, Copies, Disruption, FieldChange, ObjectChange, Order, Plan, Restart, RiskLevel, Rollout, StackPlan};
use super::words;
use crate::diagnostic::{Style, printable, thousands};

/// Fields that a line tells of an object.
const FIELDS_PER_LINE: usize = 3;
/// Space before what belongs to a stack.
const INDENT: &str = "  ";

/// Renders `plan`. `verbose` shows every field, every file and the stacks that do not change; with
/// `colour`, ANSI styles are used.
pub fn render_text(plan: &Plan, verbose: bool, colour: bool) -> String {
    let style = Style::new(colour);
    let mut out = String::new();
    let (changed, same): (Vec<&StackPlan>, Vec<&StackPlan>) = plan.stacks.iter().partition(|stack| !stack.is_empty());
    for stack in &changed {
        out.push_str(&render_stack(stack, verbose, style));
        out.push('\n');
    }
    if verbose {
        same.iter().for_each(|stack| out.push_str(&format!("{}: no changes\n", style.paint(Style::BOLD, &printable(&stack.stack)))));
    } else if !changed.is_empty() && !same.is_empty() {
        out.push_str(&format!("{} without changes.\n", words::count(same.len(), "stack")));
    }
    out.push_str(&closing(plan, style));
    out
}

/// One sentence over the whole plan.
fn closing(plan: &Plan, style: Style) -> String {
    if plan.is_empty() {
        return "No changes.\n".into();
    }
    let objects = || plan.stacks.iter().flat_map(|stack| &stack.objects);
    let count = |action| objects().filter(|object| object.action == action).count();
    let words = [(Action::Create, "create"), (Action::Update, "update"), (Action::Replace, "replace"), (Action::Delete, "delete")];
    let counts: Vec<String> = words
        .into_iter()
        .map(|(action, word)| (count(action), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} to {word}"))
        .collect();
    let files: usize = plan.stacks.iter().map(|stack| stack.files.len()).sum();
    let counts = if counts.is_empty() { "no object changes".to_owned() } else { counts.join(", ") };
    let stacks = plan.stacks.iter().filter(|stack| !stack.is_empty()).count();
    let stacks = if stacks > 1 { format!(" in {stacks} stacks") } else { String::new() };
    format!("{} {counts}, in {}{stacks}.\n", style.paint(Style::BOLD, "Plan:"), words::count(files, "file"))
}

fn render_stack(stack: &StackPlan, verbose: bool, style: Style) -> String {
    let mut lines = vec![header(stack, style)];
    section(&mut lines, "Pods", style, rollouts(&stack.rollouts, style));
    section(&mut lines, "Objects", style, objects(stack, verbose, style));
    section(&mut lines, "Files", style, files(stack, verbose, style));
    let risks = stack.risks.iter().map(|risk| {
        let (word, code) = level(risk.level);
        format!("{}  {}", style.paint(code, &format!("{word:<6}")), printable(&risk.message))
    });
    section(&mut lines, "Risks", style, risks.collect());
    section(&mut lines, "Prompts", style, prompts::lines(stack));
    section(&mut lines, "Experiments", style, prompts::experiments(stack));
    section(&mut lines, "Totals", style, bars::totals(&stack.totals));
    section(&mut lines, "Cost", style, stack.totals.budget.as_ref().map(bars::cost).unwrap_or_default());
    lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn section(lines: &mut Vec<String>, title: &str, style: Style, content: Vec<String>) {
    if !content.is_empty() {
        lines.push(format!("{INDENT}{}", style.paint(Style::BOLD, title)));
        lines.extend(content.into_iter().map(|line| format!("{INDENT}{INDENT}{line}")));
    }
}

fn header(stack: &StackPlan, style: Style) -> String {
    let name = style.paint(Style::BOLD, &printable(&stack.stack));
    let before = stack.renamed_from.as_ref().map(|old| format!(", before `{}`", printable(old))).unwrap_or_default();
    let output = printable(&stack.output);
    match &stack.spec {
        Some(spec) => format!("{name}{before}: {} → {output}", printable(spec)),
        None => format!("{name}{before}: removed from {output}"),
    }
}

fn level(level: RiskLevel) -> (&'static str, &'static str) {
    match level {
        RiskLevel::High => ("high", Style::RED),
        RiskLevel::Medium => ("medium", Style::YELLOW),
        RiskLevel::Low => ("low", Style::DIM),
    }
}

fn symbol(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("+", Style::GREEN),
        Action::Update => ("~", Style::YELLOW),
        Action::Replace => ("-/+", Style::MAGENTA),
        Action::Delete => ("-", Style::RED),
    }
}

/// A symbol, a name and what becomes of it, in columns.
fn columns(rows: Vec<(Action, String, Vec<String>)>, style: Style) -> Vec<String> {
    let width = rows.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or(0);
    let of = |(action, name, details): (Action, String, Vec<String>)| {
        let (symbol, code) = symbol(action);
        let first = format!("{} {name:<width$}", style.paint(code, &format!("{symbol:<3}")));
        let rest = " ".repeat(4 + width);
        let mut details = details.into_iter();
        let line = details.next().map_or_else(|| first.clone(), |detail| format!("{first}  {detail}"));
        std::iter::once(line).chain(details.map(move |detail| format!("{rest}  {detail}"))).collect::<Vec<_>>()
    };
    rows.into_iter().flat_map(of).collect()
}

fn rollouts(rollouts: &[Rollout], style: Style) -> Vec<String> {
    let row = |rollout: &Rollout| {
        let action = match rollout.disruption {
            Disruption::Start(_) => Action::Create,
            Disruption::Stop { .. } => Action::Delete,
            Disruption::Replace(_) => Action::Replace,
            Disruption::None | Disruption::Scale { .. } | Disruption::RollingRestart(_) => Action::Update,
        };
        let before = rollout.renamed_from.as_ref().map(|old| format!(", before `{old}`")).unwrap_or_default();
        let kind = rollout.route.split('/').nth(1).filter(|kind| !kind.is_empty()).map(|kind| format!("{kind} ")).unwrap_or_default();
        let mut details = vec![printable(&disruption(&rollout.disruption))];
        if !rollout.because.is_empty() && !matches!(rollout.disruption, Disruption::Start(_) | Disruption::Stop { .. }) {
            details.push(style.paint(Style::DIM, &printable(&format!("because {}", rollout.because.join("; ")))));
        }
        (action, printable(&format!("{kind}{}{before}", rollout.name)), details)
    };
    columns(rollouts.iter().map(row).collect(), style)
}

/// A disruption in words, such as `rolling restart: 2 pods, 86,400 GPU seconds, ready in up to 60 min`.
fn disruption(disruption: &Disruption) -> String {
    let pods = |copies: Copies| format!("{} pod{}", words::copies(copies), if copies.max == 1 { "" } else { "s" });
    let word = disruption.word();
    match disruption {
        Disruption::None => "no pod restarts".into(),
        Disruption::Scale { from, to } => format!("{word}: {} → {}", words::copies(*from), pods(*to)),
        Disruption::Stop { pods: copies, freed_gpus: 0 } => format!("{word}: {}", pods(*copies)),
        Disruption::Stop { pods: copies, freed_gpus } => {
            format!("{word}: {}, which frees {} or more", pods(*copies), words::count(*freed_gpus, "GPU"))
        }
        Disruption::RollingRestart(restart) | Disruption::Replace(restart) | Disruption::Start(restart) => {
            format!("{word}: {}{}", pods(restart.pods), cost(restart))
        }
    }
}

fn cost(restart: &Restart) -> String {
    let mut parts = Vec::new();
    if restart.gpu_seconds > 0 {
        parts.push(format!("{} GPU seconds", thousands(restart.gpu_seconds)));
    }
    parts.push(format!("ready in up to {} min", restart.minutes_until_ready));
    parts.extend(restart.outage_minutes.map(|minutes| format!("nobody is served for up to {minutes} min")));
    if restart.order == Order::OldFirst {
        parts.push("the old pod ends first".into());
    }
    if let Some(gpus) = restart.free_gpus.as_ref().filter(|gpus| gpus.needed > 0) {
        let pool = gpus.pool.as_ref().map(|pool| format!(" of pool {pool}")).unwrap_or_default();
        parts.push(format!("needs {}{pool}, {} free", words::count(gpus.needed, "GPU"), gpus.free));
    }
    parts.iter().map(|part| format!(", {part}")).collect()
}

fn objects(stack: &StackPlan, verbose: bool, style: Style) -> Vec<String> {
    let row = |object: &ObjectChange| {
        let name = printable(&format!("{}/{}", object.kind, object.name));
        let details = if verbose { every_field(object) } else { vec![telling(object)] };
        (object.action, name, details.iter().map(|line| printable(line)).collect())
    };
    columns(stack.objects.iter().map(row).collect(), style)
}

/// What an object is about, on one line.
fn telling(object: &ObjectChange) -> String {
    let mut parts: Vec<String> = reason(object).into_iter().collect();
    // Panels and rules follow from the rest, and one change of a model is dozens of theirs.
    if ["grafana/", "prometheus/"].iter().any(|folder| object.path.starts_with(folder)) && object.fields.len() > FIELDS_PER_LINE {
        parts.push(words::count(object.fields.len(), "field"));
        return parts.join("; ");
    }
    let is_rename = object.renamed_from.is_some();
    // Of a renamed object everything that holds the name differs; only content tells something.
    let is_telling = |field: &&FieldChange| !is_rename || field.path.starts_with("data");
    let fields: Vec<&FieldChange> = words::telling(&object.fields).into_iter().filter(is_telling).collect();
    parts.extend(fields.iter().take(FIELDS_PER_LINE).map(|field| words::change(field)));
    let more = fields.len().saturating_sub(FIELDS_PER_LINE);
    if more > 0 {
        parts.push(words::count(more, "more field"));
    }
    parts.join("; ")
}

fn reason(object: &ObjectChange) -> Option<String> {
    match (&object.renamed_from, &object.immutable_field) {
        (Some(old), _) => Some(format!("before {old}")),
        (None, Some(field)) => Some(format!("{field} cannot be changed in place")),
        (None, None) => None,
    }
}

fn every_field(object: &ObjectChange) -> Vec<String> {
    let place = object.namespace.as_ref().map(|namespace| format!("in {namespace}, ")).unwrap_or_default();
    let first = [Some(format!("{place}{}", object.path)), reason(object)].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let value = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string);
    let field = |field: &FieldChange| format!("{}: {} → {}", field.path, value(&field.old), value(&field.new));
    std::iter::once(first).chain(object.fields.iter().map(field)).collect()
}

/// Files that hold no object that changes: counted, or all of them.
fn files(stack: &StackPlan, verbose: bool, style: Style) -> Vec<String> {
    if verbose {
        let row = |file: &super::types::FileChange| {
            let edited = if file.edited { vec!["edited by hand".to_owned()] } else { Vec::new() };
            (file.action, printable(&file.path), edited)
        };
        return columns(stack.files.iter().map(row).collect(), style);
    }
    let others = stack.files.iter().filter(|file| !stack.objects.iter().any(|object| object.path == file.path)).count();
    if others == 0 { Vec::new() } else { vec![words::count(others, "other file")] }
}
