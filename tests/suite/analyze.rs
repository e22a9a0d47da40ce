//! `llmc experiment analyze`: files of scores, right and wrong, and what follows from them.

mod input;
#[cfg(feature = "prometheus")]
mod prometheus;
mod verdicts;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use llmc::experiment::analysis::scores::{self, Scores};
use llmc::stack::Experiment;
use serde_json::{Value, json};

use crate::harness::{TODAY, judge, llmc, resolved, root};

/// The experiment of the canonical stack: control 70, treatment 30, the metric `quality`, the guard `ttft`.
pub fn experiment() -> Experiment {
    resolved("customer-support").experiments.remove("support-v2").expect("the experiment")
}

/// What is read of `text`, with room for `most_entries`.
pub fn read(experiment: &Experiment, text: &[u8], most_entries: usize) -> Scores {
    scores::read(experiment, "scores.csv", &mut { text }, most_entries, &mut |_| ()).expect("it is read")
}

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal, with mean 0 and deviation 1: the sum of twelve.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Scores of `users` users, a share of `treated` of them in the treatment, whose quality is better by `effect`
/// and whose first token takes `slower` times as long.
pub fn generated(seed: u64, users: u32, treated: f64, effect: f64, slower: f64) -> String {
    let mut random = Random(seed);
    let mut text = "metric,user,value,variant\n".to_owned();
    for user in 0..users {
        let is_treated = random.uniform() < treated;
        let (arm, better, times) = if is_treated { ("treatment", effect, slower) } else { ("control", 0.0, 1.0) };
        for _ in 0..1 + user % 3 {
            writeln!(text, "quality,u{user},{:.4},{arm}", 0.78 + better + 0.19 * random.normal()).unwrap();
        }
        writeln!(text, "ttft,u{user},{:.4},{arm}", times * (1.0 + 0.2 * random.normal())).unwrap();
    }
    text
}

/// Runs the command on a file of scores.
fn analyze(text: &str, args: &[&str]) -> (crate::harness::Run, Option<Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.csv");
    fs::write(&file, text).expect("written");
    let all = ["experiment", "analyze", "support-v2", "--stack", "customer-support", "--scores", file.to_str().expect("UTF-8")];
    let run = llmc(root(), &all.iter().chain(args).copied().collect::<Vec<_>>());
    let report = serde_json::from_str(&run.stdout).ok();
    (run, report)
}

#[test]
fn a_known_effect_is_found_and_its_figures_are_those_of_scipy() {
    let text = generated(11, 12_000, 0.3, 0.03, 1.0);
    let (run, report) = analyze(&text, &["--days", "21", "--json"]);
    let report = report.expect("a report");
    assert_eq!((run.code, &report["verdict"]["word"], &report["verdict"]["arm"]), (0, &json!("deploy"), &json!("treatment")), "{report:#}");
    assert_eq!((report["verdict"]["prompt_version"].as_str(), report["guards"][0]["state"].as_str()), (Some("v2"), Some("held")));
    let schema: Value = serde_json::from_str(&fs::read_to_string(root().join("schemas/analysis.schema.json")).unwrap()).unwrap();
    assert!(jsonschema::validator_for(&schema).expect("a schema").is_valid(&report));

    // The means of users, straight from the rows.
    let mut users: std::collections::BTreeMap<(&str, &str), Vec<f64>> = Default::default();
    for line in text.lines().filter(|line| line.starts_with("quality")) {
        let fields: Vec<&str> = line.split(',').collect();
        users.entry((fields[3], fields[1])).or_default().push(fields[2].parse().expect("a number"));
    }
    let means = |arm: &str| -> Vec<f64> {
        let of_arm = users.iter().filter(|((of, _), _)| *of == arm);
        of_arm.map(|(_, values)| values.iter().sum::<f64>() / values.len() as f64).collect()
    };
    let metric = &report["metrics"][0];
    let result = json!({"t": metric["t"], "df": metric["df"], "p": metric["p"], "low": metric["low"], "high": metric["high"],
        "d": metric["d"], "d_low": metric["d_low"], "d_high": metric["d_high"]});
    let ratio = json!({"chi_squared": report["sample_ratio"]["chi_squared"], "p": report["sample_ratio"]["p"]});
    let counts: Vec<&Value> = report["arms"].as_array().expect("arms").iter().map(|arm| &arm["samples"]).collect();
    // Steps of the ramp are whole parts, so that the split is not quite 70 to 30.
    let weights: Vec<u32> = experiment().arms.values().map(|arm| arm.active_parts).collect();
    let cases = json!([
        {"kind": "welch", "arguments": {"control": means("control"), "treatment": means("treatment"), "alpha": 0.05}, "result": result},
        {"kind": "ratio", "arguments": {"observed": counts, "weights": weights}, "result": ratio},
    ]);
    let judged = judge("scipy", &[], &cases.to_string());
    assert_eq!((judged.code, judged.stdout.as_str()), (0, ""));
}

