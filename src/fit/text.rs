//! The answers for people at a terminal.

use super::words::{bounds, gib, signed_gib};
use super::{Fit, UNRESOLVED, of_stack, unresolved};
use crate::diagnostic::{Style, printable, redact, thousands};
use crate::estimate::memory::{Bounds, CacheFigures, Proof, Verdict};
use crate::stack::Stack;

/// Cells of a bar.
const CELLS: usize = 40;

/// A part of a GPU's memory: its character in the bar, its name, its colour, its bytes.
struct Part {
    cell: char,
    name: &'static str,
    colour: &'static str,
    bytes: Option<Bounds>,
}

/// A block for each model of `stack`; with `colour`, ANSI styles are used.
pub fn render_text(stack: &Stack, colour: bool) -> String {
    let style = Style::new(colour);
    let blocks = of_stack(stack).into_iter().map(|fit| block(stack, &fit, style));
    let open = unresolved(stack).map(|name| format!("{}\n  {UNRESOLVED}\n", title(stack, name, Verdict::NotProven, style)));
    blocks.chain(open).map(|block| block + "\n").collect()
}

fn title(stack: &Stack, model: &str, verdict: Verdict, style: Style) -> String {
    let colour = match verdict {
        Verdict::ProvenToStart => Style::GREEN,
        Verdict::ProvenToRefuse => Style::RED,
        Verdict::NotProven => Style::YELLOW,
    };
    format!(
        "{}: {}",
        style.paint(Style::BOLD, &format!("{} / {}", printable(&stack.name), printable(model))),
        style.paint(colour, verdict.words())
    )
}

