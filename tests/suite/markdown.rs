//! Pull request bodies and plan comments, read by GitHub's own parser and drawn by Mermaid.

mod cases;

use llmc::emit::{FileSet, RECORD_FILE, Tree};
use llmc::plan::markdown::{GITHUB_LIMIT_CHARS, body, comment, title};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::harness::judge;
use cases::{Case, compiled, example, filled_with};

/// Room for everything, so that two texts differ only where they must.
const NO_LIMIT: usize = 10_000_000;

/// What the judge says about `cases`, each a name, a text, and the name of one that it must be built like.
fn verdict(cases: &[(String, String, Option<&str>)]) -> (i32, String) {
    let cases: Vec<_> = cases.iter().map(|(name, text, like)| json!({ "name": name, "text": text, "like": like })).collect();
    let run = judge("markdown", &[], &serde_json::to_string(&cases).expect("JSON"));
    (run.code, run.stdout)
}

fn accepted(cases: &[(String, String, Option<&str>)]) -> String {
    let (code, said) = verdict(cases);
    assert_eq!(code, 0, "{}", said.lines().take(20).map(|line| line.chars().take(600).collect::<String>() + "\n").collect::<String>());
    said
}

#[test]
fn the_judge_refuses_what_reaches_beyond_the_text() {
    let refused = [
        ("mention", "ask @octocat", "a mention"),
        ("entity", "ask &#64;octocat", "a mention"),
        ("escape", "ask \\@octocat", "a mention"),
        ("team", "- @acme/ops", "a mention"),
        ("issue", "see #1", "an issue"),
        ("prefix", "see GH-1", "an issue"),
        ("commit", "see 6f6073b4", "a commit"),
        ("link", "see https://example.com", "a link"),
        ("image", "![a](b)", "the tag <img"),
        ("html", "a <b>c</b>", "has HTML"),
        ("close", "<details>\n<summary>a</summary>\n\nb\n\n</details>\n\n</details>", "not open"),
        ("open", "<details>\n<summary>a</summary>\n\nb", "open"),
        ("summary", "<details>\n<summary>a <img src=x></summary>\n\nb\n\n</details>", "has HTML"),
        ("marker", "a\n\n<!-- llmc-comment tag=a valid-at=b -->", "has HTML"),
        ("fence", "```\na", "a fence"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 | 3 |", "bars"),
        ("picture", "```mermaid\nflowchart LR\n    a[\"x\n```", "Parse error"),
        ("click", "```mermaid\nflowchart LR\n    a --> b\n    click a href \"x\"\n```", "directive"),
        (
            "edges",
            &format!("```mermaid\nflowchart LR\n{}```", (0..501).map(|n| format!("    a{n} --> b\n")).collect::<String>()),
            "Edge limit",
        ),
    ];
    let all: Vec<_> = refused.iter().map(|(name, text, _)| ((*name).to_owned(), (*text).to_owned(), None)).collect();
    let (code, said) = verdict(&all);
    assert_eq!(code, 1);
    for (name, _, reason) in refused {
        assert!(said.lines().any(|line| line.starts_with(&format!("{name}: ")) && line.contains(reason)), "{name}, {reason}: {said}");
    }
    accepted(&[("code".into(), "`@octocat` `#1` `https://a.b`\n\n```\n@octocat <b>\n```".into(), None)]);
}

#[test]
fn an_edited_stack_is_shown() {
    let case = example();
    let text = body(&case.review(), GITHUB_LIMIT_CHARS);
    assert!(text.len() < GITHUB_LIMIT_CHARS, "{}", text.len());
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../markdown" }, {
        insta::assert_snapshot!("body", text);
    });
    let comment = comment(&[case.review()], &[], GITHUB_LIMIT_CHARS);
    let said = accepted(&[("body".into(), text, None), ("comment".into(), comment, None)]);
    assert!(said.contains("2 pictures"), "{said}");
    assert_eq!(title(&case.review()), "llmc: update `customer-support`: 1 rolling restart");
}

