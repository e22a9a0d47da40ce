//! Plans to show: of an edited example stack, and made by hand with any text in every place that a
//! user fills.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use llmc::diagnostic::{Finding, Label, Rule, Severity};
use llmc::emit::{FileSet, RECORD_FILE, Tree};
use llmc::plan::markdown::{Policies, Provenance, Review, Waived};
use llmc::plan::{
    Action, Copies, Disruption, ExperimentChange, FieldChange, FileChange, FreeGpus, GpuChange, ObjectChange, Order, PromptChange, Restart,
    Risk, RiskLevel, Rollout, RouteChange, StackPlan, Subject, Totals, compare,
};
use llmc::pricing::{Amounts, Cause, CostChange, Together};
use serde_json::{Value, json};

use crate::harness::{copy, cost_change, pin_anew, root};

/// What a review is made of.
#[derive(Clone)]
pub struct Case {
    pub plan: StackPlan,
    pub old: Tree,
    pub new: FileSet,
    pub findings: Vec<Finding>,
    pub policies: Policies,
    pub provenance: Provenance,
}

impl Case {
    pub fn review(&self) -> Review<'_> {
        Review {
            plan: &self.plan,
            old: &self.old,
            new: &self.new,
            findings: self.findings.clone(),
            policies: self.policies.clone(),
            provenance: self.provenance.clone(),
        }
    }

    /// The plan from `old` to `new`, as the compiler makes it.
    pub fn of(stack: &str, old: &FileSet, new: &FileSet) -> Self {
        let old = Tree::from(old);
        let spec = format!("stacks/{stack}/stack.kdl");
        let output = format!("generated/{stack}");
        let cost = cost_change(&old, new);
        let plan = compare(&Subject {
            stack,
            spec: Some(&spec),
            output: &output,
            old: &old,
            renamed_from: None,
            new,
            cost: cost.as_ref(),
            prompts: &[],
        });
        let provenance = Provenance {
            spec: Some(spec),
            commit: Some("6f6073b423013f6a7d4d9f39144961bfbfbc386b".into()),
            llmc_version: "0.1.0".into(),
            plan_sha256: "0".repeat(64),
            command: format!("llmc apply {stack}"),
        };
        Self { plan, old, new: new.clone(), findings: Vec::new(), policies: Policies::default(), provenance }
    }
}

/// The example stack `name`, compiled after `edit` changed its files.
pub fn compiled(name: &str, edit: impl FnOnce(&Path)) -> FileSet {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("stacks").join(name), folder.path());
    edit(folder.path());
    pin_anew(&folder.path().join("stack.kdl"));
    let compilation = llmc::compile::compile(&folder.path().join("stack.kdl"), "stack.kdl", &llmc::policy::Policies::shipped());
    compilation.files.unwrap_or_else(|| panic!("{:?}", compilation.findings.iter().map(|f| &f.message).collect::<Vec<_>>()))
}

/// Replaces `from` in a file, once.
pub fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a file");
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replacen(from, to, 1)).expect("written");
}