#[test]
fn the_same_rows_give_the_same_bytes_in_every_form() {
    let text = generated(12, 4_000, 0.3, 0.0, 1.0);
    let folder = tempfile::tempdir().expect("a folder");
    let pictures = ["a.svg", "b.svg"].map(|name| folder.path().join(name));
    let runs = pictures.each_ref().map(|path| analyze(&text, &["--days", "21", "--markdown", "--svg", path.to_str().unwrap()]).0);
    assert_eq!((runs[0].code, &runs[0].stdout), (0, &runs[1].stdout));
    assert!(runs[0].stdout.starts_with("## support-v2: keep control\n"), "{}", runs[0].stdout);
    let svgs = pictures.map(|path| fs::read(path).expect("a picture"));
    assert_eq!(svgs[0], svgs[1]);
    let well_formed = |svg: &[u8]| {
        let program =
            "import sys, xml.etree.ElementTree as t; assert t.parse(sys.stdin.buffer).getroot().tag == '{http://www.w3.org/2000/svg}svg'";
        let mut python = Command::new("python3").args(["-c", program]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Python");
        python.stdin.take().expect("a pipe").write_all(svg).expect("written");
        python.wait().expect("it ends").success()
    };
    assert!(well_formed(&svgs[0]));
    assert!(!well_formed(&[&svgs[0][..], b"<"].concat()));
    let (shown, _) = analyze(&text, &["--days", "21"]);
    assert!(shown.stdout.contains("support-v2 (customer-support): keep control") && shown.stdout.contains('●'), "{}", shown.stdout);
}

#[test]
fn a_broken_split_or_wrong_rows_fail_the_command() {
    let (run, report) = analyze(&generated(13, 12_000, 0.36, 0.03, 1.0), &["--days", "21", "--json"]);
    let report = report.expect("a report");
    assert_eq!((run.code, &report["verdict"]["word"], &report["metrics"]), (1, &json!("broken"), &json!([])));
    assert!(report["sample_ratio"]["p"].as_f64().expect("a number") < 0.001);

    let text = generated(14, 4_000, 0.3, 0.0, 1.0).replace("u77,", "u77\u{1b}[2J,") + "quality,u1,NaN,control\nquality,u2,0.5,contrl\n";
    let (run, _) = analyze(&text, &["--days", "21"]);
    assert_eq!(run.code, 1);
    for part in ["warning[LLMC-A036]", "error[LLMC-A034]", "scores.csv:", "did you mean `control`?", "quality,u1,NaN,control"] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
    assert!(!run.stderr.contains('\u{1b}') && run.stdout.contains("support-v2 (customer-support): broken"), "{}", run.stdout);
    let line = format!(":{}:", text.lines().count() - 1);
    assert!(run.stderr.contains(&line), "{line}\n{}", run.stderr);

    for (args, part) in [
        (&["--scores", "no-such-file.csv"][..], "cannot read `no-such-file.csv`"),
        (&["--scores", "src"], "is a folder"),
        (&["--prometheus", "ftp://host"], "begins with https:// or http://"),
        (&[], "--scores"),
    ] {
        let all: Vec<&str> =
            ["experiment", "analyze", "support-v2", "--stack", "customer-support", "--days", "9"].iter().chain(args).copied().collect();
        let run = llmc(root(), &all);
        assert!(run.code == 1 && run.stderr.contains(part), "{}", run.stderr);
    }
}

/// The greatest memory of the command that reads `rows` rows of as many users, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(rows: u32) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_llmc"))
        .args(["experiment", "analyze", "support-v2", "--stack", "customer-support", "--days", "21", "--json", "--scores", "-"])
        .current_dir(root())
        .envs([TODAY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("llmc starts");
    let mut stdin = std::io::BufWriter::new(child.stdin.take().expect("a pipe"));
    writeln!(stdin, "user,variant,metric,value").expect("written");
    for row in 0..rows {
        let arm = if row % 10 < 7 { "control" } else { "treatment" };
        writeln!(stdin, "a-user-with-a-rather-long-name-{row},{arm},quality,0.{}", 1 + row % 9).expect("written");
    }
    stdin.flush().expect("written");
    // All but the last pipe is read, and the greatest so far stays.
    let status = format!("/proc/{}/status", child.id());
    let peak = move || {
        let text = fs::read_to_string(&status).ok()?;
        text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let mut most = peak().expect("a process");
    drop(stdin);
    while let Some(now) = peak() {
        most = most.max(now);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let report: Value = serde_json::from_slice(&child.wait_with_output().expect("it ends").stdout).expect("a report");
    assert_eq!(report["rows"]["used"], rows);
    most
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_names_of_users() {
    let (few, many) = (peak_kib(3_000), peak_kib(300_000));
    // 300,000 entries of 32 bytes, up to twice that while the buffer grows, and half of it while it is sorted.
    assert!(many < few + 30 * 1024, "{few} KiB and {many} KiB");
}