/// A stack that comes or goes, and one that stays.
#[test]
fn first_last_and_no_delivery_are_shown() {
    let files = compiled("research-desk", |_| {});
    let empty = FileSet::default();
    let [first, last, same] = [(&empty, &files), (&files, &empty), (&files, &files)].map(|(old, new)| Case::of("research-desk", old, new));
    let (new, gone, none) = (body(&first.review(), 65_536), body(&last.review(), 65_536), body(&same.review(), 65_536));
    assert!(
        new.contains("| `llama-70b-fp8` | new | ") && new.contains("- [x] Every prompt version is in the registry (all 3 are in"),
        "{new}"
    );
    assert!(gone.contains("| `llama-70b-fp8` | removed | ") && !gone.contains("mermaid") && !gone.contains("Checklist"), "{gone}");
    assert!(none.starts_with("**No changes** in stack `research-desk`") && none.len() < 700, "{none}");
    let many = comment(&[first.review(), last.review(), same.review()], &[], 65_536);
    assert!(many.contains("**2 of 3 affected stacks change.**"), "{many}");
    let nothing = comment(&[], &[], 65_536);
    assert!(nothing.contains("No stack is affected"), "{nothing}");
    let texts = [("new", new), ("gone", gone), ("none", none), ("many", many), ("nothing", nothing)];
    accepted(&texts.map(|(name, text)| (name.to_owned(), text, None)));
}

/// Strings that each try to leave the place where they stand.
fn hostile() -> Vec<String> {
    let texts = [
        "@everyone",
        "@acme/ops",
        "#1",
        "GH-1",
        "acme/app#1",
        "6f6073b423013f6a7d4d9f39144961bfbfbc386b",
        "https://example.com",
        "a@b.c",
        "`",
        "``",
        "```",
        "~~~",
        "`@x`",
        "``` @x",
        "a`b`@c`d",
        "\n```\n@x",
        "\n~~~\n",
        "</details>",
        "</code></summary></details>@x",
        "-->",
        "<!-- llmc-comment tag=a valid-at=b -->",
        "<img src=x onerror=alert(1)>",
        "|",
        "a|b|c",
        "\\|",
        "\\",
        "`|`",
        "a\nb",
        "\n\n",
        "\n\n# x",
        "\n- [x] done",
        "1. x",
        "\r\n@x",
        "\u{202E}gnp",
        "\u{200B}",
        "\u{2028}@x",
        "\0",
        "\"]; click a href \"javascript:x",
        "%%{init: {}}%%",
        "end",
        "subgraph x",
        ":::changed",
        "[a](https://b.c)",
        "![a](b)",
        "&commat;x",
        "&#64;x",
        "*a* _b_ ~~c~~",
        "$`x`$",
        "",
        " ",
        "--- | ---",
        "<details>",
        "<a href='",
        "한국어 @모두",
        "$(id)",
        "{{ x }}",
        "*",
        "=",
        "---",
        "\t@x",
    ];
    let mut all: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    all.extend(["@x ", "`", "|", "\n", "<b>", "한", "\u{202E}"].map(|text| text.repeat(10_000 / text.len())));
    let piece = prop::sample::select(texts.to_vec());
    let strategy = prop::collection::vec(prop_oneof![3 => piece.prop_map(str::to_owned), 1 => "[ -~]{0,5}", 1 => "\\PC{0,3}"], 1..6);
    let mut runner = TestRunner::deterministic();
    all.extend((0..40).map(|_| strategy.new_tree(&mut runner).expect("a text").current().concat()));
    all
}

#[test]
fn nothing_that_a_user_wrote_reaches_beyond_its_place() {
    let plain = filled_with("plain");
    let many = |case: &Case| comment(&[case.review(), plain.review()], &[], NO_LIMIT);
    let mut texts = vec![("body".to_owned(), body(&plain.review(), NO_LIMIT), None), ("comment".to_owned(), many(&plain), None)];
    for (index, text) in hostile().into_iter().enumerate() {
        let start: String = text.chars().take(60).collect();
        let case = filled_with(&text);
        let title = title(&case.review());
        assert!(title.chars().count() <= 120 && !title.contains('\n'), "{title}");
        let comment = many(&case);
        texts.push((format!("title {index} {start:?}"), title, None));
        texts.push((format!("body {index} {start:?}"), body(&case.review(), NO_LIMIT), Some("body")));
        texts.push((format!("comment {index} {start:?}"), comment, Some("comment")));
    }
    let said = accepted(&texts);
    assert!(said.lines().any(|line| line.ends_with(" pictures") && line != "0 pictures"), "{said}");
}

