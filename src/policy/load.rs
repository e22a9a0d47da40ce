//! Policy files to an engine that is ready to be asked.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::inspect::{Declared, Facts};
use super::message::Texts;
use super::{File, Moment, Policy, calls, rules, shipped};
use crate::diagnostic::{Finding, Severity, did_you_mean, has_errors};

/// Longest time for one rule over one input. Real ones take well under a millisecond.
const RULE_TIME: Duration = Duration::from_secs(5);
/// Steps of the engine between two looks at the clock.
const STEPS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);
/// Most numbers of a range: the engine makes the whole list first, and cannot be stopped meanwhile.
const MOST_NUMBERS: u64 = 100_000;
/// Stack of the thread that evaluates. A rule takes up to 200 KiB of it, and `calls` bounds how many
/// stand on one another.
pub(super) const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Policies that can be asked.
#[derive(Clone, Debug)]
pub struct Set {
    pub(super) engine: Engine,
    pub(super) policies: Vec<Policy>,
    /// Packages with `exception` rules, and the places of those.
    pub(super) exceptions: BTreeMap<Vec<String>, (String, std::ops::Range<usize>)>,
    /// Place of each policy's first definition.
    pub(super) ranges: Vec<std::ops::Range<usize>>,
    pub(super) files: Vec<Facts>,
    pub(super) texts: Texts,
    /// Files of the repository that are shipped ones, by path, with the path of the original.
    copies: BTreeMap<String, String>,
    faults: Vec<Finding>,
}

impl Set {
    /// The policies that ship with llmc and those of `files`, without their tests. What is wrong with
    /// them is in [`Set::faults`].
    pub fn load(files: Vec<File>) -> Self {
        Self::assemble(files, false)
    }

    /// As [`Set::load`], with the files that hold tests.
    pub fn load_with_tests(files: Vec<File>) -> Self {
        Self::assemble(files, true)
    }

    /// Adds findings about the files themselves.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Finding>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// What is wrong with the files. Nothing is asked while one of these is an error.
    pub fn faults(&self) -> &[Finding] {
        &self.faults
    }

    /// Every rule that is asked, sorted by moment, name and package.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The path by which the file at `path` is known: a copy of a shipped file is that file.
    pub fn known_as(&self, path: &str) -> String {
        self.copies.get(path).map_or_else(|| path.to_owned(), String::clone)
    }

    fn assemble(own: Vec<File>, with_tests: bool) -> Self {
        let mut set = Self {
            engine: engine(),
            policies: Vec::new(),
            exceptions: BTreeMap::new(),
            ranges: Vec::new(),
            files: Vec::new(),
            texts: Texts::default(),
            copies: BTreeMap::new(),
            faults: Vec::new(),
        };
        // A copy of a shipped file is that file.
        let (copies, own): (Vec<File>, Vec<File>) =
            own.into_iter().partition(|file| shipped::FILES.iter().any(|(_, text)| *text == file.text));
        for copy in copies {
            let original = shipped::FILES.iter().find(|(_, text)| *text == copy.text).map(|(path, _)| shipped_path(path));
            original.into_iter().for_each(|original| drop(set.copies.insert(copy.path.clone(), original)));
        }
        let shipped = shipped::FILES.iter().map(|(path, text)| (File { path: shipped_path(path), text: (*text).to_owned() }, true));
        for (file, is_shipped) in shipped.chain(own.into_iter().map(|file| (file, false))) {
            if with_tests || !file.is_test() {
                set.add(file, is_shipped);
            }
        }
        if !has_errors(&set.faults) {
            set.faults.extend(calls::check(&set.files, &set.texts));
        }
        if !has_errors(&set.faults) {
            set.prepare();
        }
        set.declare();
        set
    }

