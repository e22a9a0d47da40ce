//! The rules of experiments, as Prometheus itself sees them: each fault of theirs must fail a test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Run, compile, copy, judge, root, yaml};

const TESTS: [&str; 2] = ["experiments-tests.yaml", "experiments-end-tests.yaml"];

/// The canonical stack with its experiment edited, compiled.
struct Compiled {
    folder: TempDir,
}

impl Compiled {
    fn edited(edits: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let source = folder.path().join("stacks/customer-support");
        copy(&root().join("stacks/customer-support"), &source);
        let spec = source.join("stack.kdl");
        let mut text = std::fs::read_to_string(&spec).expect("text");
        for (from, to) in edits {
            assert!(text.contains(from), "the spec lacks `{from}`");
            text = text.replace(from, to);
        }
        std::fs::write(&spec, text).expect("written");
        compile(&source, &folder.path().join("out"));
        Self { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("out/customer-support/prometheus").join(file)
    }

    fn rules(&self) -> String {
        read(&self.path("experiments.yaml"))
    }

    /// promtool's verdict on the rules where only the tests of `subject` are asked, each in its file.
    fn verdict_on(&self, subject: &str) -> Run {
        let (mut asked, folder) = (Vec::new(), self.path(""));
        for file in TESTS {
            let mut tests = yaml(&read(&self.path(file)));
            tests["tests"]
                .as_array_mut()
                .expect("tests")
                .retain(|test| test["name"].as_str().is_some_and(|name| name.starts_with(subject)));
            if tests["tests"].as_array().is_some_and(|tests| !tests.is_empty()) {
                let path = folder.join(format!("asked-{file}"));
                // JSON is YAML.
                std::fs::write(&path, tests.to_string()).expect("written");
                asked.push(path.to_string_lossy().into_owned());
            }
        }
        assert!(!asked.is_empty(), "no test of {subject}");
        judge("promtool", &std::iter::once("test").chain(asked.iter().map(String::as_str)).collect::<Vec<_>>(), "")
    }

    /// promtool's verdict on the rules and on those of their tests that are there.
    fn verdicts(&self) -> Vec<Run> {
        let path = |file: &str| self.path(file).to_string_lossy().into_owned();
        let tests: Vec<String> = TESTS.iter().map(|file| path(file)).filter(|file| Path::new(file).exists()).collect();
        let tests = std::iter::once("test").chain(tests.iter().map(String::as_str)).collect::<Vec<_>>();
        vec![judge("promtool", &["check", &path("experiments.yaml")], ""), judge("promtool", &tests, "")]
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

const ARMS: &str = r#"variant "treatment" weight=30 prompt="v2""#;
/// So many that even a small arm gets enough of them before the experiment ends.
const MANY_USERS: (&str, &str) = ("users-per-day 2500", "users-per-day 250000000");

/// Whatever a spec states, the tests of its rules pass.
#[test]
fn every_shape_of_an_experiment_passes_its_own_tests() {
    let many: String = (1..=3).map(|n| format!("variant \"arm-{n}\" weight=1 prompt=\"v2\"\n        ")).collect();
    let five = format!("{many}variant \"last\" weight=27 prompt=\"v2\"");
    let shapes: [(&str, &[(&str, &str)]); 5] = [
        ("the last step", &[("at-least \"7d\"", "at-least \"7d\"\n        step 3")]),
        ("five arms", &[(ARMS, &five), MANY_USERS]),
        (
            "an arm of a hundredth, a guard that must not fall, and one of each other kind",
            &[
                ("weight=70", "weight=99.99"),
                ("weight=30 prompt", "weight=0.01 prompt"),
                ("ramp 10 25 30", "ramp 0.01"),
                (
                    "worse-by=0.10",
                    "worse-by=10\n        guard \"thumbs\" worse-by=0.95 better=\"higher\"\n        guard \"words\" worse-by=0.02 better=\"lower\"",
                ),
                MANY_USERS,
            ],
        ),
        (
            "a holdout and an audience",
            &[(
                "        power 0.8",
                "        holdout \"all\" percent=5\n        audience \"country\" {\n            one-of \"KR\"\n        }\n        power 0.8",
            )],
        ),
        (
            "a stopped one without a last day",
            &[
                ("route \"support\"\n        variant", "route \"support\"\n        state \"stopped\"\n        variant"),
                ("        ends \"2026-12-20\"\n", ""),
            ],
        ),
    ];
    for (what, edits) in shapes {
        let stack = Compiled::edited(edits);
        for run in stack.verdicts() {
            assert_eq!(run.code, 0, "{what}\n{}\n{}", run.stdout, stack.rules());
        }
    }
}

/// Each is a way in which such a rule is often wrong.
#[test]
fn a_broken_rule_of_an_experiment_fails_its_tests() {
    let stack = Compiled::edited(&[]);
    let good = stack.rules();
    // promtool names a test of values only by what it asks.
    let (recorded, mismatch, guard) = ("recorded series", "ExperimentSampleRatioMismatch", "ExperimentGuardWorse");
    let (absent, silent, end) = ("ExperimentExposuresAbsent", "ExperimentArmWithoutExposures", "ExperimentPastItsEnd");
    for (from, to, subject, test) in [
        // The statistic: not squared, of the wrong shares, against another limit, and over any number of evaluations.
        ("} ^ 2 / on (variant)", "} / on (variant)", recorded, "llmc:experiment_sample_ratio:chi_square1d{"),
        ("expr: vector(0.69", "expr: vector(0.68", mismatch, ": silent in good order"),
        ("> 10.83 and", "> 13.82 and", mismatch, ": fires"),
        ("> 10.83 and", "> 6.63 and", mismatch, ": silent on what chance does"),
        ("> 1000)", "> 0)", mismatch, ": silent on few evaluations"),
        // A guard that compares an arm with itself, and one that looks at a handful of outcomes.
        (r#"variant="treatment",metric="ttft"}) - "#, r#"variant="control",metric="ttft"}) - "#, guard, ": fires"),
        ("> 200) and", "> 0) and", guard, ": silent on few outcomes of the arm"),
        ("> 0.1 and", "> 0.05 and", guard, ": silent in good order"),
        // Outcomes that nobody named.
        (r#"metric=~"quality|ttft""#, r#"metric=~".*""#, recorded, "count(llmc:experiment_outcome:mean1d{"),
        // Other flags, no zero for what was never counted, and arms that are not told apart.
        (r#"feature_flag_key="support-v2","#, "", recorded, "llmc:experiment_evaluations:increase1d{"),
        ("[6h])) or vector(0)) == 0", "[6h]))) == 0", absent, ": fires"),
        ("[6h])) or vector(0)) == 0", "[6h]))) == 0", silent, " treatment: fires"),
        (r#"feature_flag_result_variant="treatment"}[6h]"#, r#"feature_flag_result_variant=~".*"}[6h]"#, silent, " treatment: fires"),
        ("> 0.7667", "> 0.9", "ExperimentUsersWithoutKey", ": fires"),
        ("> 0.01", "> 0.05", "ExperimentEvaluationErrors", ": fires"),
        // Ends a day early, and half a year late.
        ("> 1797811200", "> 1797724800", end, ": silent in good order"),
        ("> 1797811200", "> 1813811200", end, ": fires"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "`{from}` is not in the rules");
        std::fs::write(stack.path("experiments.yaml"), bad).expect("written");
        let run = stack.verdict_on(subject);
        assert!(run.code == 1 && run.stdout.contains(test), "{from} -> {to}: `{test}` passes\n{}", run.stdout);
    }
    std::fs::write(stack.path("experiments.yaml"), good).expect("written");
    assert_eq!(stack.verdict_on(end).code, 0, "what is asked passes with the good rules");
}
