//! System prompts that defeat the cache of prefixes.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::support::template::analyse;
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route as Path, Rule, Severity};
use crate::estimate::tokens::{self, Count, Piece, Reader};
use crate::stack::{Prompt, Stack, TextFile};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-P009",
    name: "prefix-not-shared",
    severity: Severity::Warning,
    docs: "A variable, or today's date, stands in a system prompt before words that never change.\n\n\
           Engines keep what they computed for the beginning of a prompt and use it again for the next one \
           that begins alike, and providers charge less for it. They share up to the first difference: what \
           stands after a variable is computed anew for each of its values, and after a date for each day.\n\n\
           ```jinja\nYou help {{ customer }}.\nThe rules are: …                  // never shared\n```\n\n\
           Move the variable or the date to the end of the system prompt, or into the user message.",
};

/// Tokens that an engine would not share in any case: vLLM keeps prefixes in blocks of 16.
const FEW_TOKENS: u64 = 16;

/// A day in words that say that it is the present one, in the languages that are most used.
static TODAY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = r"(?:today|current date|current time|date today|오늘|현재|今日|本日|今天|当前|現在)";
    let day = r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}\.? \p{L}{3,9}\.? \d{4}|\p{L}{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{4} ?[年년]|\d{1,2}/\d{1,2}/\d{4})";
    Regex::new(&format!("(?i){word}[^\\n]{{0,40}}?{day}")).ok()
});

/// What is not the same in each prompt, and where it stands.
enum Moving {
    Variable(String),
    Today,
}

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for prompt in cx.stack.prompts.values() {
        let mut seen: Vec<&str> = Vec::new();
        for (name, version) in &prompt.versions {
            let Some(system) = &version.system else { continue };
            // Versions that share a template share its fault.
            if !seen.contains(&system.file.as_str()) {
                seen.push(&system.file);
                out.extend(judge(cx.stack, prompt, name, system));
            }
        }
    }
}

fn judge(stack: &Stack, prompt: &Prompt, version: &str, system: &TextFile) -> Option<Diagnostic> {
    let (moving, range) = first_moving(prompt, &system.text)?;
    let pieces = tokens::pieces(&system.text)?;
    let after: Vec<&str> = pieces
        .iter()
        .filter_map(|piece| match piece {
            // What stands in a branch differs anyway.
            Piece::Text { text, range: at, always: true } => text.get(range.end.saturating_sub(at.start).min(text.len())..).filter(|_| at.end > range.end),
            Piece::Text { .. } | Piece::Value { .. } => None,
        })
        .filter(|text| !text.trim().is_empty())
        .collect();
    // Hardly any are seen without a vocabulary.
    if after.iter().map(|text| tokens::of_text(text).high).sum::<f64>() <= FEW_TOKENS as f64 {
        return None;
    }
    let count = count(stack, prompt, version, &after);
    if count.expected <= FEW_TOKENS {
        return None;
    }
    let (what, until) = match &moving {
        Moving::Variable(name) => (format!("the variable `{name}`"), "requests share only what stands before it"),
        Moving::Today => ("the date".to_owned(), "changes each day, and what stands after it is computed anew"),
    };
    let message = format!("{what} stands before {count} of the system prompt `{}@{version}` that never change", prompt.name);
    let finding = Diagnostic::new(&RULE, Place::Text { file: system.file.clone(), range }, message)
        .label(until)
        .related(Place::Key(Path::of(["prompt", &prompt.name, "version", version])), "uses this template");
    Some(finding.help(format!("move {what} to the end of the template, or into the user message")))
}

/// The first of them: a variable of the prompt, also one that is only asked for, or today's date.
fn first_moving(prompt: &Prompt, template: &str) -> Option<(Moving, Range<usize>)> {
    let variables = analyse(template).ok()?.variables.into_iter();
    // Others are reported for not being declared.
    let declared = variables.filter(|(name, _)| prompt.variables.contains_key(name)).map(|(name, range)| (Moving::Variable(name), range));
    let today = TODAY.as_ref().and_then(|today| today.find(template)).map(|found| (Moving::Today, found.range()));
    declared.chain(today).min_by_key(|(_, range)| range.start)
}

/// Tokens of `texts` for what answers `version` on the first route that has it.
fn count(stack: &Stack, prompt: &Prompt, version: &str, texts: &[&str]) -> Count {
    let answer = stack.routes.values().filter(|route| route.prompt == prompt.name).find_map(|route| route.answers.get(version));
    let reader = answer.map_or_else(|| Reader::unknown(stack), |answer| Reader::of_target(stack, &answer.target));
    reader.count_all(texts.iter().copied()).0
}

#[cfg(test)]
mod tests {
    use super::TODAY;

    #[test]
    fn a_date_that_is_today_is_told_from_one_that_stays() {
        let today = TODAY.as_ref().expect("the pattern");
        let moving = ["Today is 2026-11-23.", "Current date: 23 November 2026", "Today's date: Nov 23rd, 2026", "오늘은 2026년 11월 23일", "今日は2026年11月23日"];
        assert!(moving.iter().all(|text| today.is_match(text)), "{moving:?}");
        let staying = ["Prices as of 2026-01-15.", "Refunds since 23 November 2026", "Answer today, not tomorrow.", "Order 2026-11-23"];
        assert!(!staying.iter().any(|text| today.is_match(text)), "{staying:?}");
    }
}
