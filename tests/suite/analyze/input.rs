//! Files of scores that are wrong in every way that they can be.

use super::{experiment, generated, read};
use llmc::diagnostic::{Severity, render_short};

const MOST: usize = 1 << 20;
const HEADER: &str = "user,variant,metric,value\n";

/// The findings of `text`, one line each.
fn findings(text: &[u8]) -> String {
    render_short(&read(&experiment(), text, MOST).findings)
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn every_wrong_file_says_what_is_wrong_and_where() {
    let experiment = experiment();
    let csv = |rows: &str| format!("{HEADER}{rows}").into_bytes();
    let long = "x".repeat(300_000);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "scores.csv:1:1: error[LLMC-A030]: the file of scores is empty"),
        (b"\n \n".to_vec(), "error[LLMC-A030]: the file of scores is empty"),
        (vec![0x1f, 0x8b, 8, 0], "error[LLMC-A030]: the scores are compressed with gzip"),
        (b"PAR1....".to_vec(), "error[LLMC-A030]: the scores are in Parquet"),
        (b"[{\"user\":\"a\"}]".to_vec(), "error[LLMC-A030]: a JSON list"),
        (utf16(HEADER, true), "error[LLMC-A033]: the scores are in UTF-16"),
        (utf16(HEADER, false), "error[LLMC-A033]: the scores are in UTF-16"),
        ([csv("").as_slice(), b"J\xfcrgen,control,quality,0.5\n"].concat(), ":2:1: error[LLMC-A033]: a row is not in UTF-8"),
        (b"u1,control,quality,0.5\n".to_vec(), ":1:1: error[LLMC-A031]: the header has no column `user`, `variant`, `metric`, `value`"),
        (b"User,variant,metric,value\n".to_vec(), "error[LLMC-A031]: the header has no column `user`"),
        (b"user;variant;metric;value\n".to_vec(), "error[LLMC-A031]: the header has no column"),
        (b"user,variant,metric,value,user\n".to_vec(), "error[LLMC-A031]: the column `user` stands there twice"),
        (csv("u1,control,quality,0.5\nu2,cont"), ":3:1: error[LLMC-A032]: the file ends in the middle of a row: 2 of 4 fields"),
        (csv("u1,\"control,quality,0.5\nu2,control,quality,0.5\n"), ":2:1: error[LLMC-A032]: a quoted field never ends"),
        (csv("u1,\"con,x,1\nu2,a\"x,quality,0.5\n"), ":2:1: error[LLMC-A032]: a quoted field runs over the end of its line"),
        (
            csv(&format!("u1,control,quality,0.5\nu2,\"{long}{long}")),
            ":3:1: error[LLMC-A032]: a quoted field that begins here does not end",
        ),
        (csv("u1,contrl,quality,0.5\n"), ":2:4: error[LLMC-A034]: the experiment `support-v2` has no variant `contrl`"),
        (csv("u1,,quality,0.5\n"), "error[LLMC-A034]: a score without a variant"),
        (csv("u1,control,qualty,0.5\n"), ":2:12: warning[LLMC-A035]: the experiment `support-v2` has no metric or guard `qualty`"),
        (csv("\r\n\r\nu1,control,quality,NaN\r\n"), ":4:20: warning[LLMC-A036]: a score of `quality` that is not a number (NaN)"),
        (csv("u1,control,quality,-inf\n"), "warning[LLMC-A036]: a score of `quality` that is infinite"),
        (csv("u1,control,quality,1e400\n"), "warning[LLMC-A036]: a score of `quality` that is infinite"),
        (csv("u1,control,quality,1e200\n"), "warning[LLMC-A036]: a score of `quality` that is 1e200, beyond 1e100"),
        (csv("u1,control,quality,\n"), "warning[LLMC-A036]: a score of `quality` that has no value"),
        (csv("u1,control,quality,good\n"), "warning[LLMC-A036]: a score of `quality` that is no number: `good`"),
        (csv(" ,control,quality,0.5\n"), ":2:1: warning[LLMC-A037]: a score without a user"),
        (csv("u1,control,quality,0,5\nu2,control,quality,1\n"), ":2:1: warning[LLMC-A038]: a row with 5 fields, and the header has 4"),
        (
            b"{\"user\":\"u1\",\"variant\":\"control\",\"metric\":\"quality\",\"value\":NaN}\n".to_vec(),
            ":1:61: warning[LLMC-A038]: `NaN` is no JSON",
        ),
        (
            b"{\"user\":\"u1\",\"variant\":\"control\",\"metric\":\"quality\",\"value\":true}\n".to_vec(),
            "warning[LLMC-A036]: a score of `quality` that is true or false",
        ),
        (
            b"{\"user\":null,\"variant\":\"control\",\"metric\":\"quality\",\"value\":1}\n".to_vec(),
            "warning[LLMC-A037]: a score without a user",
        ),
        (b"{\"user\":1,\"user\":2}\n".to_vec(), "warning[LLMC-A038]: no score: the field `user` stands there twice"),
        (b"{\"user\":1.5}\n".to_vec(), "warning[LLMC-A038]: no score: a name that is a number must be a whole one"),
        (b"{\"user\":\"u1\"}\n{\"user\":\"u".to_vec(), ":2:1: error[LLMC-A032]: the file ends in the middle of a row"),
        (format!("{{\"user\":\"{long}\"}}\n{{\n").into_bytes(), ":1:1: warning[LLMC-A038]: a line of more than 256 KiB"),
        (format!("{{\"user\":\"a\"}}\n{}\n", "[".repeat(5_000)).into_bytes(), ":2:1: error[LLMC-A030]: a JSON list"),
    ];
    for (text, expected) in cases {
        let read = read(&experiment, &text, MOST);
        let shown = render_short(&read.findings);
        assert!(shown.contains(expected), "{expected}\n{shown}");
        let most = read.findings.iter().map(|finding| finding.primary.text.chars().count()).max();
        assert!(most.unwrap_or_default() <= 310, "a row of {most:?} characters is shown");
        let is_error = read.findings.iter().any(|finding| finding.rule.severity == Severity::Error);
        assert!(!is_error || !read.faults().is_empty(), "{expected} gives a verdict");
    }
}

