//! Plans of real stacks: an edit of a spec in, what it changes and what that means out.

use std::path::Path;
use std::sync::LazyLock;

use llmc::emit::{FileSet, Tree};
use llmc::plan::{self, Action, Copies, Disruption, FreeGpus, ObjectChange, Order, RiskLevel, StackPlan, Subject};
use proptest::prelude::{ProptestConfig, any, proptest};

use crate::harness::{copy, cost_change, pin_anew, root};

/// An edit of a spec: a text in it, and what takes its place.
type Edit<'a> = (&'a str, &'a str);

/// The spec of `customer-support` with its text edited, compiled.
fn compiled(edits: &[Edit<'_>]) -> FileSet {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("stacks/customer-support"), folder.path());
    let spec = folder.path().join("stack.kdl");
    let mut text = std::fs::read_to_string(&spec).expect("the spec");
    for (from, to) in edits {
        assert!(text.contains(from), "nothing to edit: {from}");
        text = text.replace(from, to);
    }
    std::fs::write(&spec, text).expect("written");
    compiled_at(&spec)
}

fn compiled_at(spec: &Path) -> FileSet {
    let compile = || llmc::compile::compile(spec, "stack", &llmc::policy::Policies::shipped());
    let mut compilation = compile();
    if compilation.findings.iter().any(|finding| finding.rule.code.starts_with("LLMC-L")) {
        // These edits are made to versions that were never live.
        pin_anew(spec);
        compilation = compile();
    }
    let findings: Vec<String> = compilation.findings.iter().map(|finding| finding.message.clone()).collect();
    compilation.files.unwrap_or_else(|| panic!("{findings:?}"))
}

/// The prompt of the support route gets another live version.
const LIVE_V2: Edit<'_> =
    ("live \"v1\"\n        rollback \"v1\"\n    }\n    prompt", "live \"v2\"\n        rollback \"v1\"\n    }\n    prompt");
/// Nobody depends on the stack, so that policies let a single copy pass.
const DEVELOPMENT: Edit<'_> = ("stage \"production\"", "stage \"development\"");

/// Half of the load of `llama-8b`, so that one copy holds it.
const HALF: Edit<'_> = ("concurrency=80", "concurrency=40");

/// `customer-support` as it stands.
static STANDS: LazyLock<FileSet> = LazyLock::new(|| compiled(&[]));

fn planned(old: &Tree, new: &FileSet) -> StackPlan {
    let output = "generated/customer-support";
    let cost = cost_change(old, new);
    let spec = Some("stacks/customer-support");
    plan::compare(&Subject { stack: "customer-support", spec, output, old, renamed_from: None, new, cost: cost.as_ref(), prompts: &[] })
}

/// What an edit of `customer-support` changes.
fn edited(edits: &[Edit<'_>]) -> StackPlan {
    planned(&Tree::from(&*STANDS), &compiled(edits))
}

/// The plan of one edit after another.
fn from_to(old: &[Edit<'_>], new: &[Edit<'_>]) -> StackPlan {
    planned(&Tree::from(&compiled(old)), &compiled(new))
}

/// Whether an amount is at least so much.
fn at_least(amount: &str, least: f64) -> bool {
    amount.parse::<f64>().expect("an amount") >= least
}

fn object<'a>(plan: &'a StackPlan, kind: &str, name: &str) -> &'a ObjectChange {
    let found = plan.objects.iter().find(|object| object.kind == kind && object.name == name);
    found.unwrap_or_else(|| panic!("no {kind}/{name} among {:?}", objects(plan)))
}

fn objects(plan: &StackPlan) -> Vec<String> {
    plan.objects.iter().map(|object| format!("{:?} {}/{}", object.action, object.kind, object.name)).collect()
}

/// `path: old → new` of each field.
fn fields(object: &ObjectChange) -> Vec<String> {
    let value = |value: &Option<serde_json::Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    object.fields.iter().map(|field| format!("{}: {} → {}", field.path, value(&field.old), value(&field.new))).collect()
}

fn risks(plan: &StackPlan) -> Vec<String> {
    plan.risks.iter().map(|risk| format!("{:?} {}", risk.level, risk.message)).collect()
}

