//! Versions of prompts in words.

use crate::cost::unit_money;
use crate::diagnostic::{printable, thousands};
use crate::prompt::{ArmOf, Basis, Request, Tokens, Version};

/// What a version is: live, the one to go back to, an arm of an experiment.
pub(super) fn states(version: &Version) -> Vec<String> {
    let of = |is: bool, word: &str| is.then(|| word.to_owned());
    let mut states: Vec<String> = [of(version.live, "live"), of(version.rollback, "rollback")].into_iter().flatten().collect();
    states.extend(version.experiments.iter().map(arm));
    states
}

/// `treatment of support-v2 10 %`.
pub(super) fn arm(arm: &ArmOf) -> String {
    let share = if arm.running { format!("{} %", percent(arm.percent)) } else { "stopped".to_owned() };
    format!("{} of {} {share}", printable(&arm.arm), printable(&arm.experiment))
}

/// Hundredths at the finest, and no zeros behind.
pub(super) fn percent(percent: f64) -> String {
    let text = format!("{percent:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The tokens of a version, on routes whose models count differently the fewest and the most.
pub(super) fn tokens<'a>(of: impl Iterator<Item = &'a Tokens> + Clone) -> String {
    let bounds = of.clone().map(Tokens::total).min().zip(of.clone().map(Tokens::total).max());
    let mark = if of.into_iter().any(|tokens| tokens.estimated) { "~" } else { "" };
    match bounds {
        None => String::new(),
        Some((low, high)) if low == high => format!("{mark}{}", thousands(low)),
        Some((low, high)) => format!("{mark}{} to {}", thousands(low), thousands(high)),
    }
}

/// What requests cost, the least and the most of all of them.
pub(super) fn requests<'a>(of: impl Iterator<Item = &'a Request> + Clone, currency: &str) -> String {
    let bounds = of.clone().map(|request| request.low).min().zip(of.map(|request| request.high).max());
    match bounds {
        None => String::new(),
        Some((low, high)) if low == high => format!("{} {}", unit_money(Some(low)), printable(currency)),
        Some((low, high)) => format!("{} to {} {}", unit_money(Some(low)), unit_money(Some(high)), printable(currency)),
    }
}

/// How long the request is that was priced.
pub(super) fn length(request: &Request) -> String {
    let of = match request.basis {
        Basis::Stated => "at the stated mean length",
        Basis::Longest => "at the longest, as no mean length is stated",
    };
    format!("{} tokens in, {} out, {of}", thousands(request.input_tokens), thousands(request.output_tokens))
}

/// `text`, or a dash where there is none.
pub(super) fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
