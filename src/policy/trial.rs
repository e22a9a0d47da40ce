//! Running the `test_` rules of policies.

use std::collections::BTreeMap;

use regorus::Value;

use super::Set;
use super::evaluate::rule_path;
use super::load::on_a_deep_stack;
use super::result::cut;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is true.
    Passed,
    /// The rule is false or has no value.
    Failed,
    /// The rule could not be evaluated, in the engine's words.
    Error(String),
    /// The rule's name begins with `todo_test_`.
    Skipped,
}

impl Outcome {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "FAIL",
            Self::Error(_) => "ERROR",
            Self::Skipped => "skipped",
        }
    }
}

/// A test that was run.
#[derive(Clone, Debug)]
pub struct Test {
    /// File that holds it, as shown to people.
    pub path: String,
    /// Line of its first definition, from 1.
    pub line: u32,
    /// Package and rule, such as `data.stack.llmc_test.test_one`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How much of a file the tests reached.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The file, as shown to people.
    pub path: String,
    /// Number of lines with an expression that was evaluated.
    pub covered: usize,
    /// Lines with expressions of which none was evaluated, from 1.
    pub not_covered: Vec<u32>,
}

impl Coverage {
    /// Share of the lines that were reached, in percent, rounded down; 100 for a file without any.
    pub fn percent(&self) -> usize {
        let lines = self.covered + self.not_covered.len();
        (self.covered * 100).checked_div(lines).unwrap_or(100)
    }
}

/// All tests of a set.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The tests, sorted by file and line.
    pub tests: Vec<Test>,
    /// The files that hold no tests, sorted by path.
    pub coverage: Vec<Coverage>,
}

/// Runs every test of `set`, which must have been loaded with its tests.
///
/// # Errors
/// In words, when the engine fails as a whole.
pub fn run(set: &Set) -> Result<Trial, String> {
    on_a_deep_stack(|| {
        let mut engine = set.engine.clone();
        engine.set_enable_coverage(true);
        let mut tests: BTreeMap<(String, u32, String), Outcome> = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::new();
        for file in &set.files {
            for rule in &file.rules {
                let is_skipped = rule.name.starts_with("todo_test_");
                if !is_skipped && !rule.name.starts_with("test_") {
                    continue;
                }
                let name = rule_path(&file.package, &rule.name);
                // Several definitions are one rule.
                if !seen.insert(name.clone()) {
                    continue;
                }
                let outcome = if is_skipped { Outcome::Skipped } else { outcome(&mut engine, &name) };
                tests.insert((file.path.clone(), rule.line, name), outcome);
            }
        }
        let report = engine.get_coverage_report().map_err(|error| error.to_string())?;
        let mut coverage: Vec<Coverage> = report
            .files
            .into_iter()
            .filter(|file| !file.path.ends_with("_test.rego"))
            .map(|file| Coverage { path: file.path, covered: file.covered.len(), not_covered: file.not_covered.into_iter().collect() })
            .collect();
        coverage.sort_by(|a, b| a.path.cmp(&b.path));
        let tests = tests.into_iter().map(|((path, line, name), outcome)| Test { path, line, name, outcome }).collect();
        Ok::<_, String>(Trial { tests, coverage })
    })
}

fn outcome(engine: &mut regorus::Engine, name: &str) -> Outcome {
    engine.set_input(Value::new_object());
    match engine.eval_rule(name.to_owned()) {
        Ok(Value::Bool(true)) => Outcome::Passed,
        Ok(_) => Outcome::Failed,
        Err(error) => Outcome::Error(cut(error.to_string().trim())),
    }
}