/// The customer support stack, with a longer context, another live prompt and fewer guardrails.
pub fn example() -> Case {
    let old = compiled("customer-support", |_| {});
    let new = compiled("customer-support", |folder| {
        let spec = folder.join("stack.kdl");
        replace(&spec, "serve max-model-len=8192 gpu-memory-utilization=0.90", "serve max-model-len=16384 gpu-memory-utilization=0.92");
        replace(
            &spec,
            "live \"v1\"\n        rollback \"v1\"\n    }\n    prompt",
            "live \"v2\"\n        rollback \"v1\"\n    }\n    prompt",
        );
        replace(&spec, "\"email\" \"phone-number\" \"credit-card\"", "\"email\"");
        replace(&folder.join("prompts/support.v1.md"), "at most six", "at most four");
        replace(&folder.join("guardrails/instructions.md"), "\n", "\n- Nothing about other shops.\n");
    });
    let mut case = Case::of("customer-support", &old, &new);
    let restart = restart("a100", 4, 0);
    case.plan.rollouts = vec![Rollout {
        route: "/model/llama-70b".into(),
        name: "llama-70b".into(),
        renamed_from: None,
        disruption: Disruption::RollingRestart(restart.clone()),
        because: vec!["`--max-model-len`".into(), "`--gpu-memory-utilization`".into()],
    }];
    case.plan.objects = vec![ObjectChange {
        action: Action::Update,
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: Some("llm-serving".into()),
        name: "customer-support-llama-70b".into(),
        path: "kubernetes/llama-70b/deployment.yaml".into(),
        renamed_from: None,
        immutable_field: None,
        fields: vec![FieldChange {
            path: "spec.template.spec.containers[vllm].args[3]".into(),
            old: Some(json!("--max-model-len=8192")),
            new: Some(json!("--max-model-len=16384")),
        }],
        disruption: Disruption::RollingRestart(restart),
    }];
    case.plan.risks = vec![
        Risk { level: RiskLevel::Low, message: "prompt `support`: version `v1` is edited in place".into(), route: None },
        Risk { level: RiskLevel::High, message: "guardrail `block-pii credit-card` removed from route `support`".into(), route: None },
    ];
    case.plan.totals.guardrails_lost = vec!["support: input block-pii credit-card".into()];
    let amounts = |min: &str, expected: &str, max: &str| Amounts { min: min.into(), expected: expected.into(), max: max.into() };
    let (before, after) = (amounts("12906.40", "12906.40", "19359.60"), amounts("12906.40", "13100.00", "25812.80"));
    case.plan.totals.budget = Some(CostChange {
        currency: "USD".into(),
        monthly_min: [Some("14512.40".into()), Some("14512.40".into())],
        monthly_expected: [Some("14512.40".into()), Some("14706.00".into())],
        monthly_max: [Some("20965.60".into()), Some("27418.80".into())],
        monthly_limit: [Some("45000".into()), Some("45000".into())],
        change: Some(amounts("0.00", "193.60", "6453.20")),
        blocks: BTreeMap::from([("/model/llama-70b".into(), [Some(before), Some(after)])]),
        causes: vec![Cause {
            route: "/model/llama-70b/replicas/max".into(),
            old: Some("3".into()),
            new: Some("4".into()),
            change: amounts("0.00", "0.00", "6453.20"),
        }],
        together: Some(Together {
            change: amounts("0.00", "193.60", "0.00"),
            routes: vec!["/model/llama-70b/load/requests-per-second".into(), "/model/llama-70b/serve/max-num-seqs".into()],
            more: 0,
        }),
        notes: Vec::new(),
    });
    case.policies = Policies {
        evaluated: vec!["guardrails-never-fewer".into(), "rollback-named".into()],
        waived: vec![Waived {
            policy: "guardrails-never-fewer".into(),
            owner: "team-support".into(),
            reason: "phone numbers are masked by the application since release 12".into(),
            until: "2027-01-31".into(),
            message: "route `support` loses `block-pii phone-number`".into(),
        }],
    };
    case
}

fn restart(pool: &str, needed: u64, free: u64) -> Restart {
    Restart {
        pods: Copies { min: 2, max: 3 },
        gpus_per_pod: 4,
        gpu_seconds: 36_000,
        minutes_until_ready: 45,
        order: Order::OldFirst,
        outage_minutes: Some(15),
        free_gpus: Some(FreeGpus { pool: Some(pool.into()), needed, free }),
    }
}

static RULE: Rule = Rule { code: "LLMC-X000", name: "example", severity: Severity::Warning, docs: "" };

