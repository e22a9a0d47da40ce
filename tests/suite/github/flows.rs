//! What a run finds and what it makes of it.

use llmc::deliver::github::{Fault, Outcome};
use llmc::emit::FileSet;
use serde_json::json;

use super::{BRANCH, Client, FOLDER, Fake, client, committed, files, on, proposal, pulls, run, standing, target, texts};

fn opened(fake: &Fake, name: &str, version: &str) -> Client {
    fake.load(name, &committed(&files(5, "1")));
    let client = client(fake);
    let outcome = run(&client, name, &files(5, version), version);
    assert!(matches!(outcome, Ok(Outcome::Opened(_))), "{outcome:?}");
    client
}

fn one_open(fake: &Fake, name: &str, set: &FileSet) -> serde_json::Value {
    let state = fake.state(name);
    let open = pulls(&state, "open");
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(on(&state, BRANCH), texts(set));
    let staging: Vec<_> = state["branches"].as_object().expect("branches").keys().filter(|b| b.contains("staging")).collect();
    assert!(staging.is_empty(), "{staging:?}");
    fake.assert_sound(name);
    state
}

#[test]
fn opens_once_then_is_up_to_date_then_updates() {
    let fake = Fake::start();
    let name = "acme/gitops";
    fake.load(name, &committed(&files(5, "1")));
    let client = client(&fake);
    assert_eq!(run(&client, name, &files(5, "1"), "1"), Ok(Outcome::NothingToDo));
    assert_eq!(fake.log(), ["graphql Look"], "one request when nothing changed");
    let outcome = run(&client, name, &files(5, "2"), "2");
    let Ok(Outcome::Opened(pull)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((pull.number, pull.warnings.as_slice()), (1, [].as_slice()));
    let state = one_open(&fake, name, &files(5, "2"));
    assert_eq!(state["branches"][BRANCH]["files"]["README.md"], "# gitops\n");
    assert_eq!(state["pulls"][0]["reviewers"], json!(["alice", "platform"]));
    assert_eq!(state["pulls"][0]["labels"], json!(["llmc"]));
    fake.log();
    let again = run(&client, name, &files(5, "2"), "2");
    assert!(matches!(&again, Ok(Outcome::UpToDate(pull)) if pull.commit.is_none()), "{again:?}");
    let writes: Vec<_> = fake
        .log()
        .into_iter()
        .filter(|r| !r.starts_with("GET") && !r.ends_with("Look") && !r.ends_with("Contents") && !r.ends_with("Trees"))
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    let updated = run(&client, name, &files(4, "3"), "3");
    assert!(matches!(&updated, Ok(Outcome::Updated(pull)) if pull.number == 1 && pull.commit.is_some()), "{updated:?}");
    let state = one_open(&fake, name, &files(4, "3"));
    assert_eq!(state["pulls"][0]["title"], "support: version 3");
    assert_eq!(state["branches"][BRANCH]["history"].as_array().map(Vec::len), Some(3), "the update was appended");
}

#[test]
fn the_first_tree_of_a_stack_needs_no_folder() {
    let fake = Fake::start();
    fake.load("acme/new", &[("README.md".to_owned(), "new\n".to_owned())].into());
    let client = client(&fake);
    assert!(matches!(run(&client, "acme/new", &files(3, "1"), "1"), Ok(Outcome::Opened(_))));
    one_open(&fake, "acme/new", &files(3, "1"));
}

#[test]
fn a_base_that_moved_elsewhere_changes_nothing_and_one_that_moved_here_is_followed() {
    let fake = Fake::start();
    let name = "acme/moved";
    let client = opened(&fake, name, "2");
    fake.person(name, "main", "README.md", "# other\n");
    assert!(matches!(run(&client, name, &files(5, "2"), "2"), Ok(Outcome::UpToDate(_))));
    fake.merge(name, "main", BRANCH, false);
    assert!(matches!(run(&client, name, &files(5, "2"), "2"), Ok(Outcome::UpToDate(_))), "the update of the branch is no change by hand");
    assert!(matches!(run(&client, name, &files(5, "3"), "3"), Ok(Outcome::Updated(_))));
    // A file beside llmc's: the branch is made again on the base.
    fake.person(name, "main", &format!("{FOLDER}/notes.md"), "mine\n");
    assert!(matches!(run(&client, name, &files(5, "4"), "4"), Ok(Outcome::Updated(_))));
    let state = fake.state(name);
    assert_eq!(on(&state, BRANCH)["notes.md"], "mine\n");
    assert_eq!(state["branches"][BRANCH]["parents"], json!([state["branches"]["main"]["commit"]]));
    fake.assert_sound(name);
}

#[test]
fn a_squashed_branch_is_deleted_or_made_again() {
    let fake = Fake::start();
    let name = "acme/squash";
    let client = opened(&fake, name, "2");
    fake.merge(name, BRANCH, "main", true);
    assert!(matches!(run(&client, name, &files(5, "3"), "3"), Ok(Outcome::Opened(_))));
    one_open(&fake, name, &files(5, "3"));
    fake.merge(name, BRANCH, "main", true);
    assert_eq!(run(&client, name, &files(5, "3"), "3"), Ok(Outcome::BranchDeleted));
    assert!(fake.state(name)["branches"][BRANCH].is_null());
    assert_eq!(run(&client, name, &files(5, "3"), "3"), Ok(Outcome::NothingToDo));
}

#[test]
fn commits_of_others_stop_it_and_stay() {
    let fake = Fake::start();
    for (name, file, amend) in [
        ("acme/in", format!("{FOLDER}/objects/00/object-0.yaml"), false),
        ("acme/beside", "clusters/prod/other/b.yaml".to_owned(), false),
        ("acme/root", "README.md".to_owned(), false),
        ("acme/amended", format!("{FOLDER}/objects/00/object-0.yaml"), true),
    ] {
        let client = opened(&fake, name, "2");
        let sha = fake.tell(
            "commit",
            &json!({ "repository": name, "branch": BRANCH, "add": { file: "by hand\n" }, "message": "fix \u{202e}\u{1b}[31mby hand", "amend": amend }),
        );
        for (set, version) in [(files(5, "3"), "3"), (files(5, "2"), "2"), (files(5, "1"), "1")] {
            let outcome = run(&client, name, &set, version);
            let Err(Fault::HumanCommits { commits, ours, .. }) = &outcome else { panic!("{name}: {outcome:?}") };
            assert_eq!(commits.len(), 1);
            assert_eq!((json!(commits[0].sha), commits[0].author.as_str()), (sha["sha"].clone(), "bob"));
            assert_eq!(ours.is_some(), !amend);
            let text = outcome.expect_err("a fault").to_string();
            assert!(text.contains("by hand") || amend, "{text}");
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        }
        assert_eq!(json!(fake.state(name)["branches"][BRANCH]["commit"]), sha["sha"]);
    }
}

#[test]
fn a_difference_that_is_gone_closes_and_comes_back() {
    let fake = Fake::start();
    let name = "acme/gone";
    let client = opened(&fake, name, "2");
    assert_eq!(run(&client, name, &files(5, "1"), "1"), Ok(Outcome::Closed { number: 1 }));
    let state = fake.state(name);
    assert!(state["branches"][BRANCH].is_null() && pulls(&state, "open").is_empty());
    let outcome = run(&client, name, &files(5, "2"), "2");
    assert!(matches!(&outcome, Ok(Outcome::Opened(pull)) if pull.number == 2), "llmc closed it, so it may open another: {outcome:?}");
}

#[test]
fn what_a_person_closed_stays_closed_until_the_plan_changes() {
    let fake = Fake::start();
    let name = "acme/closed";
    let client = opened(&fake, name, "2");
    fake.tell("pull", &json!({ "repository": name, "number": 1, "set": { "state": "closed" } }));
    let outcome = run(&client, name, &files(5, "2"), "2");
    assert!(matches!(outcome, Ok(Outcome::LeftClosed { number: 1, .. })), "{outcome:?}");
    assert!(pulls(&fake.state(name), "open").is_empty());
    let outcome = run(&client, name, &files(5, "3"), "3");
    assert!(matches!(&outcome, Ok(Outcome::Opened(pull)) if pull.number == 2), "{outcome:?}");
    one_open(&fake, name, &files(5, "3"));
}

#[test]
fn files_by_hand_at_the_base_are_named_and_kept() {
    let fake = Fake::start();
    let name = "acme/hand";
    fake.load(name, &committed(&files(5, "1")));
    let client = client(&fake);
    fake.person(name, "main", &format!("{FOLDER}/objects/01/object-1.yaml"), "by hand\n");
    assert_eq!(run(&client, name, &files(5, "2"), "2"), Err(Fault::Edited(vec!["objects/01/object-1.yaml".into()])));
    let (target, set) = (target(name), files(5, "2"));
    let standing = standing(&client, name, &set);
    let overwrite = llmc::deliver::github::Proposal { overwrite: true, ..proposal("2") };
    assert!(matches!(client.connection.propose(&target, &standing, &set, &overwrite), Ok(Outcome::Opened(_))));

    let name = "acme/foreign";
    fake.load(name, &committed(&files(5, "1")));
    fake.person(name, "main", &format!("{FOLDER}/objects/05/object-5.yaml"), "mine\n");
    assert_eq!(run(&client, name, &files(6, "2"), "2"), Err(Fault::Foreign(vec!["objects/05/object-5.yaml".into()])));
    fake.load("acme/file", &[(FOLDER.to_owned(), "a file\n".to_owned())].into());
    assert_eq!(run(&client, "acme/file", &files(1, "2"), "2"), Err(Fault::Foreign(vec![FOLDER.into()])));
    fake.load("acme/strange", &[(format!("{FOLDER}/a"), "a file\n".to_owned())].into());
    assert_eq!(run(&client, "acme/strange", &files(1, "2"), "2"), Err(Fault::Foreign(vec!["a".into()])));
}

#[test]
fn other_modes_and_folders_for_files_go_through_trees() {
    let fake = Fake::start();
    let (old, name) = (files(3, "1"), "acme/modes");
    let executable = [format!("{FOLDER}/objects/00/object-0.yaml")];
    fake.tell("load", &json!({ "repository": name, "files": committed(&old), "executable": executable }));
    let client = client(&fake);
    // Equal contents with another mode are a difference too.
    assert!(matches!(run(&client, name, &files(3, "2"), "2"), Ok(Outcome::Opened(_))));
    one_open(&fake, name, &files(3, "2"));
    assert!(matches!(run(&client, name, &files(3, "2"), "2"), Ok(Outcome::UpToDate(_))));
    // A file gives way to a folder.
    let mut set = FileSet::default();
    set.insert("objects/00/object-0.yaml/a.yaml", "a: 1\n");
    let set = super::sealed(set, "3");
    assert!(matches!(run(&client, name, &set, "3"), Ok(Outcome::Updated(_))));
    one_open(&fake, name, &set);
    assert!(fake.log().iter().any(|r| r.ends_with("/git/trees")));
}

/// Two runs at once: one of them may have to give way, and what stands is what one of them made.
#[test]
fn two_runs_at_once_open_one_pull_request() {
    let fake = Fake::start();
    for round in 0..6 {
        let name = format!("acme/both-{round}");
        fake.load(&name, &committed(&files(5, "1")));
        let run = || run(&client(&fake), &name, &files(5, "2"), "2");
        let outcomes = std::thread::scope(|scope| [scope.spawn(run), scope.spawn(run)].map(|thread| thread.join().expect("no panic")));
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        one_open(&fake, &name, &files(5, "2"));
    }
}

#[test]
fn large_trees_go_in_parts_and_in_one_commit() {
    let fake = Fake::start();
    let name = "acme/large";
    fake.load(name, &committed(&files(1, "1")));
    let mut set = FileSet::default();
    for letter in ["a", "b"] {
        set.insert(format!("{letter}.txt"), letter.repeat(8_000_000));
    }
    let set = super::sealed(set, "2");
    assert!(matches!(run(&client(&fake), name, &set, "2"), Ok(Outcome::Opened(_))));
    let state = one_open(&fake, name, &set);
    assert_eq!(state["branches"][BRANCH]["history"].as_array().map(Vec::len), Some(2));
    assert_eq!(fake.log().iter().filter(|r| r.ends_with("/git/trees")).count(), 3);
}

#[test]
fn a_stack_that_is_gone_takes_its_files_along_and_no_others() {
    let fake = Fake::start();
    for (name, foreign) in [("acme/gone-all", false), ("acme/gone-but", true)] {
        let client = opened(&fake, name, "2");
        fake.merge(name, BRANCH, "main", false);
        if foreign {
            fake.person(name, "main", &format!("{FOLDER}/notes.md"), "mine\n");
        }
        let none = FileSet::default();
        assert!(matches!(run(&client, name, &none, "3"), Ok(Outcome::Opened(_))));
        assert!(matches!(run(&client, name, &none, "3"), Ok(Outcome::UpToDate(_))));
        let state = fake.state(name);
        assert_eq!(on(&state, BRANCH).into_keys().collect::<Vec<_>>(), if foreign { vec!["notes.md"] } else { vec![] });
        assert!(state["branches"][BRANCH]["files"]["README.md"].is_string());
        fake.merge(name, BRANCH, "main", false);
        assert_eq!(run(&client, name, &none, "3"), Ok(Outcome::BranchDeleted));
        fake.assert_sound(name);
    }
}

/// GraphQL gives no whole text for a long file; its name shows that, and REST gives it.
#[test]
fn a_long_file_by_hand_is_read_whole() {
    let fake = Fake::start();
    let name = "acme/long";
    fake.load(name, &committed(&files(2, "1")));
    let text = "by hand\n".repeat(80_000);
    fake.person(name, "main", &format!("{FOLDER}/objects/01/object-1.yaml"), &text);
    let client = client(&fake);
    let there = standing(&client, name, &files(2, "2"));
    assert_eq!(there.tree.text("objects/01/object-1.yaml"), Some(text.as_str()));
    assert!(fake.log().iter().any(|request| request.contains("/git/blobs/")));
}
