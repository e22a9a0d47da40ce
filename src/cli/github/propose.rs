//! `llmc apply --pr`

use super::{BODY_CHARS, Connections, delivered};
use crate::cli::Failure;
use crate::cli::output::{Output, table};
use crate::cli::planned::{Planned, PlannedStack};
use crate::deliver::github::{Outcome, Proposal, PullRequest};
use crate::plan::markdown::{self, Review};

/// Opens, updates or closes the pull request of each stack in `planned`. A stack that fails is
/// reported, and the others go on.
pub(in crate::cli) fn propose(mut planned: Planned, overwrite: bool, output: &mut Output) -> Result<(), Failure> {
    let mut connections = Connections::new();
    let places = delivered::compare(&mut planned, &mut connections, |_| true)?;
    planned.judge(output);
    if !planned.failed.is_empty() {
        return Err(format!("nothing is proposed, because of errors in {}", planned.failed.join(", ")).into());
    }
    let reviews = planned.reviews("llmc apply --pr");
    let mut rows = Vec::new();
    let mut failed = false;
    for ((stack, review), place) in planned.stacks.iter().zip(&reviews).zip(&places) {
        let Some(place) = place else { continue };
        let files = review.plan.files.len().to_string();
        let connection = connections.to(&place.target.repository)?;
        match connection.propose(&place.target, &place.standing, &stack.files, &proposal(stack, review, overwrite)) {
            Ok(outcome) => {
                let (what, request) = words_of(&outcome);
                for warning in request.iter().flat_map(|request| &request.warnings) {
                    output.warning(&format!("{}: {warning}", stack.name));
                }
                rows.push(vec![stack.name.clone(), files, what]);
            }
            Err(fault) => {
                failed = true;
                output.error(&format!("{}: {fault}", stack.name));
                rows.push(vec![stack.name.clone(), files, "failed".to_owned()]);
            }
        }
    }
    output.print(&table(&["stack", "files", "pull request"], &rows, 1..2))?;
    output.note(&format!("{} requests\n", connections.requests()));
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

fn proposal(stack: &PlannedStack, review: &Review<'_>, overwrite: bool) -> Proposal {
    let deliver = delivered::deliver(stack);
    Proposal {
        title: markdown::title(review),
        body: markdown::body(review, BODY_CHARS),
        labels: deliver.map(|d| d.labels.clone()).unwrap_or_default(),
        reviewers: deliver.map(|d| d.reviewers.clone()).unwrap_or_default(),
        draft: deliver.is_some_and(|d| d.draft),
        plan_sha256: review.provenance.plan_sha256.clone(),
        overwrite,
    }
}

/// An outcome in words, and the pull request that is open.
fn words_of(outcome: &Outcome) -> (String, Option<&PullRequest>) {
    let open = |word: &str, request: &PullRequest| format!("{word} #{} {}", request.number, request.url);
    match outcome {
        Outcome::NothingToDo => ("none: nothing to change".to_owned(), None),
        Outcome::UpToDate(request) => (open("is current", request), Some(request)),
        Outcome::Opened(request) => (open("opened", request), Some(request)),
        Outcome::Updated(request) => (open("updated", request), Some(request)),
        Outcome::Closed { number } => (format!("closed #{number}: nothing is left to change"), None),
        Outcome::BranchDeleted => ("none: nothing to change; its branch was deleted".to_owned(), None),
        Outcome::LeftClosed { number, url } => {
            (format!("#{number} was closed by a person for this very plan and stays so; reopen it at {url}"), None)
        }
    }
}
