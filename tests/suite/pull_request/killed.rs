//! `llmc apply --pr` that is killed, after one request, after two, and so on.

use std::process::{Command, Stdio};

use super::{SHOP, Scratch};

fn command(scratch: &Scratch) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llmc"));
    command.current_dir(scratch.folder.path()).args(["apply", "--pr"]).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(scratch.environment());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_run_after_one_that_was_killed_finishes_it() {
    let scratch = Scratch::of(&["chat"]);
    scratch.is_ok(&["apply", "--pr"]);
    let mut killed = 0;
    let mut seqs = 32;
    for moment in 0..20_u32 {
        let next = 64 + moment;
        scratch.edit("chat", &format!("max-num-seqs={seqs}"), &format!("max-num-seqs={next}"));
        seqs = next;
        scratch.fake.log();
        let mut child = command(&scratch).spawn().expect("llmc starts");
        // By what was sent and not by time, so that a slow machine kills at the same places.
        let mut sent = 0;
        while sent <= moment as usize * 3 % 7 && child.try_wait().expect("its state").is_none() {
            sent += scratch.fake.log().len();
        }
        killed += u32::from(child.try_wait().expect("its state").is_none());
        child.kill().expect("killed");
        child.wait().expect("ended");
        // At the others the next kill strikes what this one left.
        if moment % 5 == 4 {
            assert!(command(&scratch).status().expect("llmc").success(), "moment {moment}");
            assert_eq!(scratch.open(SHOP), ["llmc/chat"], "moment {moment}");
        }
    }
    assert!(killed >= 10, "only {killed} of 20 were killed in time");
    scratch.is_ok(&["apply", "--pr"]);
    let state = scratch.fake.state(SHOP);
    assert_eq!(state["pulls"].as_array().map(Vec::len), Some(1), "one pull request was enough");
    let mut branches: Vec<&String> = state["branches"].as_object().expect("branches").keys().collect();
    branches.sort();
    assert_eq!(branches, ["llmc/chat", "main"], "nothing is left lying about");
    assert!(scratch.files(SHOP, "llmc/chat").values().any(|text| text.contains(&format!("--max-num-seqs={seqs}"))));
    scratch.fake.assert_sound(SHOP);
}
