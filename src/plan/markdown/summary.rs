//! What matters most: the verdict, the money, the models and what happens to their pods.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::Value;

use super::document::Section;
use super::record::{amount, differences, shown};
use super::{Review, Subject, cost, text};
use crate::diagnostic::Severity;
use crate::plan::words::count;
use crate::plan::{Action, Copies, Disruption, GpuChange, Order, Restart, RiskLevel, Rollout, StackPlan};

/// Most risks and workloads that are listed.
const MOST_ITEMS: usize = 40;

/// Most characters of a message.
const MESSAGE_CHARS: usize = 400;

/// The verdict in a word or two.
pub(super) fn word(review: &Review<'_>) -> &'static str {
    if review.plan.is_empty() {
        return "no changes";
    }
    if review.findings.iter().any(|finding| finding.rule.severity == Severity::Error) {
        return "refused";
    }
    match review.plan.risks.iter().map(|risk| risk.level).min() {
        Some(RiskLevel::High) => "high risk",
        Some(RiskLevel::Medium) => "medium risk",
        Some(RiskLevel::Low) => "low risk",
        None => "no known risk",
    }
}

/// How many files are created, changed and deleted.
pub(super) fn file_counts(plan: &StackPlan) -> String {
    let of = |action| plan.files.iter().filter(|file| file.action == action).count();
    let counts = [(of(Action::Create), "new"), (of(Action::Update), "changed"), (of(Action::Delete), "deleted")];
    let parts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// The verdict line, the cost, and the risks, worst first.
pub(super) fn verdict(subject: &Subject<'_>) -> Vec<Section> {
    let plan = subject.review.plan;
    let word = word(subject.review);
    let capital = word[..1].to_uppercase() + &word[1..];
    let stack = text::code(&plan.stack, 80);
    if plan.is_empty() {
        return vec![Section::text(format!("**{capital}** in stack {stack}: the tree that stands is the compiled one."))];
    }
    let renamed = plan.renamed_from.as_ref().map(|name| format!(" It was {} before.", text::code(name, 80)));
    let edited = plan.files.iter().filter(|file| file.edited).count();
    let edited = (edited > 0).then(|| format!(" {} edited by hand and would be overwritten.", was_were(edited, "file")));
    let line = format!(
        "**{capital}** in stack {stack}: files {}; {} restarted or stopped.{}{}",
        file_counts(plan),
        count(plan.rollouts.iter().filter(|rollout| interrupts(&rollout.disruption)).count(), "workload"),
        renamed.unwrap_or_default(),
        edited.unwrap_or_default()
    );
    let mut lines = vec![line];
    lines.extend(plan.totals.budget.as_ref().map(cost::line));
    let policies = &subject.review.policies;
    if !policies.evaluated.is_empty() {
        let waived = policies.waived.len();
        let refused = subject.review.findings.iter().filter(|finding| finding.rule.severity == Severity::Error).count();
        let refused = if refused == 0 { "none refuses".to_owned() } else { format!("**refused** with {}", count(refused, "finding")) };
        lines.push(format!("**Policies:** {} evaluated, {waived} waived, {refused}.", policies.evaluated.len()));
    }
    let mut risks: Vec<_> = plan.risks.iter().collect();
    risks.sort_by_key(|risk| risk.level);
    let level = |level| match level {
        RiskLevel::High => "high",
        RiskLevel::Medium => "medium",
        RiskLevel::Low => "low",
    };
    let items = risks.iter().map(|risk| format!("- **{}**: {}", level(risk.level), text::words(&risk.message, MESSAGE_CHARS)));
    vec![Section::list(&lines.join("\n\n"), items.collect(), "risks", 0).capped(MOST_ITEMS)]
}

fn was_were(number: usize, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "was" } else { "were" })
}

fn interrupts(disruption: &Disruption) -> bool {
    matches!(disruption, Disruption::RollingRestart(_) | Disruption::Replace(_) | Disruption::Stop { .. })
}

