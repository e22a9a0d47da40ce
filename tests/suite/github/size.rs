//! How many requests a pull request costs.

use llmc::deliver::github::Outcome;

use super::{BRANCH, Fake, client, committed, files, on, run, texts};

#[test]
fn requests_hardly_grow_with_files() {
    let fake = Fake::start();
    let client = client(&fake);
    let mut table = Vec::new();
    for (count, opening, updating) in [(1, 9, 9), (10, 9, 9), (100, 10, 10), (1000, 19, 19)] {
        let name = format!("acme/size-{count}");
        fake.load(&name, &committed(&files(count, "1")));
        let mut costs = Vec::new();
        for version in ["2", "3"] {
            let before = client.connection.requests();
            let outcome = run(&client, &name, &files(count, version), version);
            assert!(matches!(outcome, Ok(Outcome::Opened(_) | Outcome::Updated(_))), "{outcome:?}");
            costs.push(client.connection.requests() - before);
        }
        assert_eq!(on(&fake.state(&name), BRANCH), texts(&files(count, "3")));
        fake.assert_sound(&name);
        table.push((count, costs.clone()));
        assert_eq!(costs, [opening, updating], "{table:?}; {:#?}", fake.log().iter().rev().take(20).collect::<Vec<_>>());
        fake.log();
    }
}