#[track_caller]
fn has_risk(plan: &StackPlan, level: RiskLevel, words: &str) {
    assert!(plan.risks.iter().any(|risk| risk.level == level && risk.message.contains(words)), "no {level:?} {words}: {:#?}", risks(plan));
}

#[test]
fn a_tree_compared_with_itself_changes_nothing() {
    let plan = planned(&Tree::from(&*STANDS), &STANDS);
    assert!(plan.is_empty() && plan.objects.is_empty() && plan.rollouts.is_empty() && plan.risks.is_empty());
    assert_eq!((plan.totals.gpus["a100"].max, plan.base_sha256 == plan.target_sha256), ([12, 12], true));
    let plan = plan::plan(vec![plan]);
    assert_eq!(plan::render_text(&plan, false, false), "No changes.\n");
}

#[test]
fn formatting_comments_and_syntax_are_no_changes() {
    let comments =
        edited(&[("    pool \"a100\" {\n", "\n\n    // Where the large model runs.\n    pool   \"a100\"  {\n"), ("0.90", "0.9")]);
    assert!(comments.is_empty(), "{:?}", comments.files);
    // The same spec as YAML: its record is the spec.
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("stacks/customer-support"), folder.path());
    std::fs::remove_file(folder.path().join("stack.kdl")).expect("removed");
    let spec = folder.path().join("stack.yaml");
    std::fs::write(&spec, STANDS.get("stack.json").expect("a record")).expect("written");
    let yaml = planned(&Tree::from(&*STANDS), &compiled_at(&spec));
    assert!(yaml.is_empty(), "{:?}", yaml.files);
}

#[test]
fn a_flag_restarts_the_pods_of_its_model() {
    let plan = edited(&[("max-model-len=8192 gpu", "max-model-len=4096 gpu")]);
    assert_eq!(objects(&plan), ["Update Deployment/customer-support-llama-70b"]);
    assert_eq!(fields(&plan.objects[0]), ["spec.template.spec.containers[vllm].args[--max-model-len]: \"8192\" → \"4096\""]);
    let [rollout] = plan.rollouts.as_slice() else { panic!("{:?}", plan.rollouts) };
    assert_eq!(
        (rollout.route.as_str(), rollout.because.as_slice()),
        ("/model/llama-70b", &["args[--max-model-len] 8192 → 4096".to_owned()][..])
    );
    let Disruption::RollingRestart(restart) = &rollout.disruption else { panic!("{:?}", rollout.disruption) };
    // The startup probe waits 10 s * 359, which the Deployment in `generated/` shows.
    assert_eq!((restart.pods, restart.gpus_per_pod, restart.gpu_seconds), (Copies { min: 2, max: 3 }, 4, 3 * 4 * 3590));
    assert_eq!(
        (restart.minutes_until_ready, restart.order, restart.outage_minutes),
        (180, Order::NewFirst, None),
        "three rounds of an hour"
    );
    assert_eq!(restart.free_gpus, Some(FreeGpus { pool: Some("a100".into()), needed: 4, free: 4 }));
    assert_eq!(plan.objects[0].disruption, rollout.disruption);
    has_risk(&plan, RiskLevel::Medium, "`llama-70b` refuses requests of more than 4096 tokens, before of more than 8192");
    assert!(!plan.risks.iter().any(|risk| risk.level == RiskLevel::High), "{:?}", risks(&plan));
}

