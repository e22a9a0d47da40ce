//! One comment for each tag.

use llmc::deliver::github::{CommentOutcome, Fault, MOST_BODY, Outcome};
use serde_json::{Value, json};

use super::{Fake, client, committed, files, run};

const NAME: &str = "acme/comments";

fn body(tag: &str, time: &str, text: &str) -> String {
    format!("<!-- llmc-comment tag={tag} valid-at={time} -->\n{text}\n")
}

fn started() -> (Fake, super::Client) {
    let fake = Fake::start();
    fake.load(NAME, &committed(&files(1, "1")));
    let client = client(&fake);
    assert!(matches!(run(&client, NAME, &files(1, "2"), "2"), Ok(Outcome::Opened(_))));
    fake.log();
    (fake, client)
}

fn bodies(fake: &Fake) -> Vec<String> {
    let state = fake.state(NAME);
    let text = |comment: &Value| comment["body"].as_str().expect("text").to_owned();
    state["comments"]["1"].as_array().into_iter().flatten().map(text).collect()
}

#[test]
fn one_comment_is_kept_current() {
    let (fake, client) = started();
    let say = |tag: &str, day: u32, text: &str| {
        let time = format!("2026-01-{day:02}T00:00:00Z");
        client.connection.comment(NAME, 1, tag, &time, &format!("{text}\n"), true)
    };
    assert!(matches!(say("a", 2, "one"), Ok(CommentOutcome::Created { .. })));
    assert_eq!(fake.log(), ["graphql Comments", "POST /repos/acme/comments/issues/1/comments", "graphql Comments"]);
    assert!(matches!(say("a", 2, "one"), Ok(CommentOutcome::Unchanged { .. })));
    assert_eq!(fake.log(), ["graphql Comments"]);
    assert!(matches!(say("b", 2, "other"), Ok(CommentOutcome::Created { .. })));
    assert!(matches!(say("a", 3, "two"), Ok(CommentOutcome::Updated { .. })));
    assert!(matches!(say("a", 2, "one"), Ok(CommentOutcome::NewerStands { .. })));
    let time = |day| format!("2026-01-{day:02}T00:00:00Z");
    assert_eq!(bodies(&fake), [body("a", &time(3), "two"), body("b", &time(2), "other")]);
}

#[test]
fn it_is_found_on_a_later_page_and_doubles_of_others_are_left() {
    let (fake, client) = started();
    let time = "2026-01-02T00:00:00Z";
    fake.tell("comment", &json!({ "repository": NAME, "number": 1, "body": body("a", "2027-01-01T00:00:00Z", "not llmc's") }));
    for index in 0..250 {
        fake.tell("comment", &json!({ "repository": NAME, "number": 1, "body": format!("chatter {index}") }));
    }
    for text in ["one", "two"] {
        fake.tell("comment", &json!({ "repository": NAME, "number": 1, "body": body("a", time, text), "author": "llmc[bot]" }));
    }
    let outcome = client.connection.comment(NAME, 1, "a", time, "three\n", true);
    assert!(matches!(outcome, Ok(CommentOutcome::Updated { .. })), "{outcome:?}");
    let ours: Vec<_> = bodies(&fake).into_iter().filter(|b| !b.starts_with("chatter")).collect();
    assert_eq!(ours, [body("a", "2027-01-01T00:00:00Z", "not llmc's"), body("a", time, "three")]);
}

#[test]
fn what_cannot_be_said_is_refused_before_anything_is_sent() {
    let (fake, client) = started();
    let time = "2026-01-02T00:00:00Z";
    let say = |tag: &str, time: &str, text: &str| client.connection.comment(NAME, 1, tag, time, &format!("{text}\n"), true);
    for time in ["today", "", "2026-01-02T00:00:00+01:00", "2026-01-02T00:00:00Z -->"] {
        assert!(matches!(say("a", time, "x"), Err(Fault::Config(_))), "{time}");
    }
    for tag in ["a b", "", "-->", "a\n"] {
        assert!(matches!(say(tag, time, "x"), Err(Fault::Config(_))), "{tag}");
    }
    assert!(matches!(say("a", time, &"가".repeat(MOST_BODY)), Err(Fault::TooLarge(_))));
    assert_eq!(fake.log(), Vec::<String>::new());
    let fits = MOST_BODY - body("a", time, "").chars().count();
    assert!(say("a", time, &"가".repeat(fits)).is_ok(), "characters count, not bytes");
    assert!(matches!(client.connection.comment(NAME, 9, "a", time, "x", true), Err(Fault::NotFound { .. })));
}
