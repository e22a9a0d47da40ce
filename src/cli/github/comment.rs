//! `llmc plan --comment`

use super::delivered::{self, is_elsewhere};
use super::{BODY_CHARS, Connections, now, this_repository};
use crate::cli::output::Output;
use crate::cli::planned::Planned;
use crate::cli::{Failure, inputs};
use crate::deliver::github::CommentOutcome;

/// What the comment is found by. There is one for each pull request.
const TAG: &str = "llmc";

/// A comment that is to be made.
pub(in crate::cli) struct Comment {
    number: u64,
    /// Since when it is true.
    valid_at: String,
    connections: Connections,
}

impl Comment {
    /// To be called before anything is read, so that a run that saw older files never looks newer.
    pub(in crate::cli) fn begin(number: u64) -> Self {
        Self { number, valid_at: now(), connections: Connections::new() }
    }

    /// Compares the stacks that are delivered elsewhere than `generated/` with what stands there.
    pub(in crate::cli) fn compare(&mut self, planned: &mut Planned) -> Result<(), Failure> {
        let compared = delivered::compare(planned, &mut self.connections, is_elsewhere)?;
        // A plan without one of its stacks would be read as if nothing changed in it.
        compared.unread.into_iter().next().map_or(Ok(()), |(name, fault)| Err(format!("{name}: {fault}").into()))
    }

    /// Says `planned` in the one comment of the pull request. Where no stack is affected, none is
    /// made, and one that is there says so.
    pub(in crate::cli) fn say(&mut self, planned: &Planned, output: &mut Output) -> Result<(), Failure> {
        let (number, valid_at) = (self.number, &self.valid_at);
        let repository = this_repository(&inputs::here())?;
        let text = planned.markdown(BODY_CHARS);
        let is_worth_one = !planned.stacks.is_empty() || !planned.failed.is_empty();
        let connection = self.connections.to(&repository)?;
        let outcome = connection.comment(&repository, number, TAG, valid_at, &text, is_worth_one)?;
        let line = match outcome {
            CommentOutcome::Created { url } => format!("commented on #{number}: {url}"),
            CommentOutcome::Updated { url } => format!("updated the comment on #{number}: {url}"),
            CommentOutcome::Unchanged { url } => format!("the comment on #{number} says the same already: {url}"),
            CommentOutcome::NotNeeded => format!("no comment on #{number}: no stack is affected"),
            CommentOutcome::NewerStands { url, valid_at } => {
                format!("a newer plan, of {valid_at}, stands in the comment on #{number}, which stays: {url}")
            }
        };
        output.note(&format!("{line}\n"));
        Ok(())
    }
}
