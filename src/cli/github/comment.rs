//! `llmc plan --comment`

use super::{BODY_CHARS, Connections, delivered, now, this_repository};
use crate::cli::output::Output;
use crate::cli::planned::Planned;
use crate::cli::{Failure, inputs};
use crate::deliver::github::CommentOutcome;

/// What the comment is found by. There is one for each pull request.
const TAG: &str = "llmc";

/// Says `planned` in the one comment of pull request `number`. Stacks that are delivered to another
/// repository are compared with what stands there.
pub(in crate::cli) fn comment(planned: &mut Planned, number: u64, output: &mut Output) -> Result<(), Failure> {
    // Before anything is read, so that a run that saw older files never looks newer.
    let valid_at = now();
    let mut connections = Connections::new();
    delivered::compare(planned, &mut connections, |stack| delivered::deliver(stack).is_some_and(|d| d.repository.is_some()))?;
    planned.judge(output);
    let repository = this_repository(&inputs::here())?;
    let text = planned.markdown(BODY_CHARS);
    let outcome = connections.to(&repository)?.comment(&repository, number, TAG, &valid_at, &text)?;
    let line = match outcome {
        CommentOutcome::Created { url } => format!("commented on #{number}: {url}"),
        CommentOutcome::Updated { url } => format!("updated the comment on #{number}: {url}"),
        CommentOutcome::Unchanged { url } => format!("the comment on #{number} says the same already: {url}"),
        CommentOutcome::NewerStands { url, valid_at } => {
            format!("a newer plan, of {valid_at}, stands in the comment on #{number}, which stays: {url}")
        }
    };
    output.note(&format!("{line}\n"));
    Ok(())
}
