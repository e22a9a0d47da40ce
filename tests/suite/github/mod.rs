//! Delivery to GitHub, against a server that keeps real state and misbehaves when it is told to.

mod comments;
mod flows;
mod matrix;
mod refusals;
mod size;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use llmc::deliver::github::{Auth, Config, Connection, Fault, Outcome, Proposal, Secret, Standing, Target};
use llmc::emit::{FileSet, MANIFEST_FILE, Manifest, RECORD_FILE, sha256};
use serde_json::{Value, json};

use crate::harness::root;

pub const TOKEN: &str = "not-a-real-token";
pub const FOLDER: &str = "clusters/prod/support";
pub const BRANCH: &str = "llmc/support";

/// A running `tests/fakes/github`.
pub struct Fake {
    child: Child,
    pub url: String,
}

impl Fake {
    pub fn start() -> Self {
        let mut child = Command::new("python3")
            .arg(root().join("tests/fakes/github"))
            .args(["--minutes", "10"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        Self { child, url: line.trim().to_owned() }
    }

    /// Tells the server something; gives its answer.
    pub fn tell(&self, what: &str, body: &Value) -> Value {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the fake listens");
        let body = body.to_string();
        let request =
            format!("POST /_/{what} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        serde_json::from_str(body).expect("JSON")
    }

    /// Makes the repository `name` with `files` on `main`.
    pub fn load(&self, name: &str, files: &BTreeMap<String, String>) {
        self.tell("load", &json!({ "repository": name, "files": files }));
    }

    pub fn state(&self, name: &str) -> Value {
        self.tell("state", &json!({ "repository": name }))
    }

    /// Requests since the last call.
    pub fn log(&self) -> Vec<String> {
        let log = self.tell("log", &json!({}));
        log["requests"].as_array().expect("a list").iter().map(|r| r.as_str().expect("text").to_owned()).collect()
    }

    pub fn fault(&self, fault: &Value) {
        self.tell("fault", fault);
    }

    /// Ends every fault; gives the number of those that never struck.
    pub fn heal(&self) -> u64 {
        self.tell("heal", &json!({}))["unused"].as_u64().expect("a number")
    }

    /// A commit by a person.
    pub fn person(&self, name: &str, branch: &str, path: &str, text: &str) -> String {
        let answer = self.tell("commit", &json!({ "repository": name, "branch": branch, "add": { path: text } }));
        answer["sha"].as_str().expect("a commit").to_owned()
    }

    pub fn merge(&self, name: &str, from: &str, into: &str, squash: bool) {
        self.tell("merge", &json!({ "repository": name, "from": from, "into": into, "squash": squash }));
    }

    pub fn assert_sound(&self, name: &str) {
        let check = self.tell("fsck", &json!({ "repository": name }));
        assert_eq!(check["code"], 0, "git fsck --strict: {}", check["output"]);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection, and what it said and waited.
pub struct Client {
    pub connection: Connection,
    pub said: Rc<RefCell<Vec<String>>>,
    pub slept: Rc<RefCell<Duration>>,
}

pub fn config(url: &str, auth: Auth, said: &Rc<RefCell<Vec<String>>>, slept: &Rc<RefCell<Duration>>) -> Config {
    let (said, slept) = (Rc::clone(said), Rc::clone(slept));
    Config {
        api_url: url.to_owned(),
        graphql_url: None,
        auth,
        most_wait: Duration::from_secs(300),
        most_request: Duration::from_secs(20),
        progress: Box::new(move |line| said.borrow_mut().push(line.to_owned())),
        sleep: Box::new(move |time| *slept.borrow_mut() += time),
        now: Box::new(|| UNIX_EPOCH),
    }
}

pub fn client_with(url: &str, token: &str, change: impl FnOnce(&mut Config)) -> Result<Client, Fault> {
    let (said, slept) = (Rc::default(), Rc::default());
    let mut config = config(url, Auth::Token(Secret::new(token)), &said, &slept);
    change(&mut config);
    Ok(Client { connection: Connection::open(config)?, said, slept })
}

pub fn client(fake: &Fake) -> Client {
    client_with(&fake.url, TOKEN, |_| {}).expect("a connection")
}

pub fn target(name: &str) -> Target {
    Target { repository: name.to_owned(), base: None, folder: FOLDER.to_owned(), branch: BRANCH.to_owned() }
}

/// `count` files and their manifest; `version` changes each of them.
pub fn files(count: usize, version: &str) -> FileSet {
    let mut set = FileSet::default();
    for index in 0..count {
        set.insert(format!("objects/{:02}/object-{index}.yaml", index % 7), format!("version: {version}\nindex: {index}\n"));
    }
    sealed(set, version)
}

/// A set with its record and manifest.
pub fn sealed(mut set: FileSet, version: &str) -> FileSet {
    set.insert(RECORD_FILE, format!("{{\"stack\": \"support\", \"version\": \"{version}\"}}\n"));
    let manifest = Manifest {
        format_version: 1,
        llmc_version: "0.1.0".into(),
        stack: "support".into(),
        inputs_sha256: sha256(version.as_bytes()),
        engines: BTreeMap::new(),
        gpus: BTreeMap::new(),
        memory_headroom_percent: BTreeMap::new(),
        monthly: None,
        files: set.iter().map(|(path, text)| (path.to_owned(), sha256(text.as_bytes()))).collect(),
    };
    set.insert(MANIFEST_FILE, manifest.to_json());
    set
}

/// `set` below the stack's folder, beside files of others.
pub fn committed(set: &FileSet) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = set.iter().map(|(path, text)| (format!("{FOLDER}/{path}"), text.to_owned())).collect();
    all.insert("README.md".into(), "# gitops\n".into());
    all.insert("clusters/prod/other/a.yaml".into(), "a: 1\n".into());
    all
}

pub fn proposal(version: &str) -> Proposal {
    Proposal {
        title: format!("support: version {version}"),
        body: format!("Version {version}."),
        labels: vec!["llmc".into()],
        reviewers: vec!["alice".into(), "acme/platform".into()],
        draft: false,
        plan_sha256: sha256(version.as_bytes()),
        overwrite: false,
    }
}

/// One whole run, as `apply --pr` does it.
pub fn run(client: &Client, name: &str, set: &FileSet, version: &str) -> Result<Outcome, Fault> {
    let target = target(name);
    let standing = client.connection.standing(&target, set)?;
    client.connection.propose(&target, &standing, set, &proposal(version))
}

pub fn standing(client: &Client, name: &str, set: &FileSet) -> Standing {
    client.connection.standing(&target(name), set).expect("it can be read")
}

/// The files below the folder on a branch.
pub fn on(state: &Value, branch: &str) -> BTreeMap<String, String> {
    let files = state["branches"][branch]["files"].as_object().unwrap_or_else(|| panic!("no branch {branch}"));
    let below = |(path, text): (&String, &Value)| Some((path.strip_prefix(FOLDER)?[1..].to_owned(), text.as_str()?.to_owned()));
    files.iter().filter_map(below).collect()
}

/// The files of a set, as [`on`] gives them.
pub fn texts(set: &FileSet) -> BTreeMap<String, String> {
    set.iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

pub fn pulls(state: &Value, which: &str) -> Vec<Value> {
    state["pulls"].as_array().expect("a list").iter().filter(|pull| pull["state"] == which).cloned().collect()
}
