//! Names that Kubernetes, or a template, would not take.

use std::collections::BTreeMap;

use super::support::names::{as_dns_label, as_identifier, as_label_key, as_label_value, is_identifier, is_version_name};
use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec::SecretKey;
use crate::syntax;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-K001",
    name: "invalid-name",
    severity: Severity::Error,
    docs: "A name has letters that Kubernetes or a template does not take, or is too long for the names of \
           objects that are made of it.\n\n\
           The API server refuses such an object, and a GitOps controller then stops at it: the old state \
           stays, half of the new one is applied, and the pull request was green.\n\n\
           ```kdl\nmodel \"Llama 3.1 8B\" { … }     // write \"llama-3-1-8b\"\n```\n\n\
           Names of blocks have lower-case letters, digits and `-`. The message computes the nearest name.",
};

/// Most characters of a stack's name.
const STACK_CHARACTERS: usize = 40;
/// Most characters of a block's name.
const BLOCK_CHARACTERS: usize = 30;
/// Most characters of a Service's name.
const SERVICE_CHARACTERS: usize = 63;
/// What a guardrails server's Service has after the block's name.
const GUARDRAILS_SUFFIX: &str = "-guardrails";

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let spec = cx.spec;
    let mut names = Names { out, stack: &spec.stack };
    let root = Route::root();
    let stack = syntax::is_dns_1035_label(&spec.stack).and_then(|()| at_most(&spec.stack, STACK_CHARACTERS));
    names.value(root.key("stack"), "stack", &spec.stack, stack, as_dns_label(&spec.stack, STACK_CHARACTERS, true));
    names.label(root.key("namespace"), "namespace", &spec.namespace);
    if let Some(owner) = &spec.owner {
        names.label_value(root.key("owner"), "owner", owner);
    }
    for (index, caller) in spec.callers.iter().enumerate() {
        names.label(root.key("callers").index(index), "namespace", caller);
    }
    let monitoring = root.key("monitoring");
    names.label(monitoring.key("namespace"), "namespace", &spec.monitoring.namespace);
    names.labels(&monitoring.key("labels"), &spec.monitoring.labels);
    for (name, pool) in &spec.pool {
        let at = names.block("pool", name, "");
        names.labels(&at.key("node-selector"), &pool.node_selector);
        for (index, taint) in pool.toleration.iter().enumerate() {
            let at = at.key("toleration").index(index);
            let fault = syntax::label_key_fault(&taint.key).map_or(Ok(()), Err);
            names.value(at.key("key"), "taint's key", &taint.key, fault, as_label_key(&taint.key));
            if let Some(value) = &taint.value {
                names.label_value(at.key("value"), "taint's value", value);
            }
        }
    }
    for (name, model) in &spec.model {
        let at = names.block("model", name, "");
        names.secret(&at, model.token_secret.as_ref());
        if let Some(class) = &model.cache.storage_class {
            let near = as_dns_label(class, SERVICE_CHARACTERS, false);
            names.value(at.key("cache").key("storage-class"), "storage class", class, syntax::is_dns_subdomain(class), near);
        }
    }
    for (name, external) in &spec.external {
        let at = names.block("external", name, "");
        names.secret(&at, Some(&external.token_secret));
    }
    for (name, prompt) in &spec.prompt {
        let at = names.block("prompt", name, "");
        for version in prompt.version.keys() {
            let near = as_label_value(version).map(|near| near.chars().take(STACK_CHARACTERS).collect());
            names.key(at.key("version").key(version), "version", version, is_version_name(version, STACK_CHARACTERS), near);
        }
        for variable in prompt.variable.keys() {
            names.key(at.key("variable").key(variable), "variable", variable, is_identifier(variable), as_identifier(variable));
        }
    }
    for (name, guardrails) in &spec.guardrails {
        let at = names.block("guardrails", name, GUARDRAILS_SUFFIX);
        let input = guardrails.input.iter().flat_map(|rails| rails.block_pattern.keys().map(|name| ("input", name)));
        let output = guardrails.output.iter().flat_map(|rails| rails.block_pattern.keys().map(|name| ("output", name)));
        for (direction, name) in input.chain(output) {
            let near = as_dns_label(name, SERVICE_CHARACTERS, false);
            names.key(at.key(direction).key("block-pattern").key(name), "pattern", name, syntax::is_dns_label(name), near);
        }
    }
    for name in spec.route.keys() {
        names.block("route", name, "");
    }
    for (name, experiment) in &spec.experiment {
        let at = names.block("experiment", name, "");
        for variant in experiment.variant.keys() {
            let near = as_dns_label(variant, SERVICE_CHARACTERS, false);
            names.key(at.key("variant").key(variant), "variant", variant, syntax::is_dns_label(variant), near);
        }
    }
}

