//! What the server refuses, in words, and the token in none of them.

use std::time::Duration;

use llmc::deliver::github::{Auth, Connection, Fault, Outcome, Secret, Target};
use serde_json::json;

use super::{BRANCH, Client, FOLDER, Fake, TOKEN, client, client_with, committed, config, files, proposal, run, standing, target};

const NAME: &str = "acme/gitops";

fn started() -> (Fake, Client) {
    let fake = Fake::start();
    fake.load(NAME, &committed(&files(3, "1")));
    let client = client(&fake);
    (fake, client)
}

/// The fault of a run, whose every text is checked to be without the token.
fn refused(client: &Client, name: &str, token: &str) -> Fault {
    let fault = run(client, name, &files(3, "2"), "2").expect_err("a fault");
    let said = client.said.borrow().join("\n");
    let shown = format!("{fault}\n{fault:?}\n{:?}\n{said}", client.connection);
    assert!(!shown.contains(token), "{shown}");
    fault
}

#[test]
fn a_base_that_is_missing_is_named() {
    let (_fake, client) = started();
    let target = Target { base: Some("production".into()), ..target(NAME) };
    let fault = client.connection.standing(&target, &files(3, "2")).expect_err("no base");
    assert_eq!(fault, Fault::NoBase { repository: NAME.into(), base: Some("production".into()) });
    let target = Target { base: Some("main".into()), ..target };
    assert_eq!(client.connection.standing(&target, &files(3, "2")).expect("a base").base(), "main");
}

#[test]
fn the_token_is_in_no_text() {
    let (fake, _) = started();
    // Not as long as tokens once were, and with a dot and an underscore as newer ones have.
    for token in ["wrong", "ghs_123456_eyJhbGciOiJub25lIn0.eyJzdWIiOiJub3RoaW5nIn0.", "not-a-real-token-at-all"] {
        let client = client_with(&fake.url, token, |_| {}).expect("a connection");
        assert!(matches!(refused(&client, NAME, token), Fault::Token(_)));
        for kind in ["401", "403", "422", "409", "500", "429"] {
            fake.fault(&json!({ "kind": kind, "times": 99, "message": format!("no TOKEN or {token} \u{1b}[2J") }));
            let fault = refused(&client, NAME, token).to_string();
            assert!(!fault.contains('\u{1b}'), "{fault}");
            fake.heal();
        }
        assert!(!format!("{:?}", Auth::Token(Secret::new(token))).contains(token));
    }
    for bad in ["", " ", "a b", "a\nHost: example.com", "é"] {
        assert!(matches!(client_with(&fake.url, bad, |_| {}).map(|_| ()), Err(Fault::Token(_))), "{bad:?}");
    }
    assert!(client_with(&fake.url, &format!("{TOKEN}\n"), |_| {}).is_ok(), "a file ends in a line break");
    assert!(matches!(client_with("http://github.example", TOKEN, |_| {}).map(|_| ()), Err(Fault::Config(_))));
}

#[test]
fn a_missing_permission_is_named() {
    let (fake, _) = started();
    for (permissions, needed) in [(json!({}), "contents: write"), (json!({ "contents": "write" }), "pull_requests: write")] {
        let token = format!("not-a-real-token-{}", needed.len());
        fake.tell("token", &json!({ "token": token, "permissions": permissions }));
        let client = client_with(&fake.url, &token, |_| {}).expect("a connection");
        let fault = refused(&client, NAME, &token);
        assert!(matches!(&fault, Fault::Forbidden { needs, .. } if *needs == needed), "{fault}");
    }
    let client = client(&fake);
    assert!(matches!(refused(&client, "acme/none", TOKEN), Fault::NotFound { .. }));
    fake.tell("archive", &json!({ "repository": NAME }));
    assert!(matches!(refused(&client, NAME, TOKEN), Fault::Config(_)));
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let (fake, client) = started();
    fake.fault(&json!({ "kind": "301", "nth": 2 }));
    assert!(matches!(refused(&client, NAME, TOKEN), Fault::Moved { to, .. } if to == "https://elsewhere.example/repositories/1"));
    fake.load("acme/new", &committed(&files(3, "1")));
    fake.tell("move", &json!({ "repository": NAME, "to": "acme/new" }));
    assert!(matches!(refused(&client, NAME, TOKEN), Fault::Moved { to, .. } if to == "acme/new"));
}

#[test]
fn waits_are_bounded_and_said() {
    let (fake, client) = started();
    fake.fault(&json!({ "kind": "403-retry-after", "headers": { "Retry-After": 4000 } }));
    assert!(matches!(refused(&client, NAME, TOKEN), Fault::RateLimited { seconds: 4000, .. }));
    assert_eq!(*client.slept.borrow(), Duration::ZERO, "there is no point in waiting");
    fake.fault(&json!({ "kind": "403-retry-after", "headers": { "Retry-After": 7 } }));
    assert!(run(&client, NAME, &files(3, "2"), "2").is_ok());
    assert_eq!(*client.slept.borrow(), Duration::from_secs(7));
    assert!(client.said.borrow().iter().any(|line| line == "waiting 7 s: GitHub's rate limit"));
    for kind in ["500", "cut-before", "429"] {
        let client = client_with(&fake.url, TOKEN, |config| config.most_wait = Duration::from_secs(100)).expect("a connection");
        fake.fault(&json!({ "kind": kind, "times": 99 }));
        let fault = refused(&client, NAME, TOKEN);
        assert!(matches!(fault, Fault::Unreachable { .. } | Fault::RateLimited { .. }), "{fault}");
        assert!(*client.slept.borrow() <= Duration::from_secs(100) && client.connection.requests() < 10);
        fake.heal();
    }
    let client = client_with("http://127.0.0.1:1", TOKEN, |_| {}).expect("a connection");
    let fault = refused(&client, NAME, TOKEN).to_string();
    assert!(fault.contains("refused"), "{fault}");
}

