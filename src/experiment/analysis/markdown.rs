//! The answer for a pull request or a page.

use super::Report;
use super::figures::{figure, percent, probability, range, signed, signed_percent};
use super::text::{headline, interval_head, rows_words, sentence};
use crate::diagnostic::{printable, thousands};

/// Renders the report as Markdown.
pub fn render(report: &Report) -> String {
    let mut out = format!("## {}: {}\n\n", cell(&report.experiment), cell(&headline(report)));
    for reason in &report.verdict.reasons {
        out.push_str(&format!("- {}\n", prose(&sentence(reason))));
    }
    let rows = report.arms.iter().map(|arm| {
        vec![cell(&arm.name), cell(&arm.prompt_version), thousands(arm.samples), percent(arm.share), percent(arm.planned_share)]
    });
    out.push_str(&table(&["arm", "prompt", report.unit.plural(), "share", "planned"], rows.collect()));
    let mut below = Vec::new();
    if let Some(ratio) = report.sample_ratio {
        below.push(format!("Split as planned: chi-square {}, p {}.", figure(ratio.chi_squared), probability(ratio.p)));
    }
    below.extend(rows_words(report).map(|words| prose(&sentence(&words))));
    if !below.is_empty() {
        out.push_str(&format!("\n{}\n", below.join(" ")));
    }
    if !report.metrics.is_empty() {
        let rows = report.metrics.iter().map(|metric| {
            let d = metric.d.map_or("-".to_owned(), signed);
            let lift = metric.lift.map_or("-".to_owned(), signed_percent);
            vec![
                cell(&metric.metric),
                cell(&metric.arm),
                figure(metric.control.mean),
                figure(metric.treatment.mean),
                format!("{} {}", signed(metric.difference), range(metric.low, metric.high)),
                lift,
                figure(metric.t),
                probability(metric.p),
                probability(metric.p_holm),
                metric.d_low.zip(metric.d_high).map_or(d.clone(), |(low, high)| format!("{d} {}", range(low, high))),
            ]
        });
        let difference = format!("difference ({})", interval_head(report));
        let head = ["metric", "arm", "control", "mean", &difference, "lift", "t", "p", "p (Holm)", "Cohen's d"];
        out.push_str(&table(&head, rows.collect()));
    }
    if !report.guards.is_empty() {
        let shown = |share: Option<f64>| share.map_or("-".to_owned(), signed_percent);
        let rows = report.guards.iter().map(|guard| {
            let limits = [shown(guard.loss), shown(guard.loss_low), shown(guard.loss_high), percent(guard.worse_by)];
            [cell(&guard.guard), cell(&guard.arm)].into_iter().chain(limits).chain([guard.state.words().to_owned()]).collect()
        });
        out.push_str(&table(&["guard", "arm", "worse by", "at least", "at most", "let pass", "state"], rows.collect()));
    }
    if !report.notes.is_empty() {
        out.push('\n');
    }
    for note in &report.notes {
        out.push_str(&format!("- {}\n", prose(&sentence(note))));
    }
    out
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|head| (*head).to_owned()).collect();
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("\n{}{}{rows}", line(&head), line(&rule))
}

/// A name that is nothing but text.
fn cell(name: &str) -> String {
    escaped(name, &['\\', '`', '*', '_', '{', '}', '[', ']', '<', '>', '(', ')', '#', '+', '!', '|', '~', '$', '&', '@', ':'])
}

/// A sentence of ours, in which names stand between backticks.
fn prose(text: &str) -> String {
    escaped(text, &['\\', '*', '_', '[', ']', '<', '>', '|', '~', '$', '&', '@'])
}

fn escaped(text: &str, special: &[char]) -> String {
    let has_code = !special.contains(&'`');
    let mut out = String::new();
    let mut is_code = false;
    for c in printable(text).chars() {
        is_code ^= has_code && c == '`';
        match c {
            c if is_code || !special.contains(&c) => out.push(c),
            // No mention begins with an entity.
            '@' => out.push_str("&#64;"),
            c => out.extend(['\\', c]),
        }
    }
    out
}
