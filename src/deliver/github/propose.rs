//! From files to a pull request that says so, whatever is there already.

use super::call::Failure;
use super::commit::Move;
use super::object::{Listing, tree_oid};
use super::pull::Pull;
use super::view::{Head, View};
use super::{Connection, Fault, Standing, Target};
use crate::emit::FileSet;

/// How often a step is looked at again after somebody else moved something.
const MOST_LOOKS: usize = 8;

/// What a pull request says.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// Title of the pull request, and headline of the commit.
    pub title: String,
    /// Markdown of the pull request. A hidden line with the plan's digest is added.
    pub body: String,
    /// Labels that it gets.
    pub labels: Vec<String>,
    /// Who is asked to review when it is opened: a login, or `owner/team`.
    pub reviewers: Vec<String>,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// Digest of the plan. A pull request that a person closed is not opened again for the same one.
    pub plan_sha256: String,
    /// Whether changes by hand at the base are discarded.
    pub overwrite: bool,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where people see it.
    pub url: String,
    /// The commit that was made, if one was needed.
    pub commit: Option<String>,
    /// What did not work and does not matter much: labels, reviewers.
    pub warnings: Vec<String>,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The base holds the files, and there is no branch.
    NothingToDo,
    /// The pull request was there and says all of it.
    UpToDate(PullRequest),
    /// The pull request is new.
    Opened(PullRequest),
    /// The pull request was there and was changed.
    Updated(PullRequest),
    /// The base holds the files, so the pull request was closed and its branch deleted.
    Closed {
        /// Its number.
        number: u64,
    },
    /// The base holds the files and there was a branch without a pull request, which was deleted.
    BranchDeleted,
    /// A person closed the pull request for the same plan. It stays closed until the plan changes or
    /// they open it again.
    LeftClosed {
        /// Its number.
        number: u64,
        /// Where people see it.
        url: String,
    },
}

/// What is to be done.
pub(super) struct Job<'a> {
    pub target: &'a Target,
    pub standing: &'a Standing,
    pub files: &'a FileSet,
    pub proposal: &'a Proposal,
}

/// What this run did so far, however often it looked.
#[derive(Default)]
struct Done {
    commit: Option<String>,
    closed: Option<u64>,
    deleted: bool,
    /// Whether it tried to open the pull request, and so may have.
    tried_to_open: bool,
    warnings: Vec<String>,
}

