//! The objects of a model: what must agree between fields and between objects.

use std::collections::BTreeSet;

use semver::Version;
use serde_json::{Value, json};

use super::{Tree, at, number};
use crate::harness::example_stacks;
use llmc::engine::{self, Signal};
use llmc::stack::EngineName;

const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Every model's Deployment of every example stack, with what it is called in messages.
fn deployments() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let of = |model: &String| (format!("{stack}/{model}"), tree.object(&format!("kubernetes/{model}/deployment.yaml")));
        all.extend(tree.models().iter().map(of));
    }
    assert!(all.len() >= 5, "the example stacks lost their models");
    all
}

fn gib(quantity: &Value) -> u64 {
    quantity.as_str().and_then(|q| q.strip_suffix("Gi")).and_then(|q| q.parse().ok()).unwrap_or_else(|| panic!("{quantity} is not in GiB"))
}

fn arguments(deployment: &Value) -> Vec<String> {
    at(deployment, &format!("{CONTAINER}/args"))
        .as_array()
        .expect("a list")
        .iter()
        .map(|a| a.as_str().expect("a text").to_owned())
        .collect()
}

fn flag(deployment: &Value, name: &str) -> Option<u64> {
    arguments(deployment).iter().find_map(|a| a.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

#[test]
fn a_pod_is_killed_only_after_its_answers_had_their_time() {
    for (name, deployment) in deployments() {
        let sleep = number(&deployment, &format!("{CONTAINER}/lifecycle/preStop/sleep/seconds"));
        let drain = flag(&deployment, "--shutdown-timeout").expect("a drain");
        assert_eq!(sleep, 15, "{name}");
        assert_eq!(number(&deployment, &format!("{POD}/terminationGracePeriodSeconds")), sleep + drain + 15, "{name}");
    }
}

#[test]
fn a_stated_drain_reaches_the_engine() {
    let tree = Tree::of("research-desk", &[]);
    let deployment = tree.object("kubernetes/llama-70b-fp8/deployment.yaml");
    assert_eq!(flag(&deployment, "--shutdown-timeout"), Some(120));
}

#[test]
fn an_engine_that_does_not_drain_is_waited_for() {
    let tree = Tree::of("research-desk", &[("stack.kdl", "0.32.0", "0.10.2")]);
    let deployment = tree.object("kubernetes/llama-70b-fp8/deployment.yaml");
    assert_eq!(flag(&deployment, "--shutdown-timeout"), None, "0.10.2 does not know the flag");
    let command = at(&deployment, &format!("{CONTAINER}/lifecycle/preStop/exec/command")).as_array().expect("a list");
    let (delay, limit) = (&command[4], &command[5]);
    assert_eq!((delay, limit), (&json!("15"), &json!("120")));
    assert_eq!(number(&deployment, &format!("{POD}/terminationGracePeriodSeconds")), 15 + 120 + 15);
    let metrics = engine::of(EngineName::Vllm).metrics(&Version::new(0, 10, 2));
    let running = metrics.get(Signal::Running).expect("the signal").name;
    assert!(command.contains(&json!(running)), "{command:?}");
}

#[test]
fn a_start_has_its_time_before_anything_gives_up() {
    for (name, deployment) in deployments() {
        let probe = |kind: &str, field: &str| number(&deployment, &format!("{CONTAINER}/{kind}/{field}"));
        let startup = probe("startupProbe", "periodSeconds") * probe("startupProbe", "failureThreshold");
        assert!(startup >= 600, "{name}: {startup} s");
        let grace = number(&deployment, &format!("{POD}/terminationGracePeriodSeconds"));
        assert!(number(&deployment, "/spec/progressDeadlineSeconds") >= startup + grace + 600, "{name}");
        assert!(probe("livenessProbe", "periodSeconds") * probe("livenessProbe", "failureThreshold") >= 60, "{name}");
        for kind in ["startupProbe", "readinessProbe", "livenessProbe"] {
            assert_eq!(at(&deployment, &format!("{CONTAINER}/{kind}/httpGet/path")), "/health", "{name}");
            assert!(probe(kind, "timeoutSeconds") > 1, "{name}");
        }
    }
}

#[test]
fn memory_holds_the_shared_memory_and_only_cpu_may_exceed_its_request() {
    for (name, deployment) in deployments() {
        let resources = at(&deployment, &format!("{CONTAINER}/resources"));
        let memory = gib(&resources["limits"]["memory"]);
        let volumes = at(&deployment, &format!("{POD}/volumes")).as_array().expect("a list").clone();
        let in_memory: u64 = volumes.iter().filter(|v| v["emptyDir"]["medium"] == "Memory").map(|v| gib(&v["emptyDir"]["sizeLimit"])).sum();
        assert!(in_memory > 0 && memory >= in_memory + 8, "{name}: {memory} GiB with {in_memory} GiB shared");
        for one in ["memory", "nvidia.com/gpu"] {
            assert_eq!(resources["limits"][one], resources["requests"][one], "{name}: {one}");
        }
        assert_eq!(resources["limits"]["cpu"], Value::Null, "{name}");
        assert_ne!(resources["requests"]["cpu"], Value::Null, "{name}");
        let parallel = flag(&deployment, "--tensor-parallel-size").expect("the flag").to_string();
        assert_eq!(resources["limits"]["nvidia.com/gpu"], parallel, "{name}");
        let unlimited = volumes.iter().find(|v| v["emptyDir"].is_object() && v["emptyDir"]["sizeLimit"].is_null());
        assert_eq!(unlimited, None, "{name}");
    }
}

#[test]
fn pods_are_restricted_and_hold_no_token_of_the_cluster() {
    for (name, deployment) in deployments() {
        let pod = at(&deployment, POD);
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert!(number(pod, "/securityContext/runAsUser") > 0, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(container["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(container["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
    }
}

#[test]
fn a_secret_is_only_ever_referred_to() {
    let tree = Tree::of("customer-support", &[]);
    for model in tree.models() {
        let deployment = tree.object(&format!("kubernetes/{model}/deployment.yaml"));
        let variables = at(&deployment, &format!("{CONTAINER}/env")).as_array().expect("a list").clone();
        let token = variables.iter().find(|v| v["name"] == "HF_TOKEN").expect("the token");
        assert_eq!(token, &json!({ "name": "HF_TOKEN", "valueFrom": { "secretKeyRef": { "name": "hf-secret", "key": "token" } } }));
        assert!(!variables.iter().any(|v| v["name"] == "HF_HUB_OFFLINE"), "the first start must be able to download");
    }
    let named: Vec<&str> =
        tree.files.values().flat_map(|text| text.lines()).filter(|line| line.contains("hf-secret")).map(str::trim).collect();
    let expected = ["name: hf-secret", "name: hf-secret", "\"name\": \"hf-secret\",", "\"name\": \"hf-secret\","];
    assert_eq!(named, expected, "once for each model in its Deployment, and in the record of the spec");
}

#[test]
fn labels_of_pods_and_selectors_never_change_with_a_version() {
    let before = Tree::of("customer-support", &[]);
    let after = Tree::of("customer-support", &[("stack.kdl", "0.32.0", "0.31.0"), ("stack.kdl", "6f6073b4", "6f6073b5")]);
    let differs = |path: &str| before.text(path) != after.text(path);
    for model in before.models() {
        let path = format!("kubernetes/{model}/deployment.yaml");
        assert!(differs(&path), "{path} kept the old version");
        let (old, new) = (before.object(&path), after.object(&path));
        assert_eq!(old["spec"]["selector"], new["spec"]["selector"]);
        assert_eq!(old["spec"]["template"]["metadata"], json!({ "labels": old["spec"]["selector"]["matchLabels"] }));
        assert_eq!(old["spec"]["template"]["metadata"], new["spec"]["template"]["metadata"]);
        let folder = format!("kubernetes/{model}/");
        let changed: BTreeSet<&String> = before.below(&folder).into_keys().filter(|path| differs(path)).collect();
        assert_eq!(changed, BTreeSet::from([&path]), "only the Deployment knows a version");
    }
}

#[test]
fn an_edit_that_no_pod_sees_restarts_no_pod() {
    let before = Tree::of("customer-support", &[]);
    let after = Tree::of(
        "customer-support",
        &[
            ("stack.kdl", "monthly 45000", "monthly 52000"),
            ("stack.kdl", "max-tokens=512\n        }\n        live \"v1\"", "max-tokens=512\n        }\n        live \"v2\""),
            ("stack.kdl", "temperature=0.3", "temperature=0.4"),
            ("prompts/support.v1.md", "six sentences", "five sentences"),
            ("guardrails/instructions.md", "\n", "\n\n"),
        ],
    );
    assert_eq!(before.below("kubernetes/"), after.below("kubernetes/"));
    let owner = Tree::of("customer-support", &[("stack.kdl", "team-support", "team-help")]);
    for model in before.models() {
        let path = format!("kubernetes/{model}/deployment.yaml");
        assert_eq!(at(&before.object(&path), "/spec"), at(&owner.object(&path), "/spec"), "{model}: the owner");
    }
}

#[test]
fn either_the_deployment_or_the_autoscaler_says_how_many() {
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        for model in tree.models() {
            let has_number = tree.object(&format!("kubernetes/{model}/deployment.yaml"))["spec"]["replicas"].is_u64();
            let is_scaled = tree.files.contains_key(&format!("kubernetes/{model}/scaled-object.yaml"));
            assert_ne!(has_number, is_scaled, "{stack}/{model}");
        }
    }
}

#[test]
fn scaling_reads_this_models_own_gauge() {
    let metrics = engine::of(EngineName::Vllm).metrics(&Version::new(0, 32, 0));
    for (stack, model, signal, threshold) in
        [("customer-support", "llama-70b", Signal::Waiting, "5"), ("research-desk", "llama-70b-fp8", Signal::Running, "24")]
    {
        let tree = Tree::of(stack, &[]);
        let scaled = tree.object(&format!("kubernetes/{model}/scaled-object.yaml"));
        let trigger = at(&scaled, "/spec/triggers/0");
        let namespace = scaled["metadata"]["namespace"].as_str().expect("a namespace");
        let query = trigger["metadata"]["query"].as_str().expect("a query");
        let name = metrics.get(signal).expect("the signal").name;
        let selector = format!(r#"{name}{{namespace="{namespace}",llmc_stack="{stack}",llmc_model="{model}"}}"#);
        assert_eq!(query, format!("sum(avg_over_time({selector}[2m]))"));
        promql_parser::parser::parse(query).expect("PromQL");
        assert_eq!(trigger["metadata"]["threshold"], threshold);
        assert_eq!(trigger["metricType"], "AverageValue");
        assert!(trigger["metadata"]["metricName"].is_null(), "KEDA removed it in 2.12");
        assert_eq!(at(&scaled, "/spec/scaleTargetRef/name"), &format!("{stack}-{model}"));
        let monitor = tree.object(&format!("kubernetes/{model}/pod-monitor.yaml"));
        let labels = at(&monitor, "/spec/podMetricsEndpoints/0/relabelings").as_array().expect("a list");
        let pairs: Vec<(&Value, &Value)> = labels.iter().map(|l| (&l["targetLabel"], &l["replacement"])).collect();
        assert_eq!(pairs, [(&json!("llmc_stack"), &json!(stack)), (&json!("llmc_model"), &json!(model))]);
    }
}

#[test]
fn a_rollout_waits_for_nothing_that_only_it_can_free() {
    let rolling = |edits: &[(&str, &str, &str)]| {
        let deployment = Tree::of("customer-support", edits).object("kubernetes/llama-70b/deployment.yaml");
        let strategy = at(&deployment, "/spec/strategy/rollingUpdate").clone();
        (strategy["maxSurge"].as_u64(), strategy["maxUnavailable"].as_u64())
    };
    let (surge, no_surge) = ((Some(1), Some(0)), (Some(0), Some(1)));
    assert_eq!(rolling(&[]), surge, "12 of 16 GPUs are taken");
    assert_eq!(rolling(&[("stack.kdl", "max=3", "max=4")]), no_surge, "16 of 16 GPUs are taken");
    let on_one_node = ("stack.kdl", "replicas min=2 max=3 {\n            scale-on \"queue\" target=5\n        }", "replicas min=1");
    assert_eq!(
        rolling(&[on_one_node, ("stack.kdl", "stage \"production\"", "stage \"staging\"")]),
        no_surge,
        "the new pod's node may not be able to mount the cache"
    );
}

#[test]
fn only_those_who_have_to_reach_a_model() {
    let tree = Tree::of("customer-support", &[]);
    let from = |model: &str| {
        let policy = tree.object(&format!("kubernetes/{model}/network-policy.yaml"));
        at(&policy, "/spec/ingress/0/from").as_array().expect("a list").clone()
    };
    let namespace = |name: &str| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } });
    let guardrails = json!({ "podSelector": { "matchLabels": {
        "app.kubernetes.io/component": "guardrails",
        "app.kubernetes.io/instance": "customer-support",
        "app.kubernetes.io/name": "default",
    } } });
    assert_eq!(from("llama-70b"), [guardrails.clone(), namespace("monitoring")], "every route to it is guarded");
    let both = [guardrails, namespace("support-app"), namespace("monitoring")];
    assert_eq!(from("llama-8b"), both, "it is called directly, and as a tier of a guarded route");
    let policy = tree.object("kubernetes/llama-70b/network-policy.yaml");
    let egress = at(&policy, "/spec/egress/1/to/0/ipBlock");
    assert_eq!(egress, &json!({ "cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"] }), "credentials of the cloud");
}