pub(super) fn range(least: Decimal, most: Decimal) -> String {
    let [least, most] = [amount(least), amount(most)];
    if least == most { most } else { format!("{least} to {most}") }
}

/// The models that change, in one table.
pub(super) fn models(subject: &Subject<'_>) -> Option<Section> {
    let (old, new) = (&subject.old, &subject.new);
    let renamed = |name: &str| subject.review.plan.rollouts.iter().find(|r| r.route == format!("/model/{name}"))?.renamed_from.as_deref();
    let gone: BTreeSet<&str> = new.blocks("model").filter_map(|(name, _)| renamed(name)).collect();
    let names: BTreeSet<&str> =
        old.blocks("model").chain(new.blocks("model")).map(|(name, _)| name).filter(|n| !gone.contains(n)).collect();
    let head = ["Model", "Change", "Pods", "Memory headroom", "GPUs", "Expected cost of a month"];
    let mut table = Section::table("### Models", &head, "models");
    let mut same = 0;
    for name in names {
        let before = renamed(name).filter(|_| new.block("model", name).is_some()).unwrap_or(name);
        let (was, is) = (old.block("model", before), new.block("model", name));
        let rollout = subject.review.plan.rollouts.iter().find(|rollout| rollout.route == format!("/model/{name}"));
        let costs = cost::expected(subject.review.plan, name);
        if was == is && before == name && rollout.is_none() && costs[0] == costs[1] {
            same += 1;
            continue;
        }
        let headroom = subject.review.plan.totals.memory_headroom.as_ref().and_then(|all| all.get(name));
        let percent = |share: f64| format!("{share:.1} %");
        let gpus = [old.gpus(before), new.gpus(name)].map(|gpus| gpus.map(|[least, most]| range(least.into(), most.into())));
        let [from, to] = &gpus;
        let [was_cost, is_cost] = costs.map(|cost| cost.map(amount));
        table.items.push(text::row(&[
            text::cell(name, 80),
            change(before, name, was, is),
            rollout.map_or("none", |rollout| rollout.disruption.word()).to_owned(),
            headroom.map_or("not computed".to_owned(), |[from, to]| arrow(from.map(percent).as_deref(), to.map(percent).as_deref())),
            arrow(from.as_deref(), to.as_deref()),
            arrow(was_cost.as_deref(), is_cost.as_deref()),
        ]));
    }
    if table.items.is_empty() {
        return (same > 0).then(|| Section::text(format!("### Models\n\nNo model changes ({same} in the stack).")));
    }
    if same > 0 {
        table.intro = table.intro.replacen(
            "### Models\n",
            &format!("### Models\n\nOf {}, these change:\n", count(same + table.items.len(), "model")),
            1,
        );
    }
    Some(Section { rank: 1, ..table }.capped(MOST_ITEMS))
}

/// GPUs of each pool where they change, whoever uses them.
pub(super) fn pools(subject: &Subject<'_>) -> Option<Section> {
    let side =
        |change: &GpuChange, at: usize| format!("{} of {}", range(change.min[at].into(), change.max[at].into()), change.available[at]);
    let pools = subject.review.plan.totals.gpus.iter().map(|(pool, change)| (pool, side(change, 0), side(change, 1)));
    let items = pools.filter(|(_, before, after)| before != after);
    let items: Vec<String> =
        items.map(|(pool, before, after)| format!("- Pool {}: {before} GPUs → {after}", text::code(pool, 80))).collect();
    (!items.is_empty()).then(|| Section::list("GPUs in use:", items, "pools", 1).capped(MOST_ITEMS))
}

pub(super) fn arrow(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => to.to_owned(),
        (None, None) => "not computed".to_owned(),
        (from, to) => format!("{} → {}", from.unwrap_or("none"), to.unwrap_or("none")),
    }
}