fn block(stack: &Stack, fit: &Fit<'_>, style: Style) -> String {
    let (model, serve) = (fit.model, &fit.model.serve);
    let mut lines = vec![
        title(stack, &model.name, fit.verdict(), style),
        format!(
            "  {} on {} x {} with {}, max-model-len={} max-num-seqs={}",
            printable(&model.repository),
            model.tensor_parallel,
            fit.pool.gpu.name,
            fit.engine(),
            serve.max_model_len,
            serve.max_num_seqs
        ),
    ];
    if let Some(proof) = &fit.proof {
        lines.extend(memory(proof, style));
        // An engine that cannot start at all logs no cache.
        let possible = proof.cache.iter().filter(|cache| cache.blocks.high > 0);
        lines.extend(possible.flat_map(|cache| cache_lines(fit, cache)));
    }
    lines.extend(load_line(fit));
    lines.extend(shortage(fit));
    if let Some(refusal) = fit.refusal() {
        let name = if fit.verdict() == Verdict::ProvenToRefuse { "refused" } else { "may refuse" };
        lines.push(row(name, &format!("\"{}\"", printable(&redact(&refusal.message)))));
    }
    lines.extend(fit.missing().iter().map(|words| row("not known", &printable(&redact(words)))));
    lines.extend(fit.advice().iter().enumerate().map(|(at, words)| row(if at == 0 { "nearest" } else { "" }, &printable(words))));
    lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A named line of a block.
fn row(name: &str, words: &str) -> String {
    format!("    {name:<14}{words}")
}

/// The bar of one GPU, and a line for each part of it.
fn memory(proof: &Proof, style: Style) -> Vec<String> {
    let mut parts = vec![
        Part { cell: '#', name: "weights", colour: Style::BLUE, bytes: proof.weights_bytes },
        Part { cell: '+', name: "context", colour: Style::MAGENTA, bytes: proof.non_torch_bytes },
        Part { cell: '%', name: "activations", colour: Style::MAGENTA, bytes: proof.activation_bytes },
        Part { cell: '~', name: "graphs", colour: Style::CYAN, bytes: proof.graph_bytes },
        Part { cell: '=', name: "KV cache", colour: Style::GREEN, bytes: proof.available_kv_bytes.map(cache_bytes) },
    ];
    parts.retain(|part| part.bytes.is_some());
    if parts.is_empty() {
        return vec![row("GPU", &figure(proof.total_bytes))];
    }
    let used: u64 = parts.iter().filter_map(|part| part.bytes).fold(0, |sum, bytes| sum.saturating_add(bytes.expected));
    let total = proof.total_bytes.expected;
    if proof.available_kv_bytes.is_some() {
        let free = Bounds::exact(total.saturating_sub(used));
        parts.push(Part { cell: '.', name: "free", colour: Style::DIM, bytes: Some(free) });
    }
    let mut lines = vec![format!("    [{}] {} of one GPU", bar(&parts, total, style), gib(total))];
    for part in &parts {
        let Some(bytes) = part.bytes else { continue };
        // What is free is what the others leave; its own bounds would say theirs again.
        let words = match (part.name, proof.available_kv_bytes) {
            ("KV cache", Some(b)) => {
                format!("{:>12}  {}", signed_gib(b.expected), bounds(&signed_gib(b.low), &signed_gib(b.high)))
            }
            _ => figure(bytes),
        };
        lines.push(format!("    {} {:<12}{words}", style.paint(part.colour, &part.cell.to_string()), part.name));
    }
    lines
}

fn cache_bytes(bytes: crate::estimate::memory::SignedBounds) -> Bounds {
    let [low, expected, high] = [bytes.low, bytes.expected, bytes.high].map(|bytes| u64::try_from(bytes).unwrap_or(0));
    Bounds { low, expected, high }
}

fn figure(bytes: Bounds) -> String {
    format!("{:>12}  {}", gib(bytes.expected), bounds(&gib(bytes.low), &gib(bytes.high)))
}

/// Each part's share of the cells, at least one for any that is there.
fn bar(parts: &[Part], total: u64, style: Style) -> String {
    let mut left = CELLS;
    let mut text = String::new();
    for part in parts.iter().filter(|part| part.cell != '.') {
        let bytes = part.bytes.map_or(0, |bytes| bytes.expected);
        let share = (bytes as f64 / total.max(1) as f64 * CELLS as f64).round() as usize;
        let cells = if bytes == 0 { 0 } else { share.max(1).min(left) };
        left -= cells;
        text.push_str(&style.paint(part.colour, &part.cell.to_string().repeat(cells)));
    }
    text + &style.paint(Style::DIM, &".".repeat(left))
}

fn cache_lines(fit: &Fit<'_>, cache: &CacheFigures) -> Vec<String> {
    let tokens = cache.logged_tokens;
    let range = |low: u64, high: u64| match bounds(&thousands(low), &thousands(high)) {
        range if range.is_empty() => range,
        range => format!(" ({range})"),
    };
    let mut lines = vec![row(
        "KV tokens",
        &format!(
            "{}{} as {} logs it; {} blocks of {} tokens, {} bytes each",
            thousands(tokens.expected),
            range(tokens.low, tokens.high),
            fit.engine(),
            thousands(cache.blocks.expected),
            thousands(cache.block_tokens),
            thousands(cache.bytes_per_block)
        ),
    )];
    let (low, expected, high) = cache.max_concurrency;
    let number = |number: f64| format!("{number:.2}");
    let range = match bounds(&number(low), &number(high)) {
        range if range.is_empty() => range,
        range => format!(" ({range})"),
    };
    let longest = fit.model.serve.max_model_len;
    lines.push(row("concurrency", &format!("{}{range} requests of {} tokens each", number(expected), thousands(longest))));
    lines
}

/// That requests of full length may not fit.
fn shortage(fit: &Fit<'_>) -> Option<String> {
    let (load, least, most) = (fit.load.as_ref()?, fit.least_held()?, fit.most_held()?);
    let held = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let is_short = fit.holds_load() == Some(false) && fit.verdict() != Verdict::ProvenToRefuse;
    is_short.then(|| row("", &format!("at full length, {held} of {} fit in each", load.each_at_least_copies)))
}

fn load_line(fit: &Fit<'_>) -> Option<String> {
    let load = fit.load.as_ref()?;
    let (least, most) = (fit.model.replicas.min, fit.model.replicas.max);
    let copies = match (least, most) {
        (1, 1) => "1 copy".to_owned(),
        (least, most) if least == most => format!("{least} copies"),
        (least, most) => format!("{least} to {most} copies"),
    };
    let each = match (load.each_at_least_copies, load.each_at_most_copies) {
        (most, least) if most == least => format!("{most}"),
        (most, least) => format!("{most} to {least}"),
    };
    let mut words = format!("{} requests at once on {copies}, {each} in each", thousands(load.concurrency));
    if let Some(percent) = load.headroom_percent {
        let share = match percent {
            percent if percent < 0.0 => format!("they need {:.0} % of the cache", 100.0 - percent),
            percent => format!("{percent:.1} % of the cache is left"),
        };
        words.push_str(&format!("; at {} tokens each, {share}", thousands(load.mean_tokens)));
    }
    Some(row("load", &words))
}