    fn add(&mut self, file: File, is_shipped: bool) {
        self.texts.add(&file.path, &file.text);
        let help = "policies are Rego v1; `llmc explain LLMC-Y003` says what a policy may be";
        if let Err(error) = on_a_deep_stack(|| self.engine.add_policy(file.path.clone(), file.text)) {
            let fault = self.texts.of_engine(&error, &file.path, 0..0, "the policy cannot be read: ", help);
            return self.faults.push(fault);
        }
        let packages = self.engine.get_policy_package_components().unwrap_or_default();
        let package = packages.into_iter().next_back().map(|package| package.components).unwrap_or_default();
        let Some(facts) = self.engine.get_modules().last().map(|module| Facts::of(&file.path, package, module)) else { return };
        let range = facts.package_range.clone();
        let first = facts.package.first().map(String::as_str).unwrap_or_default();
        let own = facts.package.iter().any(|word| word == shipped::WORD);
        if own && !is_shipped {
            let message = format!("the package `{}` belongs to llmc's own policies", facts.package.join("."));
            let help = format!("use another word than `{}`; `llmc policy list` shows how to turn a shipped policy off", shipped::WORD);
            self.faults.push(self.texts.fault(&file.path, range, message, help));
        } else if calls::DOCUMENTS.contains(&first) {
            let message = format!("the package `{first}` has the name of a stack that llmc gives to policies over a plan");
            self.faults.push(self.texts.fault(&file.path, range, message, "give the package another name"));
        }
        self.files.push(facts);
    }

    /// Lets the engine see that the files fit together, once for every later use.
    fn prepare(&mut self) {
        let prepared = on_a_deep_stack(|| self.engine.eval_query("true".to_owned(), false));
        if let Err(error) = prepared {
            let path = self.files.last().map(|file| file.path.clone()).unwrap_or_default();
            let help = "no policy can be asked while one is wrong";
            self.faults.push(self.texts.of_engine(&error, &path, 0..0, "the policies cannot be used: ", help));
        }
    }

    /// Makes the list of policies, and says which rules look like one and are none.
    fn declare(&mut self) {
        let mut found: Vec<(Policy, std::ops::Range<usize>)> = Vec::new();
        for file in &self.files {
            let moment = file.package.first().and_then(|word| Moment::WORDS.iter().find(|(known, _)| known == word));
            let mut is_told = false;
            for rule in &file.rules {
                let Some((severity, suffix)) = convention(&rule.name) else { continue };
                let Some((_, moment)) = moment else {
                    if !is_told && !self.is_imported(&file.package) {
                        self.faults.push(self.never_run(file, rule));
                        is_told = true;
                    }
                    continue;
                };
                if rule.is_function {
                    let message = format!("`{}` is a function, and a policy has no arguments", rule.name);
                    let help = "give the function another name, or write `deny_name contains msg if { … }`";
                    self.faults.push(self.texts.fault(&file.path, rule.range.clone(), message, help));
                } else if severity.is_none() {
                    let place = (file.path.clone(), rule.range.clone());
                    self.exceptions.entry(file.package.clone()).or_insert(place);
                } else if !found.iter().any(|(policy, _)| policy.package == file.package && policy.rule == rule.name) {
                    let name = suffix.map_or_else(|| format!("{}.{}", file.package.join("."), rule.name), str::to_owned);
                    let policy = Policy {
                        name,
                        moment: *moment,
                        severity: severity.unwrap_or(Severity::Error),
                        is_shipped: file.path.starts_with("llmc:"),
                        package: file.package.clone(),
                        rule: rule.name.clone(),
                        path: file.path.clone(),
                        line: rule.line,
                    };
                    found.push((policy, rule.range.clone()));
                }
            }
        }
        found.sort_by(|(a, _), (b, _)| (a.moment, &a.name, &a.package, &a.rule).cmp(&(b.moment, &b.name, &b.package, &b.rule)));
        (self.policies, self.ranges) = found.into_iter().unzip();
    }

    fn is_imported(&self, package: &[String]) -> bool {
        let whole = [&["data".to_owned()], package].concat();
        let names = self.files.iter().filter(|file| file.package != package);
        let uses = |file: &Facts| {
            let uses = file.rules.iter().flat_map(|rule| rule.uses.iter().chain(&rule.calls)).map(|name| file.full(&name.words));
            file.imports.iter().map(|(_, import)| import.words.clone()).chain(uses).any(|full| full.starts_with(&whole))
        };
        names.into_iter().any(uses)
    }

