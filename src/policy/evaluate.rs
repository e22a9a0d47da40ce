//! Asking the policies.

use std::collections::{BTreeMap, BTreeSet};

use regorus::{Engine, Value};
use serde_json::Value as Json;

use super::load::{Set, on_a_deep_stack};
use super::result::{Remark, remarks};
use super::verdict::Judgement;
use super::{Moment, rules};
use crate::diagnostic::{Finding, did_you_mean, has_errors};

impl Set {
    /// What the policies over a stack find in `stack`.
    pub(super) fn stack(&self, stack: &Json) -> Judgement {
        self.ask(Moment::Stack, Json::Null, &[(None, stack)])
    }

    /// What the policies over Kubernetes objects find in `objects`, given with their paths.
    pub(super) fn manifests(&self, objects: &[(String, Json)]) -> Judgement {
        let inputs: Vec<_> = objects.iter().map(|(path, object)| (Some(path.as_str()), object)).collect();
        self.ask(Moment::Manifests, Json::Null, &inputs)
    }

    /// What the policies over a plan find in `plan`, between the stacks `base` and `head`.
    pub(super) fn plan(&self, plan: &Json, base: &Json, head: &Json) -> Judgement {
        self.ask(Moment::Plan, serde_json::json!({ "base": base, "head": head }), &[(None, plan)])
    }

    fn ask(&self, moment: Moment, data: Json, inputs: &[(Option<&str>, &Json)]) -> Judgement {
        let is_asked = self.policies.iter().any(|policy| policy.moment == moment);
        if has_errors(self.faults()) || !is_asked || inputs.is_empty() {
            return Judgement::default();
        }
        let asked = on_a_deep_stack(|| {
            let mut engine = self.engine.clone();
            if !data.is_null() {
                engine.add_data(Value::from(data)).map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(Asking { set: self, engine, moment, judgement: Judgement::default(), failed: BTreeSet::new() }.all(inputs))
        });
        asked.unwrap_or_else(|words| {
            let path = self.files.last().map(|file| file.path.clone()).unwrap_or_default();
            let opening = format!("the policies over {} cannot be asked: ", moment.word());
            let fault = self.texts.of_engine(&words, &path, 0..0, &opening, "`llmc policy test` asks them one by one");
            Judgement { faults: vec![fault], ..Judgement::default() }
        })
    }

    /// Names of the policies that are excepted whatever the input is.
    ///
    /// # Errors
    /// In words, when the engine fails as a whole.
    pub fn excepted_always(&self) -> Result<BTreeSet<String>, String> {
        if has_errors(self.faults()) {
            return Ok(BTreeSet::new());
        }
        on_a_deep_stack(|| {
            let mut engine = self.engine.clone();
            engine.set_input(Value::new_object());
            let mut asking = Asking { set: self, engine, moment: Moment::Stack, judgement: Judgement::default(), failed: BTreeSet::new() };
            let exceptions = asking.exceptions(|_| true);
            let is_off = |policy: &&super::Policy| is_excepted(policy, &exceptions);
            Ok::<_, String>(self.policies.iter().filter(is_off).map(|policy| policy.name.clone()).collect())
        })
    }
}

type Exceptions = BTreeMap<Vec<String>, BTreeSet<String>>;

/// Whether `exceptions` (names by package) let `policy` off: those of its package or of one above.
fn is_excepted(policy: &super::Policy, exceptions: &Exceptions) -> bool {
    let name = if policy.name.contains('.') { "" } else { &policy.name };
    exceptions.iter().any(|(package, names)| policy.package.starts_with(package) && (names.contains(name) || names.contains(&policy.rule)))
}

struct Asking<'a> {
    set: &'a Set,
    engine: Engine,
    moment: Moment,
    judgement: Judgement,
    /// What failed once is not asked again: its fault is reported, and it may have taken long.
    failed: BTreeSet<String>,
}