#[test]
fn a_single_copy_without_room_is_an_outage() {
    let single: &[Edit<'_>] = &[DEVELOPMENT, HALF, ("nodes 3\n", "nodes 1\n"), ("replicas min=2\n", "replicas min=1\n")];
    let changed = [single, &[("max-num-seqs=128", "max-num-seqs=64")]].concat();
    let plan = from_to(single, &changed);
    let Disruption::RollingRestart(restart) = &plan.rollouts[0].disruption else { panic!("{:?}", plan.rollouts) };
    // 730 s to start and 60 s for the old pod's end.
    assert_eq!((restart.order, restart.outage_minutes, restart.minutes_until_ready), (Order::OldFirst, Some(14), 14));
    assert_eq!(restart.free_gpus.as_ref().map(|gpus| (gpus.needed, gpus.free)), Some((0, 0)));
    has_risk(&plan, RiskLevel::High, "`llama-8b` serves nobody for up to 14 min: its last old pod ends before a new one is ready");
}

#[test]
fn pods_that_grow_or_move_need_their_gpus_at_once() {
    let free = |plan: &StackPlan| {
        let restarts = plan.rollouts.iter().filter_map(|rollout| match &rollout.disruption {
            Disruption::RollingRestart(restart) => Some(restart.free_gpus.clone().expect("GPUs")),
            _ => None,
        });
        restarts.map(|gpus| (gpus.pool, gpus.needed, gpus.free)).next()
    };
    // Half of the GPUs hold few requests.
    let smaller = [("tensor-parallel=4", "tensor-parallel=2"), ("concurrency=50", "concurrency=5")];
    // One pod of two GPUs above the three of four.
    assert_eq!(free(&edited(&smaller)), Some((Some("a100".into()), 2, 4)));
    // One pod of four, and two more for each of three pods.
    assert_eq!(free(&from_to(&smaller, &[])), Some((Some("a100".into()), 10, 10)));
    // All pods in the other pool, whatever the old one frees.
    assert_eq!(
        free(&edited(&[
            ("place pool=\"l40s\"", "place pool=\"a100\""),
            (
                "    pool \"l40s\" {\n        gpu \"l40s-48gb\"\n        nodes 3\n        gpus-per-node 1\n        price-per-gpu-hour 1.10\n        priced-on \"2026-10-01\"\n    }\n",
                ""
            )
        ])),
        Some((Some("a100".into()), 2, 4))
    );
    // What a pool gains is free.
    assert_eq!(free(&edited(&[("nodes 2\n", "nodes 4\n"), ("max-num-seqs=64", "max-num-seqs=48")])), Some((Some("a100".into()), 4, 20)));
}

#[test]
fn copies_scale() {
    let plan = edited(&[("replicas min=2\n", "replicas min=3\n")]);
    let (two, three) = (Copies { min: 2, max: 2 }, Copies { min: 3, max: 3 });
    assert_eq!(plan.rollouts[0].disruption, Disruption::Scale { from: two, to: three });
    assert_eq!((plan.totals.gpus["l40s"].min, plan.totals.gpus["l40s"].available), ([2, 3], [3, 3]));
    let budget = plan.totals.budget.as_ref().expect("a budget");
    // One more GPU of 1.10 for 730 hours, less what a rollout held: with three copies no GPU is left for it.
    let causes: Vec<_> = budget.causes.iter().map(|c| (c.route.as_str(), c.old.as_deref(), c.new.as_deref())).collect();
    let line = |route| (route, Some("2"), Some("3"));
    assert_eq!(causes, [line("/model/llama-8b/replicas/min"), line("/model/llama-8b/replicas/max")]);
    assert!(at_least(&budget.causes[0].change.min, 803.0) && at_least(&budget.causes[1].change.max, 801.0), "{:?}", budget.causes);
    let change = budget.change.as_ref().expect("both sides are known");
    assert!(at_least(&change.min, 803.0) && at_least(&change.max, 801.0) && budget.together.is_none(), "{budget:?}");
    let back = from_to(&[DEVELOPMENT, HALF], &[DEVELOPMENT, HALF, ("replicas min=2\n", "replicas min=1\n")]);
    has_risk(&back, RiskLevel::Medium, "`llama-8b` may run as a single copy, before as 2");
}

#[test]
fn an_autoscaler_that_takes_over_lets_the_number_fall_to_one() {
    let scaled: &[Edit<'_>] = &[("replicas min=2\n", "replicas min=2 max=3 {\n scale-on \"queue\" target=5\n }\n")];
    let plan = edited(scaled);
    assert_eq!(object(&plan, "ScaledObject", "customer-support-llama-8b").action, Action::Create);
    let Disruption::Scale { from, to } = plan.rollouts[0].disruption else { panic!("{:?}", plan.rollouts) };
    assert_eq!((from, to), (Copies { min: 2, max: 2 }, Copies { min: 2, max: 3 }));
    has_risk(&plan, RiskLevel::Medium, "`llama-8b` falls from 2 copies to 1 for up to 13 min");
    let back = from_to(scaled, &[]);
    assert_eq!(object(&back, "ScaledObject", "customer-support-llama-8b").action, Action::Delete);
    assert!(matches!(back.rollouts[0].disruption, Disruption::Scale { to: Copies { min: 2, max: 2 }, .. }));
    assert!(!risks(&back).iter().any(|risk| risk.contains("falls")), "{:?}", risks(&back));
}

#[test]
fn a_smaller_cache_replaces_the_volume_and_a_larger_one_does_not() {
    let cache = |gib: u32| format!("token-secret \"hf-secret\" key=\"token\"\n cache size-gib={gib}\n }}\n    external");
    let from = "token-secret \"hf-secret\" key=\"token\"\n    }\n    external";
    let plan = from_to(&[(from, &cache(100))], &[(from, &cache(50))]);
    let claim = object(&plan, "PersistentVolumeClaim", "customer-support-llama-8b");
    assert_eq!((claim.action, claim.immutable_field.as_deref()), (Action::Replace, Some("spec.resources.requests.storage")));
    let Disruption::Replace(restart) = &plan.rollouts[0].disruption else { panic!("{:?}", plan.rollouts) };
    assert_eq!((restart.order, restart.outage_minutes.is_some()), (Order::OldFirst, true), "the claim stays until its pods have ended");
    has_risk(
        &plan,
        RiskLevel::Medium,
        "the volume of `llama-8b` is replaced, since `spec.resources.requests.storage` cannot be changed in place",
    );
    let grown = from_to(&[(from, &cache(50))], &[(from, &cache(100))]);
    assert_eq!(object(&grown, "PersistentVolumeClaim", "customer-support-llama-8b").action, Action::Update);
    assert!(!grown.rollouts.iter().any(|rollout| matches!(rollout.disruption, Disruption::Replace(_))));
}

#[test]
fn a_renamed_model_is_replaced_and_not_another_one() {
    let plan = edited(&[("\"llama-8b\"", "\"triage-8b\"")]);
    let deployment = object(&plan, "Deployment", "customer-support-triage-8b");
    assert_eq!((deployment.action, deployment.immutable_field.as_deref()), (Action::Replace, Some("metadata.name")));
    assert_eq!(deployment.renamed_from.as_deref(), Some("llm-serving/customer-support-llama-8b"));
    assert!(!plan.objects.iter().any(|object| matches!(object.action, Action::Create | Action::Delete)), "{:?}", objects(&plan));
    // The guardrails restart too, since a tier of theirs is called otherwise.
    let renamed = plan.rollouts.iter().find(|rollout| rollout.route == "/model/triage-8b").expect("its rollout");
    assert_eq!(renamed.renamed_from.as_deref(), Some("llama-8b"));
    assert!(plan.totals.alerts_removed.is_empty() && plan.totals.objectives_loosened.is_empty(), "{:?}", plan.totals);
    has_risk(&plan, RiskLevel::High, "`triage-8b`: 2 GPUs must be free in pool `l40s` beside those in use, and 1 is");
    has_risk(&plan, RiskLevel::Medium, "`llama-8b` becomes `triage-8b`");
    // With another engine setting at the same time it is another model.
    let other = edited(&[("\"llama-8b\"", "\"triage-8b\""), ("max-num-seqs=128", "max-num-seqs=64")]);
    let of_models: Vec<_> = other.rollouts.iter().filter(|rollout| rollout.route.starts_with("/model/")).collect();
    let [stopped, started] = of_models.as_slice() else { panic!("{:?}", other.rollouts) };
    assert!(matches!(stopped.disruption, Disruption::Stop { freed_gpus: 2, .. }) && matches!(started.disruption, Disruption::Start(_)));
    has_risk(
        &other,
        RiskLevel::High,
        "`triage-8b`: 2 GPUs must be free in pool `l40s` beside those in use, and 1 is until `llama-8b` has stopped",
    );
}

#[test]
fn a_namespace_and_a_name_move_everything() {
    let moved = edited(&[("namespace \"llm-serving\"", "namespace \"llm\"")]);
    assert!(moved.objects.iter().all(|object| object.action == Action::Replace && object.renamed_from.is_some()), "{:?}", objects(&moved));
    assert!(
        moved
            .rollouts
            .iter()
            .all(|rollout| matches!(&rollout.disruption, Disruption::Replace(restart) if restart.order == Order::SideBySide))
    );
    has_risk(&moved, RiskLevel::High, "moves from the namespace `llm-serving` to `llm`");
    has_risk(&moved, RiskLevel::High, "the Secrets `hf-secret` and `openai` must exist there");
    let new = compiled(&[("stack \"customer-support\"", "stack \"helpdesk\"")]);
    let old = Tree::from(&*STANDS);
    assert!(plan::is_rename(&old, &new));
    assert!(!plan::is_rename(&old, &STANDS), "the same stack");
    assert!(!plan::is_rename(&old, &compiled_at(&root().join("stacks/research-desk/stack.kdl"))), "another stack");
    let renamed_from = Some("customer-support");
    let subject = Subject { stack: "helpdesk", spec: Some("s"), output: "o", old: &old, renamed_from, new: &new, cost: None, prompts: &[] };
    let renamed = plan::compare(&subject);
    assert!(renamed.objects.iter().all(|object| object.action == Action::Replace), "{:?}", objects(&renamed));
    has_risk(&renamed, RiskLevel::High, "renamed from `customer-support` to `helpdesk`");
}

#[test]
fn a_check_taken_from_shared_guardrails_is_lost_on_each_route() {
    let plan =
        edited(&[("\"credit-card\"\n            self-check\n        }\n        output", "\"credit-card\"\n        }\n        output")]);
    assert_eq!(plan.totals.guardrails_lost, ["escalation: input self-check", "support: input self-check"]);
    has_risk(&plan, RiskLevel::High, "guardrail `self-check` removed from route `support` (input)");
    has_risk(&plan, RiskLevel::High, "guardrail `self-check` removed from route `escalation` (input)");
    assert!(matches!(plan.rollouts[0].disruption, Disruption::RollingRestart(_)), "the server reads its configuration at its start");
    let swapped = edited(&[("block-pii \"email\"", "block-pii \"iban\"")]);
    assert_eq!(swapped.totals.guardrails_added, ["escalation: input block-pii iban", "support: input block-pii iban"]);
    assert_eq!(swapped.totals.guardrails_lost, ["escalation: input block-pii email", "support: input block-pii email"]);
    let bare = edited(&[("model \"llama-70b\"\n        guardrails \"default\"", "model \"llama-70b\"")]);
    assert_eq!(bare.risks[0].message, "route `support` is left without guardrails");
    assert_eq!(bare.totals.guardrails_lost.len(), 6, "{:?}", bare.totals.guardrails_lost);
}

#[test]
fn promises_that_are_taken_back_are_told() {
    let plan = edited(&[("below \"2.5s\"", "below \"5s\""), ("target 0.95", "target 0.9")]);
    assert_eq!(plan.totals.objectives_loosened, ["llama-70b: ttft below 2500ms → 5s", "llama-8b: ttft target 0.95 → 0.9"]);
    has_risk(&plan, RiskLevel::Medium, "objective loosened: llama-70b: ttft below 2500ms → 5s");
    let removed =
        edited(&[("        objective \"availability\" {\n            target 0.999\n            window \"30d\"\n        }\n", "")]);
    assert_eq!(removed.totals.objectives_loosened, ["llama-70b: availability removed"]);
    assert_eq!(removed.totals.alerts_removed.len(), 3, "{:?}", removed.totals.alerts_removed);
    assert_eq!(removed.totals.alerts_removed[0], "ErrorBudgetBurnFast (llama-70b, availability)");
    has_risk(&removed, RiskLevel::Medium, "3 alerts removed");
    let tightened = edited(&[("target 0.95", "target 0.99")]);
    assert!(tightened.totals.objectives_loosened.is_empty() && tightened.risks.is_empty(), "{:?}", risks(&tightened));
}

#[test]
fn money_is_held_against_the_budget() {
    // What is above the budget is a finding, which is told once.
    assert!(edited(&[("monthly 45000", "monthly 20000")]).risks.is_empty());
    has_risk(&edited(&[("monthly 45000", "monthly 50000")]), RiskLevel::Low, "raised from 45000.00 to 50000.00");
}

#[test]
fn what_answers_is_told() {
    has_risk(&edited(&[LIVE_V2]), RiskLevel::Medium, "the live version of prompt `support` changes from `v1` to `v2`");
    let prompt = edited(&[("temperature=0.3", "temperature=0.4")]);
    has_risk(&prompt, RiskLevel::Medium, "version `v1` of prompt `support` is edited under its old name, and it is live");
    let version = prompt.objects.iter().find(|object| object.path == "prompts/support/v1.yaml").expect("a version");
    assert_eq!(version.action, Action::Replace);
    assert!(fields(version).contains(&"data[\"sampling.json\"].sampling.temperature: 0.3 → 0.4".to_owned()), "{:?}", fields(version));
    assert!(prompt.rollouts.is_empty(), "no pod reads it");
    has_risk(
        &edited(&[("revision=\"0e9e39f249a16976918f6564b8830bc894c89659\"", "revision=\"1e9e39f249a16976918f6564b8830bc894c89659\"")]),
        RiskLevel::Medium,
        "the revision of `llama-8b` changes",
    );
    has_risk(
        &edited(&[("max-num-seqs=128", "max-num-seqs=128 kv-cache-dtype=\"fp8\"")]),
        RiskLevel::Medium,
        "the type of the KV cache of `llama-8b` changes from the engine's own to fp8",
    );
    has_risk(
        &edited(&[("callers \"support-app\"", "callers \"support-app\" \"crm\"")]),
        RiskLevel::Medium,
        "pods of the namespace `crm` may call the stack",
    );
    has_risk(
        &edited(&[("provider \"openai\"", "provider \"openai\"\n base-url \"https://llm.example.com/v1\"")]),
        RiskLevel::High,
        "what users write to route `escalation` goes to `https://llm.example.com/v1`",
    );
    let answered = edited(&[
        (
            "route \"escalation\" {\n        prompt \"support\"\n        model \"gpt-4o\"",
            "route \"escalation\" {\n        prompt \"support\"\n        model \"llama-70b\"",
        ),
        // Little enough not to contradict the load of the model.
        ("requests-per-second=0.05", "requests-per-second=0.02"),
    ]);
    has_risk(&answered, RiskLevel::Medium, "route `escalation` is answered by `llama-70b`, before by `gpt-4o`");
}

#[test]
fn a_waiver_and_another_stage_are_told() {
    let waiver = "waive \"two_replicas\" {\n owner \"team-support\"\n reason \"a pilot\"\n until \"2027-01-31\"\n }\n    budget {";
    has_risk(
        &edited(&[("budget {", waiver)]),
        RiskLevel::Medium,
        "the policy `two_replicas` is waived until 2027-01-31: team-support answers for it (a pilot)",
    );
    has_risk(&edited(&[DEVELOPMENT]), RiskLevel::Medium, "the stage is lowered");
}

#[test]
fn a_new_stack_starts_and_a_gone_one_stops() {
    let new = planned(&Tree::default(), &STANDS);
    assert!(new.objects.iter().all(|object| object.action == Action::Create) && new.objects.len() == 34, "{:?}", objects(&new));
    assert_eq!(new.rollouts.len(), 4);
    assert!(
        new.rollouts.iter().all(|rollout| matches!(rollout.disruption, Disruption::Start(_))) && new.risks.is_empty(),
        "{:?}",
        risks(&new)
    );
    let budget = new.totals.budget.as_ref().expect("a budget");
    assert_eq!(budget.monthly_limit, [None, Some("45000.00".to_owned())]);
    let gone = planned(&Tree::from(&*STANDS), &FileSet::default());
    assert!(gone.objects.iter().all(|object| object.action == Action::Delete) && gone.objects.len() == 34, "{:?}", objects(&gone));
    let budget = gone.totals.budget.as_ref().expect("a budget");
    assert_eq!(budget.monthly_max[1].as_deref(), Some("0.00"), "what is gone costs nothing");
    assert!(plan::render_text(&plan::plan(vec![gone.clone()]), false, false).contains("45,000.00 → 0.00 USD a month"));
    has_risk(&gone, RiskLevel::High, "the stack `customer-support` is removed, with `escalation`, `support` and `triage`");
}

#[test]
fn a_tree_that_does_not_say_what_it_is_has_no_false_calm() {
    let new = compiled(&[("target 0.95", "target 0.9")]);
    let with = |path: &str, content: &str| {
        let mut old = Tree::from(&*STANDS);
        old.files.insert(path.to_owned(), content.as_bytes().to_vec());
        planned(&old, &new)
    };
    let unknown = with("stack.json", "{\"stack\": \"customer-support\", \"later\": 1}");
    has_risk(&unknown, RiskLevel::High, "what this change means cannot be told");
    has_risk(&unknown, RiskLevel::Medium, "`stack.json` would be overwritten");
    assert_eq!(unknown.totals.gpus["a100"].max, [12, 12], "the manifest has them");
    let broken = with("kubernetes/llama-8b/deployment.yaml", "kind: [");
    has_risk(&broken, RiskLevel::Medium, "`kubernetes/llama-8b/deployment.yaml` of the tree that stands cannot be read");
    let text = STANDS.get("llmc.json").expect("a manifest").replace(env!("CARGO_PKG_VERSION"), "0.0.7");
    has_risk(&with("llmc.json", &text), RiskLevel::Low, "compiled by llmc 0.0.7");
}

#[test]
fn the_schema_is_published() {
    let schema = serde_json::to_string_pretty(&plan::json_schema().to_value()).expect("JSON") + "\n";
    let path = root().join("schemas/plan.schema.json");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &schema).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the schema"), schema, "UPDATE_SCHEMAS=1 writes it");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let plan = plan::plan(vec![edited(&[("replicas min=2\n", "replicas min=3\n"), ("\"llama-70b\"", "\"big\"")])]);
    let mut value = serde_json::to_value(&plan).expect("JSON");
    assert!(validator.is_valid(&value), "{:?}", validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>());
    value["stacks"][0]["objects"][0]["action"] = "explode".into();
    assert!(!validator.is_valid(&value));
    assert_eq!(plan::read(&plan::render_json(&plan)), Ok(plan));
}