/// Whatever the limit, the text stays below it, and is whole.
#[test]
fn every_limit_is_kept() {
    let mut texts = Vec::new();
    let plain = filled_with("한국어 text 🙂");
    let example = example();
    for limit in [0, 100, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 20_000, 30_000, 65_536] {
        for (name, case) in [("plain", &plain), ("example", &example)] {
            let reviews = [case.review(), case.review(), case.review()];
            for (what, text) in [("body", body(&reviews[0], limit)), ("comment", comment(&reviews, &[], limit.max(200)))] {
                assert!(text.len() <= limit.max(200) && text.encode_utf16().count() <= limit.max(200), "{what} {limit}: {}", text.len());
                texts.push((format!("{what} {name} {limit}"), text, None));
            }
        }
    }
    accepted(&texts);
}

/// Objects that do not fit are left out whole, and counted.
#[test]
fn a_large_change_is_shown_in_part() {
    let mut case = example();
    let object = case.plan.objects[0].clone();
    case.plan.objects = (0..1_000)
        .map(|n| llmc::plan::ObjectChange { name: format!("object-{n}"), path: format!("o/{n}.yaml"), ..object.clone() })
        .collect();
    let text = body(&case.review(), GITHUB_LIMIT_CHARS);
    let shown = text.matches("<code>llm-serving/object-").count();
    assert!(shown > 50 && text.contains(&format!("_{} more objects left out", 1_000 - shown)), "{shown}");
    assert!(text.contains("### Checklist") && text.contains("### Provenance"));
    accepted(&[("large".into(), text, None)]);
}

/// 200 stacks: a row for each, and as many in full as fit.
#[test]
fn many_stacks_share_a_comment() {
    let case = example();
    let text = comment(&vec![case.review(); 200], &[], GITHUB_LIMIT_CHARS);
    assert!(text.len() < GITHUB_LIMIT_CHARS && text.len() > GITHUB_LIMIT_CHARS / 2, "{}", text.len());
    assert_eq!(text.matches("\n| `customer-support` | high risk |").count(), 200);
    let shown = text.matches("<summary><code>customer-support</code></summary>").count();
    assert!(shown > 3 && text.contains(&format!("_{} more stacks left out", 200 - shown)), "{shown}");
    accepted(&[("many".into(), text, None)]);
}

/// A picture of 60 models is one that people can read and Mermaid can draw.
#[test]
fn a_large_stack_has_a_small_picture() {
    let named = |kind: &str, block: fn(u32) -> serde_json::Value| -> serde_json::Value {
        (0..60).map(|n| (format!("{kind}-{n:02}"), block(n))).collect::<serde_json::Map<_, _>>().into()
    };
    let record = json!({
        "route": named("route", |n| json!({ "model": format!("model-{n:02}"), "guardrails": format!("rails-{n:02}") })),
        "guardrails": named("rails", |_| json!({})),
        "model": named("model", |n| json!({ "place": { "pool": format!("pool-{:02}", n % 7) } })),
        "pool": named("pool", |_| json!({})),
    });
    let mut old = record.clone();
    old["model"]["model-59"]["place"]["pool"] = json!("pool-00");
    let mut case = example();
    case.old = Tree { files: [(RECORD_FILE.to_owned(), old.to_string().into_bytes())].into() };
    case.new = FileSet::default();
    case.new.insert(RECORD_FILE, record.to_string());
    let text = body(&case.review(), GITHUB_LIMIT_CHARS);
    assert!(text.contains("model0[\"model-59 (changed)\"]:::changed"), "{text}");
    assert!(text.contains("[\"and 44 more models\"]"), "{text}");
    let said = accepted(&[("picture".into(), text, None)]);
    assert!(said.contains("1 pictures"), "{said}");
}