impl Connection {
    /// Proposes `files` as the stack's folder, against what `standing` says of the base.
    ///
    /// # Errors
    /// When somebody else committed to the branch, files at the base were edited by hand, or the
    /// server refuses or cannot be reached. Whatever was done by then is found by the next run.
    pub fn propose(&self, target: &Target, standing: &Standing, files: &FileSet, proposal: &Proposal) -> Result<Outcome, Fault> {
        target.check()?;
        if proposal.title.trim().is_empty() || proposal.title.chars().any(char::is_control) {
            return Err(Fault::Config("the title of the pull request must be one line".to_owned()));
        }
        if proposal.plan_sha256.is_empty() || !proposal.plan_sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Fault::Config("the plan's digest must be hexadecimal digits".to_owned()));
        }
        let job = Job { target, standing, files, proposal };
        job.check_body()?;
        let wanted = standing.wanted(files, proposal.overwrite)?;
        let wanted_tree = tree_oid(&wanted).map_err(|path| Fault::Foreign(vec![path]))?;
        self.begin();
        let mut done = Done::default();
        let mut last = String::new();
        for look in 0..MOST_LOOKS {
            let view = if look == 0 { Ok(standing.view.clone()) } else { self.look(target) };
            match view.and_then(|view| self.step(&job, &view, &wanted, wanted_tree.as_deref(), &mut done)) {
                Ok(outcome) => return Ok(outcome),
                Err(Failure::Stop(fault)) => return Err(fault),
                Err(Failure::Again(fault)) => last = fault.to_string(),
            }
        }
        Err(Fault::Racing { branch: target.branch.clone(), message: last })
    }

    /// Does all that `view` asks for, or says that another look is needed.
    fn step(&self, job: &Job<'_>, view: &View, wanted: &Listing, tree: Option<&str>, done: &mut Done) -> Result<Outcome, Failure> {
        if !view.stale.is_empty() {
            self.sweep(job, view, &view.stale)?;
        }
        if tree == job.standing.view.base_folder.as_deref() {
            return self.withdraw(job, view, done);
        }
        let base = &job.standing.view.base_head;
        let ours = match &view.branch {
            Some(head) => Some((head, self.inspect(job.target, &base.commit, head)?)),
            None => None,
        };
        let pulls = self.pull_requests(job)?;
        let open = pulls.iter().find(|pull| pull.is_open);
        if let Some(pull) = pulls.first().filter(|pull| open.is_none() && pull.is_refusal_of(&job.proposal.plan_sha256)) {
            return Ok(Outcome::LeftClosed { number: pull.number, url: pull.url.clone() });
        }
        match ours {
            None => {
                self.say(&format!("creating {}", job.target.branch));
                self.create_ref(job, &job.target.branch_ref(), &base.commit)?;
                done.commit = self.append(job, view, base, &job.standing.listing, wanted)?;
            }
            Some((_, ours)) if ours.is_base_still && ours.folder.as_deref() == tree => {}
            Some((head, ours)) if ours.is_base_still => {
                let listed = match &ours.folder {
                    folder if *folder == job.standing.view.base_folder => None,
                    None => Some(Listing::new()),
                    Some(folder) => Some(self.list(job.target, folder)?),
                };
                done.commit = self.extend(job, view, head, listed.as_ref().unwrap_or(&job.standing.listing), wanted)?;
            }
            Some((head, _)) => done.commit = Some(self.rebuild(job, view, head, wanted)?),
        }
        self.tell(job, open, done)
    }

    /// Appends to the branch, or rebuilds it where its files do not suffice.
    fn extend(&self, job: &Job<'_>, view: &View, head: &Head, from: &Listing, wanted: &Listing) -> Result<Option<String>, Failure> {
        match self.append(job, view, head, from, wanted)? {
            Some(commit) => Ok(Some(commit)),
            None => self.rebuild(job, view, head, wanted).map(Some),
        }
    }

    /// Makes the pull request say what the branch holds.
    fn tell(&self, job: &Job<'_>, open: Option<&Pull>, done: &mut Done) -> Result<Outcome, Failure> {
        let (pull, is_new, changed, has) = match open {
            Some(pull) => {
                let changed = self.describe(job, pull)?;
                let known = PullRequest { number: pull.number, url: pull.url.clone(), commit: None, warnings: Vec::new() };
                (known, done.tried_to_open, changed, pull.labels.as_slice())
            }
            None => {
                done.tried_to_open = true;
                (self.open_pull_request(job, &mut done.warnings)?, true, false, [].as_slice())
            }
        };
        let labelled = self.label(job, pull.number, has, &mut done.warnings);
        if is_new {
            self.ask_reviewers(job, pull.number, &mut done.warnings);
        }
        let commit = done.commit.take();
        let changed = changed || labelled || commit.is_some();
        let pull = PullRequest { commit, warnings: std::mem::take(&mut done.warnings), ..pull };
        Ok(match (is_new, changed) {
            (true, _) => Outcome::Opened(pull),
            (false, true) => Outcome::Updated(pull),
            (false, false) => Outcome::UpToDate(pull),
        })
    }

    /// Nothing is left to change: closes the pull request and deletes the branch.
    fn withdraw(&self, job: &Job<'_>, view: &View, done: &mut Done) -> Result<Outcome, Failure> {
        if let Some(head) = &view.branch {
            self.inspect(job.target, &job.standing.view.base_head.commit, head)?;
            for pull in self.pull_requests(job)?.iter().filter(|pull| pull.is_open) {
                self.close(job, pull)?;
                done.closed = Some(pull.number);
            }
            self.say(&format!("deleting {}", job.target.branch));
            // A deletion whose answer was lost is seen by the next look.
            done.deleted = true;
            let name = job.target.branch_ref();
            self.move_refs(job, view, &[Move { name: &name, from: &head.commit, to: None }])?;
        }
        Ok(match (done.closed, done.deleted) {
            (Some(number), _) => Outcome::Closed { number },
            (None, true) => Outcome::BranchDeleted,
            (None, false) => Outcome::NothingToDo,
        })
    }
}
