//! The rules of experiments, as Prometheus itself sees them: each fault of theirs must fail a test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{Run, compile, copy, judge, root};

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

/// Whatever a spec states, the tests of its rules pass.
#[test]
fn every_shape_of_an_experiment_passes_its_own_tests() {
    let many: String = (1..=18).map(|n| format!("variant \"arm-{n:02}\" weight=1 prompt=\"v2\"\n        ")).collect();
    let eighteen = format!("{many}variant \"last\" weight=12 prompt=\"v2\"");
    let shapes: [(&str, &[(&str, &str)]); 5] = [
        ("the last step", &[("at-least \"7d\"", "at-least \"7d\"\n        step 3")]),
        ("twenty arms", &[(ARMS, &eighteen), ("ramp 10 25 30", "ramp 30")]),
        (
            "an arm of a hundredth, a guard that must not fall, and one of each other kind",
            &[
                ("weight=70", "weight=99.99"),
                ("weight=30 prompt", "weight=0.01 prompt"),
                ("ramp 10 25 30", "ramp 0.01"),
                (
                    "worse-by=0.10",
                    "worse-by=10\n        guard \"thumbs\" worse-by=0.95\n        guard \"words\" worse-by=0.02 better=\"lower\"",
                ),
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
    for (from, to, test) in [
        // The statistic: not squared, of the wrong shares, against another limit, and over any number of evaluations.
        ("} ^ 2 / on (variant)", "} / on (variant)", "recorded series of support-v2"),
        ("expr: vector(0.7)", "expr: vector(0.69)", "ExperimentSampleRatioMismatch support-v2: silent in good order"),
        ("> 10.83 and", "> 13.82 and", "ExperimentSampleRatioMismatch support-v2: fires"),
        ("> 10.83 and", "> 6.63 and", "ExperimentSampleRatioMismatch support-v2: silent on what chance does"),
        ("> 1000)", "> 0)", "ExperimentSampleRatioMismatch support-v2: silent on few evaluations"),
        // A guard that looks the wrong way, and at a handful of outcomes.
        (
            r#"variant="treatment",metric="ttft"}) - "#,
            r#"variant="control",metric="ttft"}) - "#,
            "ExperimentGuardWorse support-v2 treatment ttft: fires",
        ),
        ("> 200) and", "> 0) and", "ExperimentGuardWorse support-v2 treatment ttft: silent on few outcomes of the arm"),
        ("> 0.1 and", "> 0.05 and", "ExperimentGuardWorse support-v2 treatment ttft: silent in good order"),
        // Counters of another flag, no zero for an arm that nobody ever got, and no traffic asked for.
        (r#"feature_flag_key="support-v2","#, "", "recorded series of support-v2"),
        ("[6h])) or vector(0)) == 0", "[6h]))) == 0", "ExperimentExposuresAbsent support-v2: fires"),
        (
            r#"feature_flag_result_variant="treatment"}[6h]"#,
            r#"feature_flag_result_variant=~".*"}[6h]"#,
            "ExperimentArmWithoutExposures support-v2 treatment: fires",
        ),
        // Ends a day early.
        ("> 1797811200", "> 1797724800", "ExperimentPastItsEnd support-v2: silent in good order"),
        ("> 1797811200", "> 1807811200", "ExperimentPastItsEnd support-v2: fires"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "`{from}` is not in the rules");
        std::fs::write(stack.path("experiments.yaml"), bad).expect("written");
        let run = stack.verdicts().pop().expect("a verdict");
        assert!(run.code == 1 && run.stdout.contains(test), "{from} -> {to}: `{test}` passes\n{}", run.stdout);
    }
}
