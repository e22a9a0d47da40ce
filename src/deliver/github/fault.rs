//! Why nothing was delivered, in words that say what to do.

use std::fmt;

use crate::emit::MANIFEST_FILE;

/// A commit on llmc's branch that llmc did not make. All of it is safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HumanCommit {
    /// The commit's name.
    pub sha: String,
    /// Login of its author, or the name that it gives itself.
    pub author: String,
    /// First line of its message.
    pub summary: String,
}

/// Why nothing was delivered. No text in it holds a token: all that a server said is redacted,
/// escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection cannot be opened as it is described.
    Config(String),
    /// 401: the token is missing, expired or wrong.
    Token(String),
    /// 403 or a GraphQL `FORBIDDEN`.
    Forbidden {
        /// What was tried.
        doing: String,
        /// The permission that it needs, such as `contents: write`.
        needs: &'static str,
        /// GitHub's words.
        message: String,
    },
    /// 404 or a GraphQL `NOT_FOUND`.
    NotFound {
        /// What is not there.
        what: String,
        /// The permission that seeing it needs.
        needs: &'static str,
    },
    /// The branch that the pull request is to go into does not exist.
    NoBase {
        /// Owner and name of the repository.
        repository: String,
        /// The branch; none when the repository is empty.
        base: Option<String>,
    },
    /// The repository has another name or place now.
    Moved {
        /// What was asked for.
        from: String,
        /// Where it is.
        to: String,
    },
    /// 409, 422 and whatever else GitHub refuses.
    Refused {
        /// What was tried.
        doing: String,
        /// HTTP status; 200 for a GraphQL error.
        status: u16,
        /// GitHub's words.
        message: String,
    },
    /// GitHub asks to come back later than the time that was allowed.
    RateLimited {
        /// What was tried.
        doing: String,
        /// Seconds until it may be tried again.
        seconds: u64,
    },
    /// Cut connections, time-outs and 5xx answers, until the time allowed for retries was over.
    Unreachable {
        /// What was tried.
        doing: String,
        /// What happened the last time.
        message: String,
    },
    /// An answer that makes no sense.
    Answer {
        /// What was tried.
        doing: String,
        /// What is wrong with the answer.
        message: String,
    },
    /// Somebody else committed to llmc's branch.
    HumanCommits {
        /// The branch.
        branch: String,
        /// Their commits, oldest first; the first ten.
        commits: Vec<HumanCommit>,
        /// The newest commit of llmc's on it, if there is one.
        ours: Option<String>,
    },
    /// Files at the base that were changed by hand since they were compiled.
    Edited(Vec<String>),
    /// Files at the base that stand in the way and that llmc did not write.
    Foreign(Vec<String>),
    /// More than llmc or GitHub takes.
    TooLarge(String),
    /// The branch was moved by others as often as it was tried.
    Racing {
        /// The branch.
        branch: String,
        /// What GitHub said last.
        message: String,
    },
}

impl Fault {
    /// Whether asking for something else of the same server would end in the same way.
    pub fn is_of_server(&self) -> bool {
        matches!(self, Self::Token(_) | Self::RateLimited { .. } | Self::Unreachable { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message) | Self::TooLarge(message) => f.write_str(message),
            Self::Token(message) => {
                write!(f, "GitHub does not accept the token ({message}); it is missing, expired or revoked: give a new one")
            }
            Self::Forbidden { doing, needs, message } => {
                write!(f, "cannot {doing}: the token may not ({message}); it needs the permission {needs}")
            }
            Self::NotFound { what, needs } => write!(
                f,
                "{what} is not there, or the token may not see it; check the name, and that the token covers the repository with {needs}"
            ),
            Self::NoBase { repository, base: Some(base) } => {
                write!(f, "{repository} has no branch `{base}`; create it, or name another as the base")
            }
            Self::NoBase { repository, base: None } => write!(f, "{repository} is empty; it needs a first commit on its default branch"),
            Self::Moved { from, to } => write!(f, "{from} has moved to {to}; name that one: a token is not sent after a redirect"),
            Self::Refused { doing, status, message } => write!(f, "cannot {doing}: GitHub refuses ({status}): {message}"),
            Self::RateLimited { doing, seconds } => {
                write!(f, "cannot {doing} yet: GitHub's rate limit asks to wait {seconds} s, longer than allowed; run it again after that")
            }
            Self::Unreachable { doing, message } => {
                write!(f, "cannot {doing}: {message}, also after retries; what was done so far is found and finished by the next run")
            }
            Self::Answer { doing, message } => write!(f, "cannot {doing}: the server's answer makes no sense: {message}"),
            Self::HumanCommits { branch, commits, ours } => {
                let shown: Vec<_> = commits.iter().map(|c| format!("{:.7} by {} \"{}\"", c.sha, c.author, c.summary)).collect();
                write!(f, "somebody else committed to `{branch}`: {}; move the change into the spec, then ", shown.join(", "))?;
                match ours {
                    Some(ours) => write!(f, "set the branch back to {ours:.7} or delete it"),
                    None => write!(f, "delete the branch"),
                }
            }
            Self::Edited(paths) => write!(
                f,
                "edited by hand since it was compiled: {}; move the change into the spec, or discard it with --overwrite",
                list(paths)
            ),
            Self::Foreign(paths) => write!(
                f,
                "not written by llmc, as {MANIFEST_FILE} at the base says, and in the way: {}; name another folder, or replace them with --overwrite",
                list(paths)
            ),
            Self::Racing { branch, message } => {
                write!(f, "`{branch}` was changed by others each time that it was about to be ({message}); run it again")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// The first paths, and how many more there are.
fn list(paths: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<String> = paths.iter().take(SHOWN).map(|path| crate::diagnostic::printable(path)).collect();
    if paths.len() > SHOWN {
        text.push(format!("and {} more", paths.len() - SHOWN));
    }
    text.join(", ")
}
