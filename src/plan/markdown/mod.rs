//! What a reviewer reads: a pull request's body and a plan's comment, as GitHub Flavored Markdown.
//!
//! Pure functions of data. Whatever a user wrote stands in code, where GitHub sees no mention, no
//! reference and no markup; `text` is the only place that puts it there. A document is built of
//! whole pieces, and what does not fit below the limit is left out whole and counted.

mod blocks;
mod checklist;
mod cost;
mod diff;
mod document;
mod notes;
mod objects;
mod picture;
mod prompts;
mod record;
mod summary;
mod text;

use super::{Action, Disruption, StackPlan, words};
use crate::diagnostic::Finding;
use crate::emit::{FileSet, Tree};
pub use diff::changed_lines;
use document::{Document, Section};
use record::Record;

/// GitHub's limit of a comment and of a pull request's body, in characters.
pub const GITHUB_LIMIT_CHARS: usize = 65_536;

/// Longest title in characters.
const TITLE_CHARS: usize = 120;

/// What a reviewer is shown.
#[derive(Clone, Debug)]
pub struct Review<'a> {
    /// What changes.
    pub plan: &'a StackPlan,
    /// Tree that stands.
    pub old: &'a Tree,
    /// Compiled tree; empty when the stack is gone.
    pub new: &'a FileSet,
    /// What was found about the stack and its plan. Errors, such as a policy's refusal, only reach
    /// comments: with one, nothing is proposed.
    pub findings: Vec<Finding>,
    /// What was held against policies.
    pub policies: Policies,
    /// Where the plan comes from.
    pub provenance: Provenance,
}

/// Policies that judged a stack; one that refused it never reaches a pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Names of those that were evaluated, waived ones among them.
    pub evaluated: Vec<String>,
    /// Refusals that somebody answers for.
    pub waived: Vec<Waived>,
}

/// A policy's refusal that was let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waived {
    /// Name of the policy.
    pub policy: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is right for now.
    pub reason: String,
    /// Last day on which it holds.
    pub until: String,
    /// What the policy said.
    pub message: String,
}

/// Where a plan comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Path of the spec; none when the stack is gone.
    pub spec: Option<String>,
    /// Commit that the spec was read from.
    pub commit: Option<String>,
    /// Version of llmc.
    pub llmc_version: String,
    /// Digest of the plan.
    pub plan_sha256: String,
    /// Command that applies it.
    pub command: String,
}

/// What every part of a document is made from, read once.
struct Subject<'a> {
    review: &'a Review<'a>,
    old: Record,
    new: Record,
    /// Most bytes that the document may have: nothing larger needs to be built.
    limit: usize,
}

impl<'a> Subject<'a> {
    fn of(review: &'a Review<'a>, limit: usize) -> Self {
        let new = review.new.get(crate::emit::RECORD_FILE);
        Self { review, old: Record::read(review.old.text(crate::emit::RECORD_FILE)), new: Record::read(new), limit }
    }
}

/// Title of a pull request: one line of at most 120 characters.
pub fn title(review: &Review<'_>) -> String {
    let plan = review.plan;
    let verb = match (review.old.files.is_empty(), review.new.is_empty()) {
        (true, _) => "deploy",
        (_, true) => "remove",
        _ => "update",
    };
    let mut title = format!("llmc: {verb} {}", text::code(&plan.stack, 60));
    let counted = [("replace", "replacement"), ("rolling restart", "rolling restart"), ("stop", "stop")];
    let parts: Vec<String> = counted
        .iter()
        .filter_map(|(word, noun)| {
            let count = plan.rollouts.iter().filter(|rollout| rollout.disruption.word() == *word).count();
            (count > 0).then(|| words::count(count, noun))
        })
        .collect();
    if !parts.is_empty() {
        title = format!("{title}: {}", parts.join(", "));
    }
    if title.chars().count() > TITLE_CHARS { format!("llmc: {verb} a stack") } else { title }
}

