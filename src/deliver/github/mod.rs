//! Pull requests and comments on GitHub and GitHub Enterprise.
//!
//! A stack has one fixed branch and at most one open pull request. [`Connection::propose`] looks at
//! what is there, does the next step, and looks again when it cannot know whether a step took
//! effect, so that a run that was cut off anywhere is finished by the next one:
//!
//! * every commit names the folder's tree that it leads to, in a trailer; a branch whose folder is
//!   another is one that somebody else committed to, and is left alone;
//! * every write names the commit that it was made for (`expectedHeadOid`, `beforeOid`), so that a
//!   push in between makes it fail instead of being lost.

mod address;
#[cfg(feature = "github-app")]
mod app;
mod branch;
mod call;
mod comment;
mod commit;
mod connection;
mod fault;
mod object;
mod propose;
mod pull;
mod standing;
mod view;

pub use comment::{CommentOutcome, MOST_BODY};
pub use connection::{Auth, Config, Connection, Secret};
pub use fault::{Fault, HumanCommit};
pub use propose::{Outcome, Proposal, PullRequest};
pub use standing::Standing;

/// Where a stack's tree goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Owner and name of the repository.
    pub repository: String,
    /// Branch that the pull request goes into; none for the repository's default branch.
    pub base: Option<String>,
    /// Folder of the stack, such as `clusters/prod/customer-support`.
    pub folder: String,
    /// Branch that llmc commits to, such as `llmc/customer-support`. It belongs to this stack alone.
    pub branch: String,
}

impl Target {
    /// Refuses what would not be the address of one folder of one repository.
    fn check(&self) -> Result<(), Fault> {
        let wrong = |what: &str, value: &str| Err(Fault::Config(format!("`{}` is no {what}", crate::diagnostic::printable(value))));
        check_repository(&self.repository)?;
        for branch in self.base.iter().chain([&self.branch]) {
            // A part of what Git allows, and all that is safe in an address and in a revision.
            let parts = branch.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"));
            let plain = branch.chars().all(|c| c.is_alphanumeric() || "-._/+@".contains(c));
            if !parts || !plain || branch.len() > 200 || branch.contains("..") || branch.starts_with('-') || branch.ends_with('.') {
                return wrong("branch name", branch);
            }
        }
        let part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
        let plain = |c: char| !c.is_control() && !"\\:*?\"<>|".contains(c);
        if !self.folder.split('/').all(part) || !self.folder.chars().all(plain) || self.folder.len() > 500 {
            return wrong("folder of a repository; write one such as `generated/customer-support`", &self.folder);
        }
        if self.base.as_ref() == Some(&self.branch) {
            return Err(Fault::Config(format!("`{}` is the base; llmc's own branch must be another", self.branch)));
        }
        Ok(())
    }

    /// The part of the repository's name before `/`.
    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }
}

/// Refuses what is not `owner/name`.
fn check_repository(repository: &str) -> Result<(), Fault> {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part.chars().any(|c| c != '.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    };
    match repository.split_once('/') {
        Some((owner, name)) if part(owner) && part(name) => Ok(()),
        _ => Err(Fault::Config(format!("`{}` is no repository; write owner/name", crate::diagnostic::printable(repository)))),
    }
}