    /// A rule of a package that no moment asks: a slip of the package's name is an error.
    fn never_run(&self, file: &Facts, rule: &Declared) -> Finding {
        let package = file.package.join(".");
        let near = file.package.first().and_then(|word| did_you_mean(word, Moment::WORDS.map(|(word, _)| word)));
        let message = format!("the rule `{}` is never asked: no moment asks the package `{package}`", rule.name);
        let help = match near {
            Some(near) => format!("did you mean `package {near}`?"),
            None => "name the package `stack`, `manifests`, `main` or `plan`, or such a word with a name after a dot".to_owned(),
        };
        let fault =
            self.texts.fault(&file.path, if near.is_some() { file.package_range.clone() } else { rule.range.clone() }, message, help);
        if near.is_some() { fault } else { Finding { rule: &rules::NEVER_RUN, ..fault } }
    }
}

/// How a shipped file is shown, so that it is not looked for in the repository.
fn shipped_path(path: &str) -> String {
    format!("llmc:{path}")
}

/// What conftest makes of a rule's name: the severity of its findings, none for an exception, and the
/// name after the prefix.
fn convention(rule: &str) -> Option<(Option<Severity>, Option<&str>)> {
    if rule == "exception" {
        return Some((None, None));
    }
    let prefixes = [("deny", Severity::Error), ("violation", Severity::Error), ("warn", Severity::Warning)];
    prefixes.into_iter().find_map(|(prefix, severity)| match rule.strip_prefix(prefix)? {
        "" => Some((Some(severity), None)),
        rest => rest.strip_prefix('_').filter(|name| !name.is_empty()).map(|name| (Some(severity), Some(name))),
    })
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    // Otherwise `print` would write to standard error.
    engine.set_gather_prints(true);
    engine.set_execution_timer_config(ExecutionTimerConfig { limit: RULE_TIME, check_interval: STEPS_BETWEEN_LOOKS });
    // These take the place of the engine's own, which allocate without a bound. Adding fails only for a
    // name that was added before.
    drop(engine.add_extension("numbers.range".to_owned(), 2, Box::new(|given: Vec<Value>| range(&given).map_err(Into::into))));
    drop(engine.add_extension("numbers.range_step".to_owned(), 3, Box::new(|given: Vec<Value>| range(&given).map_err(Into::into))));
    drop(engine.add_extension("bits.lsh".to_owned(), 2, Box::new(|given: Vec<Value>| shifted(&given).map_err(Into::into))));
    engine
}

fn whole(value: Option<&Value>) -> io::Result<i64> {
    value.and_then(|value| value.as_i64().ok()).ok_or_else(|| io::Error::other("the arguments must be whole numbers"))
}

/// The numbers from the first argument to the second, in steps of the third or of 1.
fn range(given: &[Value]) -> io::Result<Value> {
    let (from, to) = (whole(given.first())?, whole(given.get(1))?);
    let step = if given.len() > 2 { whole(given.get(2))? } else { 1 };
    let (Some(size), false) = (usize::try_from(step).ok(), step < 1) else {
        return Err(io::Error::other("the step of a range is at least 1"));
    };
    if from.abs_diff(to) / step.unsigned_abs() > MOST_NUMBERS {
        return Err(io::Error::other(format!("a range has at most {MOST_NUMBERS} numbers")));
    }
    let up = (from..=to).step_by(size).map(Value::from);
    let down = (to..=from).rev().step_by(size).map(Value::from);
    Ok(Value::from(if from <= to { up.collect::<Vec<_>>() } else { down.collect() }))
}

fn shifted(given: &[Value]) -> io::Result<Value> {
    let (number, bits) = (whole(given.first())?, whole(given.get(1))?);
    let factor = u32::try_from(bits).ok().filter(|bits| *bits < 62).map(|bits| 1_i64 << bits);
    let shifted = factor.and_then(|factor| number.checked_mul(factor));
    shifted.map(Value::from).ok_or_else(|| io::Error::other("the number is shifted out of 64 bits"))
}

/// Runs `work` where deep rules do not overflow the stack, and turns what it fails with, a panic
/// included, into words.
pub(super) fn on_a_deep_stack<T: Send, E: std::fmt::Display + Send>(work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, String> {
    let failed = || Err("the engine failed on it".to_owned());
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, || work().map_err(|error| error.to_string())) {
            Ok(thread) => thread.join().unwrap_or_else(|_| failed()),
            Err(error) => Err(format!("no thread can be started: {error}")),
        }
    })
}
