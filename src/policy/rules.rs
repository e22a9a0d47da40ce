//! The rules that policies and waivers can break.

use crate::diagnostic::{Rule, Severity};

macro_rules! rules {
    ($($(#[$doc:meta])* $id:ident = $code:literal $name:literal $severity:ident, $docs:literal;)*) => {
        $($(#[$doc])* pub(super) static $id: Rule =
            Rule { code: $code, name: $name, severity: Severity::$severity, docs: $docs };)*
        /// Every rule of this stage.
        pub static RULES: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    /// A `deny` or `violation` rule had something to say.
    DENIED = "LLMC-Y001" "policy-denied" Error,
    "A policy refuses the stack: a `deny` or `violation` rule of a Rego file, one that ships with llmc or \
     one of the repository's `policies/`.\n\n\
     The finding names the policy and where it stands. `llmc policy list` shows every policy.\n\n\
     Three things help: change the stack; let the finding through until a day, in the spec, where the \
     decision is reviewed:\n\n\
     ```kdl\nwaive \"two_replicas\" {\n    owner \"team-support\"\n    reason \"one node until the new ones arrive\"\n    until \"2027-01-31\"\n}\n```\n\n\
     or turn the policy off for the whole repository, in a file such as `policies/exceptions.rego`:\n\n\
     ```rego\npackage stack\n\nexception contains [\"two_replicas\"]\n```";
    /// A `warn` rule had something to say.
    WARNED = "LLMC-Y002" "policy-warning" Warning,
    "A policy has a remark: a `warn` rule of a Rego file, one that ships with llmc or one of the \
     repository's `policies/`.\n\n\
     It stops nothing. It can be waived and turned off as `llmc explain LLMC-Y001` says.";
    /// A policy that cannot give a verdict.
    FAULT = "LLMC-Y003" "policy-fault" Error,
    "A policy gives no verdict: the file does not parse, a rule calls a function that does not exist, \
     fails while it is evaluated, takes too long, or gives something that is no finding.\n\n\
     A policy that fails never counts as one that found nothing, so nothing is compiled until it works.\n\n\
     A result is a text, or an object with `msg`, and, if you like, `route` (a JSON Pointer into the stack, \
     such as `/model/llama-70b/replicas`) and `help`; `llmc schema policy-finding` is the contract. \
     Functions that depend on more than the input do not exist here: no clock, no network, no environment \
     and no chance, so that one commit has one verdict. Functions may not call themselves.\n\n\
     `llmc policy test` runs your `test_` rules.";
    /// An exception or a waiver for a policy that does not exist.
    UNKNOWN = "LLMC-Y004" "unknown-policy" Error,
    "An `exception` rule or a `waive` block names a policy that does not exist.\n\n\
     Whoever wrote it believes that something is let through, and it is not. The name of a policy is that of \
     its rule without `deny_`, `violation_` or `warn_`; `llmc policy list` shows them.";
    /// A day that no calendar has.
    DAY = "LLMC-Y005" "invalid-waiver-day" Error,
    "The last day of a waiver is no day of the calendar, such as `2027-02-30`.\n\n\
     Nobody could say when such a waiver ends. Write the year, the month and the day: `2027-02-28`.";
    /// A waiver that lets nothing through.
    UNUSED = "LLMC-Y006" "unused-waiver" Warning,
    "A `waive` block lets nothing through: the policy that it names has no finding in this stack.\n\n\
     It would let the next fault of that kind through in silence, so remove it. A waiver of a policy over \
     plans is never reported here, because it depends on what changes.";
    /// Rules that are never run.
    NEVER_RUN = "LLMC-Y007" "policy-never-run" Warning,
    "A Rego package has `deny`, `violation` or `warn` rules, and llmc never asks them.\n\n\
     Three moments are asked, each by the first word of its package: `package stack` with the stack as \
     `input`, `package manifests` (or `package main`, as conftest has it) with each Kubernetes object, and \
     `package plan` with what would change. Every other package is a library: its rules count only where \
     another file imports it.";
}
