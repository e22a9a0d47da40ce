//! Every fault at every request of every kind of run. Whatever the faulted run made of it, after one
//! more run there is one pull request, one comment, and every commit of a person's.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use llmc::deliver::github::{CommentOutcome, Fault, Outcome};
use serde_json::{Value, json};

use super::{BRANCH, Client, FOLDER, Fake, TOKEN, client, client_with, committed, files, on, pulls, run, texts};

/// The server's faults, and the end of the process after a request took effect.
const KINDS: [&str; 18] = [
    "401",
    "403",
    "403-retry-after",
    "403-rate-limit",
    "429",
    "404",
    "409",
    "422",
    "500",
    "502",
    "502-after",
    "slow",
    "cut-before",
    "cut-after",
    "garbled",
    "race",
    "duplicate",
    "killed-after",
];

/// A kind of run.
struct Flow {
    /// What the repository looks like before.
    prepare: fn(&Fake, &Client),
    run: fn(&Client, &str) -> Result<String, Fault>,
    check: fn(&Fake, &str, &str, &Result<String, Fault>),
}

const BEFORE: &str = "acme/before";

fn name_of<T: std::fmt::Debug>(outcome: T) -> String {
    format!("{outcome:?}").chars().take_while(char::is_ascii_alphabetic).collect()
}

fn deliver(client: &Client, name: &str, version: &str) -> Result<String, Fault> {
    run(client, name, &files(5, version), version).map(name_of)
}

fn compiled(fake: &Fake, _: &Client) {
    fake.load(BEFORE, &committed(&files(6, "1")));
}

fn opened(fake: &Fake, client: &Client) {
    compiled(fake, client);
    assert!(matches!(run(client, BEFORE, &files(5, "2"), "2"), Ok(Outcome::Opened(_))));
}

/// A person's commit during the faulted run must stay, and stops the next one.
fn check_person(state: &Value, healthy: &Result<String, Fault>) -> bool {
    for commit in state["people"].as_array().expect("a list") {
        let history = state["branches"][BRANCH]["history"].as_array().expect("a branch that is still there");
        assert!(history.contains(commit), "a person's commit is lost");
        assert!(matches!(healthy, Err(Fault::HumanCommits { .. })), "{healthy:?}");
    }
    if !matches!(healthy, Err(Fault::HumanCommits { .. })) {
        return false;
    }
    assert_eq!(on(state, BRANCH)["by-hand.txt"], "by hand\n");
    assert!(pulls(state, "open").len() <= 1);
    true
}

fn check_one(fake: &Fake, name: &str, kind: &str, healthy: &Result<String, Fault>) {
    let state = fake.state(name);
    let branches = state["branches"].as_object().expect("branches");
    assert!(branches.keys().all(|b| !b.contains("staging")), "{:?}", branches.keys());
    if kind == "race" && check_person(&state, healthy) {
        return;
    }
    healthy.as_ref().unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(pulls(&state, "open").len(), 1);
    let version = if on(&state, BRANCH) == texts(&files(5, "3")) { "3" } else { "2" };
    assert_eq!(on(&state, BRANCH), texts(&files(5, version)));
    assert_eq!(state["pulls"][0]["title"], format!("support: version {version}"));
    assert_eq!(state["pulls"][0]["labels"], json!(["llmc"]));
}

fn check_none(fake: &Fake, name: &str, kind: &str, healthy: &Result<String, Fault>) {
    let state = fake.state(name);
    if kind == "race" && check_person(&state, healthy) {
        return;
    }
    healthy.as_ref().unwrap_or_else(|fault| panic!("{fault}"));
    assert!(pulls(&state, "open").is_empty() && state["branches"][BRANCH].is_null());
}

