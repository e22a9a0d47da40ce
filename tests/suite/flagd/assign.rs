//! `llmc experiment assign` as people run it.

use super::{Stack, THREE_ARMS, fed};
use crate::harness::llmc;

fn stack() -> Stack {
    Stack::small(&format!("{THREE_ARMS}step 2\n        holdout \"q4\" percent=10\n        audience \"plan\" {{ one-of \"pro\"; }}"))
}

const ASSIGN: [&str; 3] = ["experiment", "assign", "answer-prompt"];

#[test]
fn one_user_is_answered_with_the_reason() {
    let stack = stack();
    let ask = |more: &[&str]| {
        let run = llmc(stack.path(), &[&ASSIGN, more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    assert_eq!(ask(&["--user", "user-0"]), "off\n");
    assert_eq!(ask(&["--user", "user-0", "--why"]), "off\tnot in the audience: `plan`\n");
    assert_eq!(ask(&["--user", "", "--why"]), "off\tno user\n");
    let reasons: String = (0..60).map(|user| ask_pro(&stack, user)).collect();
    for part in ["\tpart ", "\theld out by `q4`: part ", ": will be `control` at a later step of the ramp", "control\tpart "] {
        assert!(reasons.contains(part), "{part} is not in\n{reasons}");
    }
}

fn ask_pro(stack: &Stack, user: u32) -> String {
    llmc(stack.path(), &[&ASSIGN[..], &["--user", &format!("user-{user}"), "--attribute", "plan=pro", "--why"]].concat()).stdout
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_nothing_before_it_is_lost() {
    let stack = stack();
    let args = [&ASSIGN[..], &["--stdin"]].concat();
    let long = vec![b'x'; 64 * 1024 + 1];
    for (bad, message) in [(&b"a\xffb"[..], "line 4 is not UTF-8: byte 2"), (&long, "line 4 is longer than 65536 bytes")] {
        let input = [&b"user-1\nuser-2\r\n\n"[..], bad, b"\nuser-3\n"].concat();
        let run = fed(stack.path(), &args, &input);
        assert_eq!((run.code, run.stdout.lines().count()), (1, 3), "{}", run.stderr);
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
    let longest = vec![b'x'; 64 * 1024];
    let run = fed(stack.path(), &args, &longest);
    assert_eq!((run.code, run.stdout.as_str()), (0, "off\n"), "{}", run.stderr);
    assert_eq!(fed(stack.path(), &args, b"").stdout, "");
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let stack = stack();
    let failed = |args: &[&str]| {
        let run = llmc(stack.path(), args);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
        run.stderr
    };
    assert!(failed(&["experiment", "assign", "answer-promt", "--user", "a"]).contains("did you mean `answer-prompt`?"));
    assert!(failed(&["experiment", "assign", "x", "--user", "a"]).contains("there is: answer-prompt"));
    assert!(failed(&["experiment", "assign", "answer-prompt"]).contains("--user"));
    assert!(failed(&["experiment", "assign", "answer-prompt", "--user", "a", "--attribute", "plan"]).contains("KEY=VALUE"));
    assert!(failed(&["experiment", "assign", "answer-prompt", "--user", "a", "--attribute", "targetingKey=b"]).contains("--user"));
    let run = llmc(stack.path(), &["experiment", "assign", "answer-prompt", "--user", "a", "--attribute", "plam=pro"]);
    assert!(run.code == 0 && run.stderr.contains("does not ask for the attribute `plam`"), "{}", run.stderr);
    let broken = Stack::small(&format!("{THREE_ARMS}audience \"plan\""));
    let run = llmc(broken.path(), &["experiment", "assign", "answer-prompt", "--user", "a"]);
    assert!(run.code == 0 && run.stderr.contains("`stacks/shop/stack.kdl` has errors"), "{}", run.stderr);
}
