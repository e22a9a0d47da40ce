//! GitHub, as the environment names it: where it is, who llmc is there, and which repository the
//! command runs in.

mod comment;
mod delivered;
mod propose;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) use comment::Comment;
pub(super) use propose::propose;

use super::Failure;
use super::progress::Progress;
use crate::deliver::git;
use crate::deliver::github::{Auth, Config, Connection, MOST_BODY, Secret};

/// Address of GitHub itself.
const PUBLIC_API: &str = "https://api.github.com";
/// Longest time that one operation waits for GitHub, all retries together.
const MOST_WAIT: Duration = Duration::from_secs(300);
/// Longest time that one request takes.
const MOST_REQUEST: Duration = Duration::from_secs(60);

/// Most characters of a text: what GitHub takes, less room for the hidden line that `deliver` adds.
const BODY_CHARS: usize = MOST_BODY - 200;

/// Connections, one for each repository, since an App's token is for one.
pub(super) struct Connections {
    open: BTreeMap<String, Connection>,
    progress: Rc<Progress>,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self { open: BTreeMap::new(), progress: Rc::new(Progress::start("asking GitHub")) }
    }

    /// The connection for `repository`.
    pub(super) fn to(&mut self, repository: &str) -> Result<&Connection, Failure> {
        if !self.open.contains_key(repository) {
            let connection = Connection::open(self.config(repository)?)?;
            self.open.insert(repository.to_owned(), connection);
        }
        self.open.get(repository).ok_or_else(|| Failure::Message(format!("no connection for `{repository}`")))
    }

    /// Requests sent over all of them.
    pub(super) fn requests(&self) -> u64 {
        self.open.values().map(Connection::requests).sum()
    }

    fn config(&self, repository: &str) -> Result<Config, Failure> {
        let progress = Rc::clone(&self.progress);
        Ok(Config {
            api_url: variable("GITHUB_API_URL").unwrap_or_else(|| PUBLIC_API.to_owned()),
            graphql_url: variable("GITHUB_GRAPHQL_URL"),
            auth: auth(repository)?,
            most_wait: MOST_WAIT,
            most_request: MOST_REQUEST,
            progress: Box::new(move |line| progress.say(line)),
            sleep: Box::new(std::thread::sleep),
            now: Box::new(SystemTime::now),
        })
    }
}

/// Owner and name of the repository that `folder` lies in.
pub(super) fn this_repository(folder: &Path) -> Result<String, Failure> {
    if let Some(repository) = variable("GITHUB_REPOSITORY") {
        return Ok(repository);
    }
    let origin = git::Repository::open(folder).and_then(|repository| repository.owner_and_name());
    origin.map_err(|fault| {
        let fix = "say `deliver \"github\" { repository \"owner/name\" }` in the spec, or set GITHUB_REPOSITORY=owner/name";
        Failure::Message(format!("which repository is it? {fault}; {fix}"))
    })
}

/// Now, as RFC 3339 in UTC.
pub(super) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let day = crate::policy::Day::from_unix_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let of_day = seconds % 86_400;
    format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

#[cfg(not(feature = "github-app"))]
fn auth(_repository: &str) -> Result<Auth, Failure> {
    token()
}

/// The App of the environment, where there is one, else the token.
#[cfg(feature = "github-app")]
fn auth(repository: &str) -> Result<Auth, Failure> {
    let (Some(id), Some(key)) = (variable("LLMC_GITHUB_APP_ID"), variable("LLMC_GITHUB_APP_PRIVATE_KEY")) else { return token() };
    let id = id.trim().parse().map_err(|_| Failure::Message("LLMC_GITHUB_APP_ID is not a number".to_owned()))?;
    Ok(Auth::App { id, private_key: Secret::new(&key), repository: repository.to_owned() })
}

fn token() -> Result<Auth, Failure> {
    let token = variable("GITHUB_TOKEN").ok_or_else(|| {
        let needs = "one that may write `contents` and `pull_requests` of the repository";
        Failure::Message(format!("GITHUB_TOKEN is not set; it must hold a token of GitHub, {needs}"))
    })?;
    Ok(Auth::Token(Secret::new(&token)))
}