impl Asking<'_> {
    fn all(mut self, inputs: &[(Option<&str>, &Json)]) -> Judgement {
        let moment = self.moment;
        for (path, input) in inputs {
            self.engine.set_input(Value::from((*input).clone()));
            let exceptions = self.exceptions(|word| super::Moment::WORDS.contains(&(word, moment)));
            for (index, policy) in self.set.policies.iter().enumerate().filter(|(_, policy)| policy.moment == moment) {
                if is_excepted(policy, &exceptions) {
                    self.judgement.excepted.insert(index);
                    continue;
                }
                let range = self.set.ranges.get(index).cloned().unwrap_or(0..0);
                let opening = format!("the policy `{}` gives no verdict: ", policy.name);
                let Some(value) = self.value(&policy.package, &policy.rule, (&policy.path, range.clone()), &opening) else { continue };
                self.judgement.evaluated.insert(index);
                match remarks(&value) {
                    Ok(remarks) => remarks.into_iter().for_each(|remark| self.judgement.add(index, about(remark, *path, input))),
                    Err(words) => {
                        let help = "`llmc schema policy-finding` says what a result may be";
                        let fault = self.set.texts.fault(&policy.path, range, format!("the policy `{}` {words}", policy.name), help);
                        self.fail(rule_path(&policy.package, &policy.rule), fault);
                    }
                }
            }
        }
        self.judgement
    }

    /// Names that are excepted for the input, by the package whose `exception` rules say so.
    fn exceptions(&mut self, is_asked: impl Fn(&str) -> bool) -> Exceptions {
        let mut exceptions = Exceptions::new();
        let set = self.set;
        for (package, (path, range)) in set.exceptions.iter().filter(|(package, _)| package.first().is_some_and(|word| is_asked(word))) {
            let opening = format!("the exceptions of `package {}` give no verdict: ", package.join("."));
            let Some(value) = self.value(package, "exception", (path, range.clone()), &opening) else { continue };
            let lists = value.as_array().map(|lists| lists.iter().map(Json::as_array).collect::<Option<Vec<_>>>());
            let names = lists.flatten().map(|lists| lists.into_iter().flatten().map(Json::as_str).collect::<Option<BTreeSet<&str>>>());
            let Some(names) = names.flatten() else {
                let help = "write `exception contains [\"name\"]`, with the names of rules without `deny_`";
                let message = "an exception is a list of names".to_owned();
                let fault = set.texts.fault(path, range.clone(), message, help);
                self.fail(rule_path(package, "exception"), fault);
                continue;
            };
            let below: Vec<_> = set.policies.iter().filter(|policy| policy.package.starts_with(package)).collect();
            let known = |name: &str| name.is_empty() || below.iter().any(|policy| policy.name == name || policy.rule == name);
            for name in names.iter().filter(|name| !known(name)) {
                let message = format!("the exception `{name}` names no policy of `package {}`", package.join("."));
                let help = match did_you_mean(name, below.iter().map(|policy| policy.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`llmc policy list` names every policy and its package".to_owned(),
                };
                let fault = set.texts.fault(path, range.clone(), message, help);
                self.fail(format!("exception {name}"), Finding { rule: &rules::UNKNOWN, ..fault });
            }
            exceptions.insert(package.clone(), names.into_iter().map(str::to_owned).collect());
        }
        exceptions
    }

    /// What the rule gives, an empty list where it gives nothing; `None` when it fails, with the fault.
    fn value(&mut self, package: &[String], rule: &str, place: (&str, std::ops::Range<usize>), opening: &str) -> Option<Json> {
        let path = rule_path(package, rule);
        if self.failed.contains(&path) {
            return None;
        }
        let value = self.engine.eval_rule(path.clone()).map_err(|error| error.to_string()).and_then(|value| match value {
            Value::Undefined => Ok(Json::Array(Vec::new())),
            value => serde_json::to_value(&value).map_err(|error| error.to_string()),
        });
        match value {
            Ok(value) => Some(value),
            Err(words) => {
                let help = "a policy that fails stops the run; guard the expression, or correct it";
                let fault = self.set.texts.of_engine(&words, place.0, place.1, opening, help);
                self.fail(path, fault);
                None
            }
        }
    }

    fn fail(&mut self, what: String, fault: Finding) {
        if self.failed.insert(what) {
            self.judgement.faults.push(fault);
        }
    }
}

/// The engine's name of a rule. A word that is no name stands in brackets.
pub(super) fn rule_path(package: &[String], rule: &str) -> String {
    let is_name = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut path = "data".to_owned();
    for word in package.iter().map(String::as_str).chain([rule]) {
        path.push_str(&if is_name(word) { format!(".{word}") } else { format!("[{}]", Json::from(word)) });
    }
    path
}

/// A finding about an object without a route names the object.
fn about(remark: Remark, path: Option<&str>, input: &Json) -> Remark {
    let Some(path) = path.filter(|_| remark.route.is_none()) else { return remark };
    let text = |pointer: &str| input.pointer(pointer).and_then(Json::as_str).unwrap_or("?");
    let message = format!("{} `{}` ({path}): {}", text("/kind"), text("/metadata/name"), remark.message);
    Remark { message, ..remark }
}
