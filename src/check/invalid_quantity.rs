//! CPU and memory that Kubernetes cannot read, or that a pod cannot start with.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::spec::Resources;
use crate::syntax::Quantity;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-K002",
    name: "invalid-quantity",
    severity: Severity::Error,
    docs: "A pod's `cpu` or `memory` is no Kubernetes quantity, is not above zero, or the memory of a model \
           is not above the shared memory of its pod.\n\n\
           The API server refuses what it cannot read. Shared memory counts against the memory limit: a pod \
           whose workers fill it is killed for memory, under load and not at its start. Mind the letters: \
           `64Gi` is 64 GiB, and `64m` is 64 thousandths of a byte.\n\n\
           ```kdl\nresources cpu=\"16 cores\" memory=\"64GB\"     // write cpu=\"16\" memory=\"64Gi\"\n```\n\n\
           Write a number and a suffix: `16` or `500m` for CPU, `64Gi` for memory.",
};

/// Least memory that a process could start with.
const LEAST_MEMORY: &str = "16Mi";

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    for (name, model) in &cx.spec.model {
        let Some(resources) = &model.resources else { continue };
        let at = Route::of(["model", name, "resources"]);
        let tensor_parallel = model.place.tensor_parallel;
        let shared = cx.stack.models.get(name).map(|m| m.shared_memory_gib);
        let memory = format!("{}Gi", 8 + 8 * tensor_parallel + shared.unwrap_or(2));
        let is_read = check(&at, resources, &(4 * tensor_parallel).to_string(), &memory, out);
        let Some(shared) = shared.filter(|_| is_read) else { continue };
        let is_above = Quantity::parse(&resources.memory).ok().zip(Quantity::parse(&format!("{shared}Gi")).ok()).is_some_and(|(m, s)| m > s);
        if !is_above {
            let message = format!("the memory of `{name}` is {}, and its workers share {shared}Gi of it", resources.memory);
            let finding = Diagnostic::at_value(&RULE, at.key("memory"), message).label("nothing is left for the processes");
            out.push(finding.help(format!("write `memory=\"{memory}\"`, the default with `tensor-parallel={tensor_parallel}`, or leave `resources` out")));
        }
    }
    for (name, guardrails) in &cx.spec.guardrails {
        check(&Route::of(["guardrails", name, "resources"]), &guardrails.resources, "1", "1Gi", out);
    }
    for (name, route) in &cx.spec.route {
        if let Some(resources) = route.cache.as_ref().and_then(|cache| cache.resources.as_ref()) {
            check(&Route::of(["route", name, "cache", "resources"]), resources, "1", "2Gi", out);
        }
    }
}

/// Reports what is wrong with either quantity, offering `cpu` and `memory`; whether nothing is.
fn check(at: &Route, resources: &Resources, cpu: &str, memory: &str, out: &mut Vec<Diagnostic>) -> bool {
    let before = out.len();
    let least = Quantity::parse(LEAST_MEMORY).unwrap_or(Quantity::ZERO);
    let fields = [("cpu", &resources.cpu, cpu), ("memory", &resources.memory, memory)];
    for (field, written, default) in fields {
        let reason = match Quantity::parse(written) {
            Err(reason) => reason,
            Ok(quantity) if quantity <= Quantity::ZERO => "is not above zero".to_owned(),
            Ok(quantity) if field == "cpu" && !quantity.is_whole_milli() => "is finer than a thousandth of a CPU, `1m`".to_owned(),
            Ok(quantity) if field == "memory" && quantity < least => format!("is below {LEAST_MEMORY}, with which no process starts"),
            Ok(_) => continue,
        };
        let near = repaired(field, written).unwrap_or_else(|| default.to_owned());
        let finding = Diagnostic::at_value(&RULE, at.key(field), format!("`{field}` `{written}` {reason}"));
        out.push(finding.help(format!("write `{field}=\"{near}\"`")));
    }
    out.len() == before
}

/// What was meant by `64GB`, `64 gib`, `64` or `16 cores`.
fn repaired(field: &str, written: &str) -> Option<String> {
    let written = written.trim();
    let split = written.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(written.len());
    let (number, unit) = written.split_at(split);
    let number = number.parse::<f64>().ok().filter(|n| *n > 0.0).map(|_| number)?;
    let suffix = match (field, unit.trim().to_lowercase().as_str()) {
        ("cpu", "c" | "core" | "cores" | "cpu" | "cpus" | "vcpu") => "",
        ("memory", "g" | "gb" | "gib" | "gi" | "") => "Gi",
        ("memory", "m" | "mb" | "mib" | "mi") => "Mi",
        ("memory", "t" | "tb" | "tib" | "ti") => "Ti",
        _ => return None,
    };
    Some(format!("{number}{suffix}"))
}