/// Puts each fault at each request, and gives a line for each kind: cases, finished in the same run,
/// and finished by the next.
fn matrix(flow: &Flow) -> String {
    let fake = Fake::start();
    (flow.prepare)(&fake, &client(&fake));
    let fresh = |name: &str| fake.tell("copy", &json!({ "from": BEFORE, "to": name }));
    fresh("acme/healthy");
    fake.log();
    let healthy = client(&fake);
    let outcome = (flow.run)(&healthy, "acme/healthy");
    (flow.check)(&fake, "acme/healthy", "", &outcome);
    let requests = fake.log();
    let mut table = format!("{} requests, ends in {}\n", requests.len(), outcome.expect("no fault"));
    for kind in KINDS {
        let mut counts = BTreeMap::from([("same run", 0), ("next run", 0)]);
        for at in 1..=requests.len() {
            let name = format!("acme/{kind}-{at}");
            fresh(&name);
            let what = json!({
                "kind": if kind == "killed-after" { "cut-after" } else { kind }, "nth": at, "repository": name, "branch": BRANCH, "head": BRANCH,
                "path": format!("{FOLDER}/by-hand.txt"), "seconds": 0.3,
            });
            fake.fault(&what);
            let limit = Duration::from_millis(if kind == "slow" { 120 } else { 20_000 });
            let client = client_with(&fake.url, TOKEN, |config| {
                config.most_request = limit;
                if kind == "killed-after" {
                    config.most_wait = Duration::ZERO;
                }
            });
            let client = client.expect("a connection");
            let faulted = (flow.run)(&client, &name);
            let unused = fake.heal();
            assert_eq!(unused, 0, "{kind} at {at} ({}) never struck: {faulted:?}", requests[at - 1]);
            let again = (flow.run)(&healthy, &name);
            (flow.check)(&fake, &name, kind, &again);
            fake.assert_sound(&name);
            *counts.entry(if faulted.is_ok() { "same run" } else { "next run" }).or_default() += 1;
        }
        writeln!(table, "{kind:16} {:2} in the same run, {:2} by the next or stopped for a person", counts["same run"], counts["next run"])
            .expect("a line");
    }
    table
}

#[test]
fn opening() {
    insta::assert_snapshot!(matrix(&Flow { prepare: compiled, run: |client, name| deliver(client, name, "2"), check: check_one }));
}

#[test]
fn updating() {
    insta::assert_snapshot!(matrix(&Flow { prepare: opened, run: |client, name| deliver(client, name, "3"), check: check_one }));
}

#[test]
fn rebuilding() {
    let prepare = |fake: &Fake, client: &Client| {
        opened(fake, client);
        // The base gets what the pull request says and a newer one is proposed.
        fake.merge(BEFORE, BRANCH, "main", true);
        assert_eq!(run(client, BEFORE, &files(4, "1"), "1").map(name_of), Ok("Opened".to_owned()));
        fake.person(BEFORE, "main", &format!("{FOLDER}/notes.md"), "mine\n");
    };
    let check = |fake: &Fake, name: &str, kind: &str, healthy: &Result<String, Fault>| {
        let state = fake.state(name);
        assert!(state["branches"].as_object().expect("branches").keys().all(|b| !b.contains("staging")));
        if kind == "race" && check_person(&state, healthy) {
            return;
        }
        healthy.as_ref().unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(pulls(&state, "open").len(), 1);
        let mut expected = texts(&files(5, "3"));
        expected.insert("notes.md".into(), "mine\n".into());
        assert_eq!(on(&state, BRANCH), expected);
    };
    insta::assert_snapshot!(matrix(&Flow { prepare, run: |client, name| deliver(client, name, "3"), check }));
}

#[test]
fn closing() {
    let run = |client: &Client, name: &str| run(client, name, &files(6, "1"), "1").map(name_of);
    insta::assert_snapshot!(matrix(&Flow { prepare: opened, run, check: check_none }));
}

const TIME: &str = "2026-01-02T00:00:00Z";

fn say(client: &Client, name: &str, text: &str) -> Result<CommentOutcome, Fault> {
    client.connection.comment(name, 1, "support", TIME, text, true)
}

fn check_comment(fake: &Fake, name: &str, _kind: &str, healthy: &Result<String, Fault>) {
    healthy.as_ref().unwrap_or_else(|fault| panic!("{fault}"));
    let state = fake.state(name);
    let comments = state["comments"]["1"].as_array().expect("comments");
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert_eq!(state["said"], 1, "one was ever made");
    assert!(comments[0]["body"].as_str().expect("text").ends_with("new"));
}

#[test]
fn commenting() {
    let run = |client: &Client, name: &str| say(client, name, "new").map(name_of);
    insta::assert_snapshot!(matrix(&Flow { prepare: opened, run, check: check_comment }));
}

#[test]
fn commenting_again() {
    let prepare = |fake: &Fake, client: &Client| {
        opened(fake, client);
        assert!(matches!(say(client, BEFORE, "old"), Ok(CommentOutcome::Created { .. })));
    };
    let run = |client: &Client, name: &str| say(client, name, "new").map(name_of);
    insta::assert_snapshot!(matrix(&Flow { prepare, run, check: check_comment }));
}