#[test]
fn what_a_pull_request_can_do_without_is_a_warning() {
    let (fake, client) = started();
    fake.fault(&json!({ "match": "POST .*/pulls$", "kind": "422", "message": "Validation Failed: Draft pull requests are not supported" }));
    fake.fault(&json!({ "match": "POST .*/pulls$", "kind": "422", "message": "Could not resolve to a node with the global id" }));
    let set = files(3, "2");
    let proposal = llmc::deliver::github::Proposal { draft: true, reviewers: vec!["nobody".into()], ..proposal("2") };
    let outcome = client.connection.propose(&target(NAME), &standing(&client, NAME, &set), &set, &proposal);
    let Ok(Outcome::Opened(pull)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(pull.warnings.len(), 2, "{:?}", pull.warnings);
    assert!(pull.warnings[0].contains("no drafts") && pull.warnings[1].contains("collaborator"), "{:?}", pull.warnings);
    assert_eq!(fake.heal(), 0);
}

#[test]
fn what_github_would_not_take_is_refused_before() {
    let (fake, client) = started();
    let set = files(3, "2");
    let there = standing(&client, NAME, &set);
    fake.log();
    let long = llmc::deliver::github::Proposal { body: "x".repeat(65_536), ..proposal("2") };
    assert!(matches!(client.connection.propose(&target(NAME), &there, &set, &long), Err(Fault::TooLarge(_))));
    let lines = llmc::deliver::github::Proposal { title: "a\nLlmc-Tree: none".into(), ..proposal("2") };
    assert!(matches!(client.connection.propose(&target(NAME), &there, &set, &lines), Err(Fault::Config(_))));
    let with = |change: fn(&mut Target)| {
        let mut target = target(NAME);
        change(&mut target);
        target
    };
    for bad in [
        with(|t| t.repository = "acme".into()),
        with(|t| t.repository = "acme/../x".into()),
        with(|t| t.repository = "acme/x?y".into()),
        with(|t| t.folder = "../up".into()),
        with(|t| t.folder = "a//b".into()),
        with(|t| t.folder = ".git/hooks".into()),
        with(|t| t.folder = String::new()),
        with(|t| t.branch = "a..b".into()),
        with(|t| t.branch = "a b".into()),
        with(|t| t.base = Some(BRANCH.into())),
        with(|t| t.base = Some("main:x".into())),
    ] {
        assert!(matches!(client.connection.standing(&bad, &set), Err(Fault::Config(_))), "{bad:?}");
    }
    assert_eq!(fake.log(), Vec::<String>::new());
}

#[test]
fn an_enterprise_server_has_its_api_elsewhere() {
    let (fake, _) = started();
    let client = client_with(&format!("{}/api/v3/", fake.url), TOKEN, |_| {}).expect("a connection");
    assert!(matches!(run(&client, NAME, &files(3, "2"), "2"), Ok(Outcome::Opened(_))));
    assert!(fake.state(NAME)["branches"][BRANCH]["files"].as_object().expect("files").keys().any(|path| path.starts_with(FOLDER)));
}

#[test]
fn an_answer_without_sense_is_a_fault() {
    let (fake, client) = started();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for answer in [r#"{"data":{"repository":{"id":1}}}"#, "[]", "no JSON", r#"{"data":null}"#] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut seen = [0; 4096];
            drop(std::io::Read::read(&mut stream, &mut seen));
            let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            drop(std::io::Write::write_all(&mut stream, text.as_bytes()));
        }
    });
    let odd = client_with(&url, TOKEN, |config| config.most_wait = Duration::from_secs(2)).expect("a connection");
    assert!(matches!(refused(&odd, NAME, TOKEN), Fault::NotFound { .. }));
    assert!(matches!(refused(&odd, NAME, TOKEN), Fault::Unreachable { .. }));
    drop((fake, client));
}

#[cfg(feature = "github-app")]
#[test]
fn an_app_gets_a_token_for_one_repository() {
    use std::process::Command;
    let (fake, client) = started();
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).arg(&key).output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    openssl(&["genrsa", "-traditional", "-out"]);
    let public = String::from_utf8(openssl(&["rsa", "-pubout", "-in"])).expect("PEM");
    let private = std::fs::read_to_string(&key).expect("a key");
    let auth = |id| Auth::App { id, private_key: Secret::new(&private), repository: NAME.into() };
    let open = |id| Connection::open(config(&fake.url, auth(id), &client.said, &client.slept));
    fake.tell("app", &json!({ "id": 42, "public_key": public }));
    let app = Client { connection: open(42).expect("a token"), said: client.said.clone(), slept: client.slept.clone() };
    assert!(matches!(run(&app, NAME, &files(3, "2"), "2"), Ok(Outcome::Opened(_))));
    let fault = open(43).expect_err("another App");
    assert!(matches!(fault, Fault::Token(_)), "{fault}");
    let other = Auth::App { id: 42, private_key: Secret::new("no key"), repository: NAME.into() };
    assert!(!format!("{other:?}").contains("no key"));
    assert!(matches!(Connection::open(config(&fake.url, other, &client.said, &client.slept)), Err(Fault::Config(_))));
}

#[cfg(not(feature = "github-app"))]
#[test]
fn a_connection_shows_its_address_only() {
    let (fake, client) = started();
    let connection = Connection::open(config(&fake.url, Auth::Token(Secret::new(TOKEN)), &client.said, &client.slept));
    assert!(!format!("{connection:?}").contains(TOKEN));
}
