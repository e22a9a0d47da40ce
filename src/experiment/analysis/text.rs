//! The answer for people, at a terminal.

use super::figures::{figure, percent, probability, range, signed, signed_percent};
use super::{Comparison, GuardState, Report, Word};
use crate::diagnostic::{Style, printable, thousands};

/// Columns that sentences are wrapped to.
const WIDTH: usize = 100;
/// Columns of an interval.
const BAR: usize = 41;

/// Renders the report.
pub fn render(report: &Report, is_coloured: bool) -> String {
    let style = Style::new(is_coloured);
    let colour = match report.verdict.word {
        Word::Deploy => Style::GREEN,
        Word::Keep => Style::BLUE,
        Word::NotEnough => Style::YELLOW,
        Word::Broken => Style::RED,
    };
    let mut out =
        format!("{} ({}): {}\n", style.paint(Style::BOLD, &report.experiment), report.stack, style.paint(colour, &headline(report)));
    for reason in &report.verdict.reasons {
        out.push_str(&wrapped(&sentence(reason), "  "));
    }
    out.push('\n');
    let share = |arm: &super::Arm| {
        let what = if arm.name == report.control { "control" } else { "" };
        vec![
            arm.name.clone(),
            arm.prompt_version.clone(),
            thousands(arm.samples),
            percent(arm.share),
            percent(arm.planned_share),
            what.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = report.arms.iter().map(share).collect();
    out.push_str(&table(&["arm", "prompt", report.unit.plural(), "share", "planned", ""], &rows));
    if let Some(ratio) = report.sample_ratio {
        out.push_str(&format!("  split as planned: chi-square {}, p {}\n", figure(ratio.chi_squared), probability(ratio.p)));
    }
    out.push_str(&rows_line(report));
    if !report.metrics.is_empty() {
        out.push('\n');
        let rows: Vec<Vec<String>> = report.metrics.iter().flat_map(|metric| metric_rows(report, metric)).collect();
        out.push_str(&table(
            &["metric", "arm", "n", "mean", "deviation", "difference", interval_head(report).as_str(), "lift", "t", "p", "Holm", "d"],
            &rows,
        ));
        out.push('\n');
        for metric in &report.metrics {
            let (bar, name) = (bar(metric), format!("{} of {}", metric.metric, metric.arm));
            let code = if !metric.is_significant {
                Style::DIM
            } else if metric.gain() > 0.0 {
                Style::GREEN
            } else {
                Style::RED
            };
            out.push_str(&format!("  {:>9} {} {:<9}  {name}\n", signed(bar.1), style.paint(code, &bar.0), signed(bar.2)));
        }
        out.push_str(&format!(
            "  {}\n",
            style.paint(Style::DIM, "│ no difference   ░ less than what matters   ├─●─┤ estimate and its interval")
        ));
    }
    if !report.guards.is_empty() {
        out.push('\n');
        let rows = report.guards.iter().map(|guard| {
            let shown = |share: Option<f64>| share.map_or("-".to_owned(), signed_percent);
            let state = match guard.state {
                GuardState::Held => style.paint(Style::GREEN, guard.state.words()),
                GuardState::Exceeded => style.paint(Style::RED, guard.state.words()),
                _ => style.paint(Style::YELLOW, guard.state.words()),
            };
            vec![
                guard.guard.clone(),
                guard.arm.clone(),
                shown(guard.loss),
                shown(guard.loss_low),
                shown(guard.loss_high),
                percent(guard.worse_by),
                state,
            ]
        });
        out.push_str(&table(&["guard", "arm", "worse by", "at least", "at most", "let pass", ""], &rows.collect::<Vec<_>>()));
    }
    if !report.notes.is_empty() {
        out.push('\n');
    }
    for note in &report.notes {
        out.push_str(&wrapped(&sentence(note), "  "));
    }
    out.lines().map(|line| printable_but_styles(line, is_coloured) + "\n").collect()
}

/// A line in which names have no control characters and our own styles stay.
fn printable_but_styles(line: &str, is_coloured: bool) -> String {
    if !is_coloured {
        return printable(line);
    }
    let mut parts = line.split("\u{1b}[");
    let first = printable(parts.next().unwrap_or_default());
    let rest = parts.map(|part| match part.split_once('m') {
        Some((code, text)) if code.len() <= 2 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("\u{1b}[{code}m{}", printable(text))
        }
        _ => printable(&format!("\u{1b}[{part}")),
    });
    first + &rest.collect::<String>()
}

/// The verdict in a line.
pub(super) fn headline(report: &Report) -> String {
    let verdict = &report.verdict;
    match (&verdict.arm, &verdict.prompt_version) {
        (Some(arm), Some(version)) => format!("{} {arm} (prompt {version})", verdict.word.words()),
        _ if verdict.word == Word::Keep => format!("keep {}", report.control),
        _ => verdict.word.words().to_owned(),
    }
}

/// Name of the column of intervals.
pub(super) fn interval_head(report: &Report) -> String {
    let confidence = figure((1.0 - report.alpha) * 100.0);
    if report.is_sequential { format!("{confidence} % at every look") } else { format!("{confidence} %") }
}

/// With a capital and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// What became of the rows, in a line; empty without a file.
fn rows_line(report: &Report) -> String {
    let Some(words) = rows_words(report) else { return String::new() };
    wrapped(&words, "  ")
}

/// What became of the rows, in words.
pub(super) fn rows_words(report: &Report) -> Option<String> {
    let rows = report.rows.as_ref()?;
    let mut words = format!("{} {} read, {} used", thousands(rows.read), if rows.read == 1 { "row" } else { "rows" }, thousands(rows.used));
    let refused = rows.refused.iter().map(|(rule, count)| format!("{} {rule}", thousands(count))).collect::<Vec<_>>().join(", ");
    let counts = [
        (rows.off, "of users outside of the experiment (off)".to_owned()),
        (rows.of_other_experiments, "of other experiments".to_owned()),
        (rows.of_other_metrics, "of other metrics".to_owned()),
        (rows.refused(), format!("refused ({refused})")),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        words.push_str(&format!(", {} {what}", thousands(count)));
    }
    if report.users_in_two_arms > 0 {
        words.push_str(&format!("; {} users in two arms left out", thousands(report.users_in_two_arms)));
    }
    if !rows.ignored_columns.is_empty() {
        words.push_str(&format!("; ignored columns: {}", rows.ignored_columns.iter().cloned().collect::<Vec<_>>().join(", ")));
    }
    Some(words)
}

/// The control's line, where it is the first arm of its metric, and the arm's.
fn metric_rows(report: &Report, metric: &Comparison) -> Vec<Vec<String>> {
    let of = |statistics: &super::Statistics| {
        [thousands(statistics.n), figure(statistics.mean), statistics.deviation.map_or("-".to_owned(), figure)]
    };
    let is_first = report.metrics.iter().find(|other| other.metric == metric.metric).is_some_and(|first| first.arm == metric.arm);
    let mut rows = Vec::new();
    if is_first {
        let [n, mean, deviation] = of(&metric.control);
        rows.push(vec![metric.metric.clone(), report.control.clone(), n, mean, deviation]);
    }
    let [n, mean, deviation] = of(&metric.treatment);
    let d = metric.d.map_or("-".to_owned(), signed);
    let d = metric.d_low.zip(metric.d_high).map_or(d.clone(), |(low, high)| format!("{d} {}", range(low, high)));
    rows.push(vec![
        String::new(),
        metric.arm.clone(),
        n,
        mean,
        deviation,
        signed(metric.difference),
        range(metric.low, metric.high),
        metric.lift.map_or("-".to_owned(), signed_percent),
        figure(metric.t),
        probability(metric.p),
        probability(metric.p_holm),
        d,
    ]);
    rows
}

/// The interval on a scale that holds it and the smallest effect that matters, and the ends of the scale.
fn bar(metric: &Comparison) -> (String, f64, f64) {
    let reach = [metric.low.abs(), metric.high.abs(), 1.5 * metric.minimum_effect].into_iter().fold(0.0, f64::max);
    let middle = (BAR / 2) as f64;
    let place = |x: f64| ((x / reach * middle).round() + middle).clamp(0.0, 2.0 * middle) as usize;
    let (low, high, at) = (place(metric.low), place(metric.high), place(metric.difference));
    let (small_low, small_high) = (place(-metric.minimum_effect), place(metric.minimum_effect));
    let cell = |column: usize| match column {
        column if column == at => '●',
        column if column == low => '├',
        column if column == high => '┤',
        column if (low..=high).contains(&column) => '─',
        column if column == BAR / 2 => '│',
        column if (small_low..=small_high).contains(&column) => '░',
        _ => ' ',
    };
    ((0..BAR).map(cell).collect(), -reach, reach)
}

/// Rows with aligned columns.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let plain = |cell: &str| {
        cell.split('\u{1b}')
            .map(|part| part.split_once('m').filter(|(code, _)| code.starts_with('[')).map_or(part, |(_, rest)| rest))
            .map(|part| part.chars().count())
            .sum::<usize>()
    };
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| plain(cell));
        cells.chain(header.get(column).map(|head| head.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - plain(cell))));
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned() + "\n"
    };
    let mut out = line(header);
    rows.iter().for_each(|row| out.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>())));
    out
}

/// `text` in lines that begin with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > WIDTH - indent.len() {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}
