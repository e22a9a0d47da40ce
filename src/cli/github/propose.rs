//! `llmc apply --pr`

use super::delivered::{self, Compared};
use super::{BODY_CHARS, Connections};
use crate::cli::Failure;
use crate::cli::output::{Output, table};
use crate::cli::planned::{Planned, PlannedStack};
use crate::deliver::github::{Fault, Outcome, Proposal, PullRequest};
use crate::plan::markdown::{self, Review};

/// Opens, updates or closes the pull request of each stack in `planned`. A stack that fails is
/// reported, and the others go on.
pub(in crate::cli) fn propose(mut planned: Planned, overwrite: bool, output: &mut Output) -> Result<(), Failure> {
    let refused = |planned: &Planned| match planned.failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Message(format!("nothing is proposed, because of errors in {}", failed.join(", ")))),
    };
    // Before GitHub is asked for anything.
    refused(&planned)?;
    planned.split_renames();
    let mut connections = Connections::new();
    let Compared { places, unread } = delivered::compare(&mut planned, &mut connections, |_| true)?;
    planned.judge(output)?;
    refused(&planned)?;
    let reviews = planned.reviews("llmc apply --pr");
    let mut rows = Vec::new();
    // Whether the server cannot be used any more, for any stack.
    let mut stopped = false;
    let mut failed = !unread.is_empty();
    for (name, fault) in unread {
        output.error(&format!("{name}: {fault}"));
        rows.push(vec![name, "not read".to_owned(), "failed".to_owned()]);
    }
    for ((stack, review), place) in planned.stacks.iter().zip(&reviews).zip(&places) {
        let Some(place) = place else { continue };
        let files = review.plan.files.len().to_string();
        let connection = connections.to(&place.target.repository)?;
        let outcome = match stopped {
            true => Err("not tried".to_owned()),
            false => {
                let proposed = connection.propose(&place.target, &place.standing, &stack.files, &proposal(stack, review, overwrite));
                stopped = proposed.as_ref().is_err_and(Fault::is_of_server);
                proposed.map_err(|fault| fault.to_string())
            }
        };
        match outcome {
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