/// Body of a pull request, of at most `limit_chars` characters however GitHub counts them.
pub fn body(review: &Review<'_>, limit_chars: usize) -> String {
    let limit = document::usable(limit_chars);
    let subject = Subject::of(review, limit);
    let mut document = plan_of(&subject);
    document.extend(checklist::sections(&subject));
    document.extend(notes::waivers(&subject));
    document.extend(notes::provenance(&subject));
    document.render(limit)
}

/// Comment on a pull request that changes specs: what each of `reviews` would change, in at most
/// `limit_chars` characters. `failed` are the specs with errors.
pub fn comment(reviews: &[Review<'_>], failed: &[String], limit_chars: usize) -> String {
    let failed = notes::failed(failed);
    let head = if failed.is_empty() { failed } else { failed + "\n\n" };
    let limit = document::usable(limit_chars).saturating_sub(head.len());
    let text = match reviews {
        [] if !head.is_empty() => String::new(),
        [] => "**No stack is affected.** This change leaves every compiled tree as it is.".to_owned(),
        [review] => one(review, limit),
        _ => many(reviews, limit),
    };
    head + &text
}

fn one(review: &Review<'_>, limit: usize) -> String {
    let subject = Subject::of(review, limit);
    let mut document = plan_of(&subject);
    document.extend(notes::waivers(&subject));
    document.extend(notes::provenance(&subject));
    document.render(limit)
}

/// Everything between the verdict and the diffs, in the order in which a reviewer asks for it.
fn plan_of(subject: &Subject<'_>) -> Document {
    let mut document = Document::default();
    document.extend(summary::verdict(subject));
    if subject.review.plan.is_empty() {
        return document;
    }
    document.extend(notes::findings(subject));
    document.extend(cost::section(subject));
    document.extend(summary::models(subject));
    document.extend(summary::pools(subject));
    document.extend(summary::rollouts(subject));
    document.extend(prompts::sections(subject));
    document.extend(blocks::sections(subject));
    document.extend(picture::section(subject));
    document.extend(objects::sections(subject));
    document
}

/// Least bytes that a stack's own part of a comment needs to say anything.
const LEAST_PART: usize = 2_000;

fn many(reviews: &[Review<'_>], limit: usize) -> String {
    let changed: Vec<&Review<'_>> = reviews.iter().filter(|review| !review.plan.is_empty()).collect();
    let intro = format!("**{} of {} change.**", changed.len(), words::count(reviews.len(), "affected stack"));
    let mut table = Section::table("", &["Stack", "Verdict", "Files", "Pods"], "stacks");
    table.intro = format!("{intro}\n\n{}", table.intro);
    table.items = reviews.iter().map(row).collect();
    let head = Document::from(table).render(limit / 2);
    let mut left = limit.saturating_sub(head.len() + 200);
    let mut parts = vec![head];
    let mut left_out = 0;
    for (index, review) in changed.iter().enumerate() {
        let frame = text::folded(&text::html_code(&review.plan.stack, 80), "");
        let share = left / (changed.len() - index);
        if share < LEAST_PART + frame.len() {
            left_out += 1;
            continue;
        }
        let part = text::folded(&text::html_code(&review.plan.stack, 80), &one(review, share - frame.len() - 2));
        left = left.saturating_sub(part.len() + 2);
        parts.push(part);
    }
    if left_out > 0 {
        parts.push(document::left_out(left_out, "stacks"));
    }
    parts.join("\n\n")
}

fn row(review: &Review<'_>) -> String {
    let plan = review.plan;
    let restarted = plan.rollouts.iter().filter(|rollout| !matches!(rollout.disruption, Disruption::None | Disruption::Scale { .. }));
    let pods = match restarted.count() {
        0 => "none".to_owned(),
        count => words::count(count, "workload"),
    };
    text::row(&[text::cell(&plan.stack, 80), summary::word(review).to_owned(), summary::file_counts(plan), pods])
}

/// The word for what happens to something.
fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
    }
}