/// What changes in a model's block, in a table's cell.
fn change(before: &str, name: &str, was: Option<&Value>, is: Option<&Value>) -> String {
    match (was, is) {
        (None, _) => return "new".to_owned(),
        (_, None) => return "removed".to_owned(),
        _ => {}
    }
    let found = differences(was, is);
    let mut parts: Vec<String> = Vec::new();
    if before != name {
        parts.push(format!("renamed from {}", text::cell(before, 80)));
    }
    let value = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), |value| text::cell(&shown(value), 40));
    parts.extend(found.iter().take(4).map(|d| format!("{} {} → {}", text::cell(&d.path, 80), value(&d.old), value(&d.new))));
    if found.len() > 4 {
        parts.push(format!("{} more", found.len() - 4));
    }
    if parts.is_empty() { "nothing of its own".to_owned() } else { parts.join(", ") }
}

/// What happens to the pods, and what that needs.
pub(super) fn rollouts(subject: &Subject<'_>) -> Option<Section> {
    let items: Vec<String> = subject.review.plan.rollouts.iter().map(rollout).collect();
    if items.is_empty() {
        return Some(Section { rank: 1, ..Section::text("### Rollout\n\nNo workload restarts.".to_owned()) });
    }
    Some(Section::list("### Rollout", items, "workloads", 1).capped(MOST_ITEMS))
}

fn rollout(rollout: &Rollout) -> String {
    let what = match &rollout.disruption {
        Disruption::None => "no pod restarts".to_owned(),
        Disruption::Scale { from, to } => format!("scales from {} to {}; running pods go on", pods(*from), pods(*to)),
        Disruption::RollingRestart(restart) => format!("rolling restart of {}", starts(restart)),
        Disruption::Replace(restart) => format!("**replaced**: {}", starts(restart)),
        Disruption::Start(restart) => format!("starts {}", starts(restart)),
        Disruption::Stop { pods: ended, freed_gpus } => {
            format!("**stops**: {} end, {} become free", pods(*ended), count(*freed_gpus, "GPU"))
        }
    };
    let renamed = rollout.renamed_from.as_ref().map_or(String::new(), |name| format!(" (was {})", text::code(name, 80)));
    let mut item = format!("- {}{renamed}: {what}.", text::code(&rollout.route, 120));
    let because: Vec<String> = rollout.because.iter().take(5).map(|cause| text::words(cause, 160)).collect();
    if !because.is_empty() {
        let more = rollout.because.len().saturating_sub(5);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        item.push_str(&format!(" Because of {}{more}.", because.join(", ")));
    }
    item
}

fn starts(restart: &Restart) -> String {
    let mut parts = vec![pods(restart.pods)];
    if restart.gpus_per_pod > 0 {
        parts.push(format!("with {} each", count(restart.gpus_per_pod, "GPU")));
    }
    let order = match restart.order {
        Order::NewFirst => "; a new pod is ready before an old one ends",
        Order::OldFirst => "; an old pod ends before its successor starts",
        Order::SideBySide => "; old and new run side by side until the old one is deleted",
    };
    let mut text = parts.join(" ") + order;
    if let Some(free) = &restart.free_gpus {
        let pool = free.pool.as_ref().map_or("its pool".to_owned(), |pool| format!("pool {}", text::code(pool, 80)));
        let verdict = if free.is_enough() { format!("has {}", free.free) } else { format!("**has only {}**", free.free) };
        text.push_str(&format!("; needs {} free, {pool} {verdict}", count(free.needed, "GPU")));
    }
    text.push_str(&format!("; ready after at most {}", count(restart.minutes_until_ready, "minute")));
    match restart.outage_minutes {
        Some(minutes) => text.push_str(&format!("; **nobody is served for up to {}**", count(minutes, "minute"))),
        None => text.push_str("; no outage"),
    }
    if restart.gpu_seconds > 0 {
        text.push_str(&format!("; at most {} GPU seconds without serving", amount(restart.gpu_seconds.into())));
    }
    text
}

fn pods(copies: Copies) -> String {
    if copies.min == copies.max { count(copies.max, "pod") } else { format!("{} to {}", copies.min, count(copies.max, "pod")) }
}
