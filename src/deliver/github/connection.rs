//! One server and how to speak to it.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

use octocrab::Octocrab;

use super::Fault;
use super::address::Address;
use crate::diagnostic::{printable, redact};

/// Longest text of a server that is shown, in characters.
const MOST_SHOWN: usize = 500;

/// A secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `secret`, without the line breaks around it that a file or a variable may end in.
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who llmc is to the server.
#[derive(Clone, Debug)]
pub enum Auth {
    /// A personal token, or the one that a workflow has.
    Token(Secret),
    /// A GitHub App, which gets a token for one repository.
    #[cfg(feature = "github-app")]
    App {
        /// Number of the App.
        id: u64,
        /// Its private key, as PEM.
        private_key: Secret,
        /// Owner and name of the repository that the token is for.
        repository: String,
    },
}

/// How to reach a server. Time comes from outside, so that a test need not wait.
pub struct Config {
    /// Address of the REST API, such as `https://api.github.com`.
    pub api_url: String,
    /// Address of GraphQL, where it is not where GitHub has it.
    pub graphql_url: Option<String>,
    /// Who llmc is.
    pub auth: Auth,
    /// Most time that one operation waits before retries, all together.
    pub most_wait: Duration,
    /// Most time that one request takes.
    pub most_request: Duration,
    /// Is told what is going on, a line at a time.
    pub progress: Box<dyn Fn(&str)>,
    /// Waits.
    pub sleep: Box<dyn Fn(Duration)>,
    /// The time, which GitHub's rate limits refer to.
    pub now: Box<dyn Fn() -> SystemTime>,
}

/// An open connection. Its operations block.
pub struct Connection {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) client: Octocrab,
    pub(super) address: Address,
    pub(super) config: Config,
    secrets: Vec<String>,
    /// Time waited in the current operation.
    pub(super) waited: Cell<Duration>,
    /// Waits in the current operation, which double.
    pub(super) waits: Cell<u32>,
    pub(super) requests: Cell<u64>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens a connection. With a token nothing is sent yet; an App gets its token here.
    ///
    /// # Errors
    /// When the address or the token cannot be used, or the App gets no token.
    pub fn open(config: Config) -> Result<Self, Fault> {
        let address = Address::new(&config.api_url, config.graphql_url.as_deref())?;
        let unusable = |error: std::io::Error| Fault::Config(format!("cannot speak to any server: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(unusable)?;
        let (client, secret) = match &config.auth {
            Auth::Token(token) => (token_client(&runtime, &address, &config, token)?, token.0.clone()),
            #[cfg(feature = "github-app")]
            Auth::App { id, private_key, .. } => (app_client(&runtime, &address, &config, *id, private_key)?, private_key.0.clone()),
        };
        let connection = Self {
            runtime,
            client,
            address,
            config,
            secrets: vec![secret],
            waited: Cell::default(),
            waits: Cell::default(),
            requests: Cell::default(),
        };
        #[cfg(feature = "github-app")]
        let connection = connection.exchange()?;
        Ok(connection)
    }

    /// Requests sent so far, retries included.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Begins an operation, whose waits are bounded together.
    pub(super) fn begin(&self) {
        self.waited.set(Duration::ZERO);
        self.waits.set(0);
    }

    /// Tells what is going on.
    pub(super) fn say(&self, line: &str) {
        (self.config.progress)(&self.clean(line));
    }

    /// Text of a server, safe to show: without secrets, on one line, not too long.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.iter().flat_map(|s| s.lines()).filter(|line| line.len() > 3) {
            text = text.replace(secret, "…");
        }
        let text = printable(&redact(&text));
        if text.chars().count() <= MOST_SHOWN {
            return text;
        }
        text.chars().take(MOST_SHOWN).chain(['…']).collect()
    }

    /// Gets an App's token for its repository, and goes on with that.
    #[cfg(feature = "github-app")]
    fn exchange(mut self) -> Result<Self, Fault> {
        let Auth::App { repository, .. } = &self.config.auth else { return Ok(self) };
        let token = Secret(super::app::token(&self, repository)?);
        self.secrets.push(token.0.clone());
        self.client = token_client(&self.runtime, &self.address, &self.config, &token)?;
        Ok(self)
    }
}

fn token_client(runtime: &tokio::runtime::Runtime, address: &Address, config: &Config, token: &Secret) -> Result<Octocrab, Fault> {
    // It becomes a header: anything else would be sent as several, or not at all.
    if token.0.is_empty() || !token.0.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Fault::Token("it is empty, or holds a space or another character that no token has".to_owned()));
    }
    build(runtime, address, config, |builder| Ok(builder.personal_token(token.0.clone())))
}

#[cfg(feature = "github-app")]
fn app_client(runtime: &tokio::runtime::Runtime, address: &Address, config: &Config, id: u64, key: &Secret) -> Result<Octocrab, Fault> {
    build(runtime, address, config, |builder| builder.app_from_rsa_pem(id.into(), key.0.as_bytes()))
}

type Builder =
    octocrab::OctocrabBuilder<octocrab::NoSvc, octocrab::DefaultOctocrabBuilderConfig, octocrab::NoAuth, octocrab::NotLayerReady>;

fn build(
    runtime: &tokio::runtime::Runtime,
    address: &Address,
    config: &Config,
    auth: impl FnOnce(Builder) -> octocrab::Result<Builder>,
) -> Result<Octocrab, Fault> {
    // The client starts a task, for which it needs a runtime.
    let _inside = runtime.enter();
    let limit = Some(config.most_request);
    let build = || {
        let builder = Octocrab::builder().base_uri(address.origin.as_str())?;
        auth(builder.set_connect_timeout(limit).set_read_timeout(limit).set_write_timeout(limit))?.build()
    };
    // The words of the error could quote a key.
    build().map_err(|_| Fault::Config("the credentials or the address cannot be used; a private key must be RSA, as PEM".to_owned()))
}