#[test]
fn a_plan_reads_well() {
    let edits = [
        ("max-num-seqs=64", "max-num-seqs=48"),
        ("replicas min=2\n", "replicas min=3\n"),
        (
            "block-pii \"email\" \"phone-number\" \"credit-card\"\n            self-check",
            "block-pii \"email\" \"phone-number\" \"credit-card\"",
        ),
        ("below \"2.5s\"", "below \"5s\""),
        LIVE_V2,
    ];
    let plan = plan::plan(vec![edited(&edits)]);
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "plan" }, {
        insta::assert_snapshot!("text", plan::render_text(&plan, false, false));
    });
    let verbose = plan::render_text(&plan, true, false);
    assert!(verbose.contains("spec.template.spec.containers[vllm].args[--max-num-seqs]: \"64\" → \"48\""), "{verbose}");
    assert!(plan.stacks[0].files.iter().all(|file| verbose.contains(&file.path)), "{verbose}");
    let coloured = plan::render_text(&plan, false, true);
    assert!(coloured.contains("\u{1b}[31mhigh") && !plan::render_text(&plan, true, false).contains('\u{1b}'));
}

/// Nothing of an old tree can act on the terminal.
#[test]
fn hostile_names_are_escaped() {
    let mut old = Tree::from(&*STANDS);
    let hostile = "apiVersion: v1\nkind: Service\nmetadata: { name: \"x\\e[2J\\u202e\", namespace: \"n\\n\" }\n";
    old.files.insert("kustomization.yaml".into(), b"resources: [a.yaml]".to_vec());
    old.files.insert("a.yaml".into(), hostile.as_bytes().to_vec());
    let plan = plan::plan(vec![planned(&old, &STANDS)]);
    for text in [plan::render_text(&plan, false, false), plan::render_text(&plan, true, false)] {
        assert!(text.contains("x\\u{1b}[2J\\u{202e}") && !text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn a_secret_in_the_old_tree_stays_there() {
    let token = format!("hf{}{}", "_", "a1B2".repeat(6));
    let mut old = Tree::from(&*STANDS);
    for content in old.files.values_mut() {
        let text = String::from_utf8(std::mem::take(content)).expect("UTF-8");
        *content = text.replace("llama-8b", &token).replace("value: \"1\"", &format!("value: {token}")).into_bytes();
    }
    let plan = plan::plan(vec![planned(&old, &STANDS)]);
    assert!(!plan.stacks[0].objects.is_empty());
    for text in [plan::render_json(&plan), plan::render_text(&plan, true, false)] {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(&token)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
}

#[test]
fn files_of_somebody_else_are_no_stack() {
    let mut old = Tree::default();
    old.files.insert("README.md".into(), b"hello".to_vec());
    let plan = planned(&old, &STANDS);
    assert!(plan.risks.is_empty() && plan.files.iter().all(|file| file.action == Action::Create), "{:?}", risks(&plan));
}

/// What a plan says of the files, done.
fn applied(old: &Tree, plan: &StackPlan, new: &FileSet) -> Tree {
    let mut tree = old.clone();
    for file in &plan.files {
        match file.action {
            Action::Delete => drop(tree.files.remove(&file.path)),
            _ => drop(tree.files.insert(file.path.clone(), new.get(&file.path).expect("a new file").as_bytes().to_vec())),
        }
    }
    tree
}

/// Edits that can be put together.
const EDITS: [Edit<'_>; 9] = [
    ("max-num-seqs=64", "max-num-seqs=48"),
    ("replicas min=2\n", "replicas min=3\n"),
    ("\"llama-8b\"", "\"triage-8b\""),
    ("namespace \"llm-serving\"", "namespace \"llm\""),
    ("guardrails \"default\"", "guardrails \"strict\""),
    ("temperature=0.3", "temperature=0.4"),
    ("below \"500ms\"", "below \"1s\""),
    ("pool \"l40s\"", "pool \"small\""),
    ("output {\n            block-pii \"credit-card\"\n            self-check\n        }\n", ""),
];

fn chosen(bits: u16) -> Vec<Edit<'static>> {
    let mut edits: Vec<Edit<'static>> = EDITS.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, edit)| *edit).collect();
    if bits & (1 << 7) != 0 {
        edits.push(("pool=\"l40s\"", "pool=\"small\""));
    }
    edits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn what_is_planned_is_what_was_compiled(old in 0_u16..512, new in 0_u16..512) {
        let (old, new) = (Tree::from(&compiled(&chosen(old))), compiled(&chosen(new)));
        let plan = planned(&old, &new);
        assert_eq!(applied(&old, &plan, &new), Tree::from(&new));
        assert_eq!(plan.is_empty(), old == Tree::from(&new));
        assert_eq!(planned(&old, &new), plan);
        assert!(plan.risks.windows(2).all(|pair| pair[0].level <= pair[1].level));
        let whole = plan::plan(vec![plan]);
        assert_eq!(plan::read(&plan::render_json(&whole)), Ok(whole));
    }

    #[test]
    fn any_bytes_may_stand_there(path in 0_usize..60, at in any::<usize>(), bytes in proptest::collection::vec(any::<u8>(), 0..40), whole in any::<bool>()) {
        let mut old = Tree::from(&*STANDS);
        let content = old.files.values_mut().nth(path % STANDS.len()).expect("a file");
        if whole {
            *content = bytes;
        } else {
            let at = at % content.len();
            content.splice(at..(at + 7).min(content.len()), bytes);
        }
        let plan = planned(&old, &STANDS);
        assert_eq!(plan.is_empty(), old == Tree::from(&*STANDS));
        plan::render_text(&plan::plan(vec![plan]), true, false);
    }
}