/// A plan with `text` wherever a user's text may come to stand.
pub fn filled_with(text: &str) -> Case {
    let t = || text.to_owned();
    let amounts = Amounts { min: t(), expected: t(), max: t() };
    // As a part of a path that is looked for, it must not be several parts.
    let part = text.replace('/', "_");
    let record = |value: &str| {
        let named = |block: Value| Value::Object([(part.clone(), block)].into_iter().collect());
        json!({
            "stack": text, "owner": format!("{text}{value}"), "namespace": text,
            "pool": named(json!({ "gpu": text, "price-per-gpu-hour": 2.5, "node-selector": { (text): format!("{text}{value}") } })),
            "model": named(json!({
                "source": { "repository": format!("{text}{value}"), "revision": text },
                "place": { "pool": part, "tensor-parallel": 2 }, "replicas": { "min": 1, "max": 2 },
                "serve": { "args": [text, value], "gpu-memory-utilization": 0.9 },
            })),
            "external": named(json!({ "base-url": format!("{text}{value}") })),
            "prompt": named(json!({ "live": format!("{part}{value}"), "rollback": part, "version": { (part.clone()): {}, (format!("{part}{value}")): {} } })),
            "guardrails": named(json!({ "refusal": format!("{text}{value}"), "instructions": { "file": text } })),
            "route": { (part.clone()): { "prompt": text, "model": part, "guardrails": part, "note": value }, (format!("{part}2")): { "model": part } },
            "experiment": named(json!({ "hypothesis": format!("{text}{value}") })),
            "budget": { "monthly": 10, "currency": text },
            "waive": named(json!({ "reason": format!("{text}{value}") })),
            "note": { (format!("k{text}")): value },
        })
    };
    let config = |value: &str| json!({ "data": { "system.md": format!("{text}\n{value}"), "user.md": text } }).to_string();
    let files = |value: &str| {
        BTreeMap::from([
            (RECORD_FILE.to_owned(), record(value).to_string()),
            (format!("prompts/{part}/{part}.yaml"), config(value)),
            (format!("prompts/{part}/{part}{value}.yaml"), config(&format!("{value}2"))),
            (format!("guardrails/{part}/{part}/prompts.yml"), format!("{text}\n{value}\n{text}")),
            (format!("kubernetes/{part}/deployment.yaml"), format!("{value}\n{text}")),
            (format!("other/{text}"), format!("a\n{text}\n{value}")),
        ])
    };
    let (before, after) = (files("1"), files("2"));
    let old = Tree { files: before.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect() };
    let mut new = FileSet::default();
    after.iter().for_each(|(path, text)| new.insert(path.clone(), text.clone()));
    let change = |path: &String, action| FileChange { action, path: path.clone(), old_sha256: None, new_sha256: None, edited: true };
    let action = |path: &String| match (before.contains_key(path), after.contains_key(path)) {
        (true, true) => Action::Update,
        (true, false) => Action::Delete,
        _ => Action::Create,
    };
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let rollout = |disruption| Rollout {
        route: format!("/model/{part}"),
        name: part.clone(),
        renamed_from: None,
        disruption,
        because: vec![t(), format!("`{text}` and {text}")],
    };
    let restart = restart(text, 4, 2);
    let plan = StackPlan {
        stack: t(),
        spec: Some(t()),
        output: t(),
        renamed_from: Some(t()),
        inputs_sha256: t(),
        base_sha256: t(),
        target_sha256: t(),
        objects: vec![ObjectChange {
            action: Action::Replace,
            api_version: t(),
            kind: t(),
            namespace: Some(t()),
            name: t(),
            path: format!("kubernetes/{part}/deployment.yaml"),
            renamed_from: Some(t()),
            immutable_field: Some(t()),
            fields: vec![FieldChange { path: t(), old: Some(json!(text)), new: Some(json!({ (text): [text] })) }],
            disruption: Disruption::Replace(restart.clone()),
        }],
        files: paths.into_iter().map(|path| change(path, action(path))).collect(),
        rollouts: vec![
            rollout(Disruption::Replace(restart.clone())),
            rollout(Disruption::Start(restart)),
            rollout(Disruption::Stop { pods: Copies { min: 1, max: 1 }, freed_gpus: 1 }),
            rollout(Disruption::Scale { from: Copies { min: 1, max: 1 }, to: Copies { min: 1, max: 3 } }),
            rollout(Disruption::None),
        ],
        totals: Totals {
            gpus: BTreeMap::from([(t(), GpuChange { available: [8, 16], min: [2, 4], max: [8, 12] })]),
            guardrails_added: vec![t()],
            guardrails_lost: vec![t()],
            objectives_loosened: vec![t()],
            alerts_added: vec![t()],
            alerts_removed: vec![t()],
            budget: Some(CostChange {
                currency: t(),
                monthly_min: [None, Some(t())],
                monthly_expected: [None, Some(t())],
                monthly_max: [None, Some(t())],
                monthly_limit: [None, Some(t())],
                change: Some(amounts.clone()),
                blocks: BTreeMap::from([(t(), [None, Some(amounts.clone())])]),
                causes: vec![Cause { route: t(), old: Some(t()), new: Some(t()), change: amounts.clone() }],
                together: Some(Together { change: amounts, routes: vec![t(), t()], more: 1 }),
                notes: vec![t()],
            }),
            memory_headroom: Some(BTreeMap::from([(part.clone(), [Some(1.0), Some(2.0)])])),
            tokens_per_request: Some(BTreeMap::from([(t(), [None, Some(1)])])),
        },
        risks: vec![
            Risk { level: RiskLevel::High, message: t(), route: Some(t()) },
            Risk { level: RiskLevel::Low, message: format!("guardrail `{text}` of {text} is gone"), route: None },
        ],
        prompts: vec![PromptChange {
            prompt: part.clone(),
            live: [Some(t()), Some(t())],
            is_rollback: true,
            is_pinned: false,
            routes: vec![RouteChange {
                route: t(),
                identity: [Some(t()), Some(t())],
                tokens: [None, Some(1)],
                is_estimated: true,
                input_tokens: [None, Some(1)],
                request_low: [Some(t()), Some(t())],
                request_high: [Some(t()), None],
            }],
        }],
        experiments: vec![ExperimentChange {
            experiment: t(),
            what: format!("ramp of `{text}` goes from 1 to 2 %: {text}"),
            level: RiskLevel::Low,
        }],
    };
    let label = Label { path: t(), text: Arc::from(""), range: 0..0, first_line: 1, note: t() };
    let finding = Finding { rule: &RULE, message: t(), primary: label, related: Vec::new(), help: vec![t()] };
    Case {
        plan,
        old,
        new,
        findings: vec![finding],
        policies: Policies {
            evaluated: vec![t()],
            waived: vec![Waived { policy: t(), owner: t(), reason: t(), until: t(), message: t() }],
        },
        provenance: Provenance { spec: Some(t()), commit: Some(t()), llmc_version: t(), plan_sha256: t(), command: t() },
    }
}