fn at_most(name: &str, most: usize) -> Result<(), String> {
    if name.len() > most { Err(format!("has {} characters, and may have {most}", name.len())) } else { Ok(()) }
}

struct Names<'a> {
    out: &'a mut Vec<Diagnostic>,
    stack: &'a str,
}

impl Names<'_> {
    /// A block's name: part of object names, of which a Service's is the shortest.
    fn block(&mut self, block: &'static str, name: &str, suffix: &str) -> Route {
        let at = Route::of([block, name]);
        let room = SERVICE_CHARACTERS.saturating_sub(self.stack.len().min(STACK_CHARACTERS) + 1 + suffix.len());
        let most = BLOCK_CHARACTERS.min(room);
        let result = syntax::is_dns_label(name).and_then(|()| at_most(name, most)).map_err(|reason| match name.len() > most {
            true if room < BLOCK_CHARACTERS => {
                format!("has {} characters, and may have {most}: `{}-{name}{suffix}` must fit {SERVICE_CHARACTERS}", name.len(), self.stack)
            }
            true => format!("has {} characters, and may have {most}", name.len()),
            false => reason,
        });
        self.key(at.clone(), block, name, result, as_dns_label(name, most, false));
        at
    }

    fn key(&mut self, at: Route, what: &str, name: &str, result: Result<(), String>, near: Option<String>) {
        self.push(Place::Key(at), what, name, result, near);
    }

    fn value(&mut self, at: Route, what: &str, name: &str, result: Result<(), String>, near: Option<String>) {
        self.push(Place::Value(at), what, name, result, near);
    }

    fn push(&mut self, place: Place, what: &str, name: &str, result: Result<(), String>, near: Option<String>) {
        let Err(reason) = result else { return };
        let finding = Diagnostic::new(&RULE, place, format!("the {what} `{name}` {reason}"));
        self.out.push(match near.filter(|near| near != name) {
            Some(near) => finding.help(format!("write `{near}`")),
            None => finding.help("use ASCII letters and digits, with `-` between words"),
        });
    }

    fn label(&mut self, at: Route, what: &str, name: &str) {
        self.value(at, what, name, syntax::is_dns_label(name), as_dns_label(name, SERVICE_CHARACTERS, false));
    }

    fn label_value(&mut self, at: Route, what: &str, value: &str) {
        self.value(at, what, value, syntax::is_label_value(value), as_label_value(value));
    }

    fn labels(&mut self, at: &Route, labels: &BTreeMap<String, String>) {
        for (key, value) in labels {
            let below = at.key(key);
            self.key(below.clone(), "label", key, syntax::label_key_fault(key).map_or(Ok(()), Err), as_label_key(key));
            self.label_value(below, &format!("value of the label `{key}`,"), value);
        }
    }

    fn secret(&mut self, at: &Route, secret: Option<&SecretKey>) {
        let Some(secret) = secret else { return };
        let at = at.key("token-secret");
        let near = as_dns_label(&secret.name, SERVICE_CHARACTERS, false);
        self.value(at.key("name"), "Secret", &secret.name, syntax::is_dns_subdomain(&secret.name), near);
        self.value(at.key("key"), "key of the Secret", &secret.key, syntax::is_config_key(&secret.key), as_label_value(&secret.key));
    }
}