#[test]
fn marks_line_ends_orders_and_forms_do_not_matter() {
    let experiment = experiment();
    let rows = [("u1", "control", 0.5), ("u1", "control", 0.7), ("ü2", "treatment", 0.25), ("3", "control", 1.0)];
    let csv = |end: &str| -> String {
        let rows = rows.iter().map(|(user, arm, value)| format!("quality,\"{user}\",{value},{arm}{end}"));
        std::iter::once(format!("metric,user,value,variant{end}")).chain(rows).collect()
    };
    let json: String = rows
        .iter()
        .map(|(user, arm, value)| {
            let user = if *user == "3" { "3".to_owned() } else { format!("\"{user}\"") };
            format!("{{\"value\":{value},\"note\":{{\"a\":[1]}},\"metric\":\"quality\",\"user\":{user},\"variant\":\"{arm}\"}}\n")
        })
        .collect();
    let want = format!("{:?}", read(&experiment, csv("\n").as_bytes(), MOST).samples);
    assert!(want.contains("count: 2"), "{want}");
    let marked = format!("\u{feff}{}", csv("\r\n"));
    for text in [marked, csv("\r\n\r\n"), csv("\r"), json.clone(), format!("\u{feff}\n{json}")] {
        let read = read(&experiment, text.as_bytes(), MOST);
        assert_eq!((format!("{:?}", read.samples), read.findings.len(), read.rows.used), (want.clone(), 0, 4), "{text}");
    }
    let text = csv("\n");
    let cut = read(&experiment, text.trim_end().as_bytes(), MOST);
    assert!(cut.rows.ends_without_newline && cut.findings.is_empty());
    let noted = read(&experiment, json.as_bytes(), MOST);
    assert_eq!(noted.rows.ignored_columns.iter().collect::<Vec<_>>(), ["note"]);
}

#[test]
fn rows_of_others_are_counted_and_left_out() {
    let text = "experiment,user,variant,metric,value\nsupport-v2,u1,control,quality,0.5\nother,u1,blue,quality,0.5\nsupport-v2,u2,off,quality,0.5\n\
                support-v2,u3,treatment,cost,1\n";
    let read = read(&experiment(), text.as_bytes(), MOST);
    let rows = &read.rows;
    assert_eq!((rows.read, rows.used, rows.of_other_experiments, rows.off, rows.of_other_metrics, rows.refused()), (4, 1, 1, 1, 1, 0));
}

#[test]
fn users_in_two_arms_are_left_out_and_too_many_leave_no_verdict() {
    let experiment = experiment();
    let file = |both: u32| -> String {
        let rows = (0..1_000).map(|user| {
            let arm = if user % 10 < 7 { "control" } else { "treatment" };
            let second = if user < both {
                format!("u{user},{},ttft,1\n", if arm == "control" { "treatment" } else { "control" })
            } else {
                String::new()
            };
            format!("u{user},{arm},quality,0.{}\n{second}", user % 9)
        });
        HEADER.to_owned() + &rows.collect::<String>()
    };
    let some = read(&experiment, file(10).as_bytes(), MOST);
    assert_eq!((some.users_in_two_arms, some.users.values().sum::<u64>(), some.faults()), (10, 990, vec![]));
    let many = read(&experiment, file(11).as_bytes(), MOST);
    assert!(many.faults()[0].contains("11 of 1,000 users have scores in two arms"), "{:?}", many.faults());
}

#[test]
fn refused_rows_count_where_they_are_many_or_one_sided() {
    let experiment = experiment();
    let file = |lost: &dyn Fn(u32) -> bool| -> String {
        let rows = (0..10_000).map(|user| {
            let arm = if user % 2 == 0 { "control" } else { "treatment" };
            format!("u{user},{arm},quality,{}\n", if lost(user) { "NaN" } else { "0.5" })
        });
        HEADER.to_owned() + &rows.collect::<String>()
    };
    let even = read(&experiment, file(&|user| user % 200 < 2).as_bytes(), MOST);
    assert_eq!((even.rows.refused["score-not-a-number"], even.faults(), even.findings.len()), (100, vec![], 20));
    assert!(even.findings[19].help.iter().any(|help| help.contains("80 more of LLMC-A036")));
    let many = read(&experiment, file(&|user| user % 200 < 4).as_bytes(), MOST);
    assert!(many.faults()[0].contains("200 of 10,000 rows were refused"), "{:?}", many.faults());
    let one_sided = read(&experiment, file(&|user| user % 250 == 1).as_bytes(), MOST);
    assert!(one_sided.faults()[0].contains("one arm lost more rows"), "{:?}", one_sided.faults());
}

#[test]
fn room_for_few_entries_gives_what_room_for_all_does() {
    let experiment = experiment();
    let text = generated(21, 40_000, 0.3, 0.0, 1.0);
    assert!(text.lines().count() > 110_000);
    let all = read(&experiment, text.as_bytes(), MOST);
    let few = read(&experiment, text.as_bytes(), 5_000);
    assert_eq!((all.users, all.rows), (few.users, few.rows));
    for (metric, arms) in &all.samples {
        for (arm, sample) in arms {
            let other = few.samples[metric][arm];
            assert_eq!(sample.count(), other.count());
            // The sums of a user's rows may be added up in another order.
            assert!((sample.mean() / other.mean() - 1.0).abs() < 1e-12);
            assert!((sample.variance().unwrap() / other.variance().unwrap() - 1.0).abs() < 1e-12);
        }
    }
}

/// Whatever the bytes: findings or samples, and an end.
#[test]
fn no_bytes_break_the_reader() {
    let experiment = experiment();
    let base = generated(22, 40, 0.3, 0.0, 1.0).into_bytes();
    let json = b"{\"user\":\"u1\",\"variant\":\"control\",\"metric\":\"quality\",\"value\":0.5}\n".repeat(20);
    let mut random = super::Random(5);
    for round in 0..400 {
        let mut bytes = if round % 2 == 0 { base.clone() } else { json.clone() };
        for _ in 0..1 + round % 7 {
            let at = (random.uniform() * bytes.len() as f64) as usize;
            match round % 4 {
                0 => bytes[at] = (random.uniform() * 256.0) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b'"'),
                _ => drop(bytes.remove(at)),
            }
        }
        let read = read(&experiment, &bytes, 7);
        let rows = &read.rows;
        let counted = rows.used + rows.off + rows.of_other_experiments + rows.of_other_metrics + rows.refused();
        assert_eq!(rows.read, counted, "{rows:?}\n{}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(findings(&base), "");
}
