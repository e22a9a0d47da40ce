//! `llmc drift`, with a stand-in for `kubectl` (`tests/drift/kubectl`) and with the real one's flags.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Run, edit, finish, judges, llmc, llmc_with, repository, root, tree, yaml};

const DEPLOYMENT: &str = "Deployment demo-llama-8b";

/// A repository whose tree a cluster holds, as a server would hold it.
struct World {
    folder: tempfile::TempDir,
    objects: Vec<Value>,
}

impl World {
    fn new() -> Self {
        let folder = repository(&["demo"]);
        let here = folder.path();
        let scaled = "place pool=\"gpu\"\n        replicas min=1 max=2 { scale-on \"queue\" target=5; }";
        edit(&here.join("stacks/demo/stack.kdl"), "place pool=\"gpu\"", scaled);
        edit(&here.join("stacks/demo/stack.kdl"), "monthly 1500", "monthly 9000");
        assert_eq!(llmc(here, &["apply"]).code, 0);
        fs::write(here.join("kubeconfig"), "apiVersion: v1\nkind: Config\n").unwrap();
        let list = yaml(&fs::read_to_string(here.join("generated/demo/kustomization.yaml")).unwrap());
        let files = list["resources"].as_array().unwrap().iter().map(|path| here.join("generated/demo").join(path.as_str().unwrap()));
        let mut objects: Vec<Value> = files.map(|path| yaml(&fs::read_to_string(path).unwrap())).collect();
        for object in &mut objects {
            // What a server and its controllers add.
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.insert("uid".into(), "1".into());
            metadata.insert("generation".into(), 3.into());
            metadata.insert("managedFields".into(), json!([{ "manager": "argocd-controller" }]));
            object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "7".into();
            object["metadata"]["annotations"]["injected.example.org/by"] = "a controller".into();
            object["status"] = json!({ "replicas": 2 });
        }
        let world = Self { folder, objects };
        world.save();
        world
    }

    fn here(&self) -> &Path {
        self.folder.path()
    }

    fn save(&self) {
        fs::write(self.here().join("state.json"), Value::from(self.objects.clone()).to_string()).unwrap();
    }

    fn object(&mut self, words: &str) -> &mut Value {
        let (kind, name) = words.split_once(' ').unwrap();
        self.objects.iter_mut().find(|o| o["kind"] == kind && o["metadata"]["name"] == name).expect("the object")
    }

    fn run(&self, mode: &str, args: &[&str]) -> Run {
        fs::write(self.here().join("mode"), mode).unwrap();
        let path = format!("{}:{}", root().join("tests/drift").display(), std::env::var("PATH").unwrap());
        let all = [&["drift", "--kubeconfig", "kubeconfig"], args].concat();
        llmc_with(self.here(), &all, &[("PATH", &path), ("STANDIN", self.here().to_str().unwrap())])
    }

    fn differences(&self, mode: &str) -> Vec<String> {
        let run = self.run(mode, &["--format", "json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let list = report["stacks"][0]["cluster"]["differences"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.map(|d| format!("{} {} {}", text(&d["difference"]), text(&d["kind"]), text(&d["name"]))).collect()
    }
}

#[test]
fn a_tree_that_is_not_the_compiled_one_has_drifted() {
    let folder = repository(&["demo"]);
    let here = folder.path();
    assert_eq!(llmc(here, &["drift", "--detailed-exitcode"]).code, 2, "nothing is compiled yet");
    assert_eq!(llmc(here, &["apply"]).code, 0);
    let same = llmc(here, &["drift", "--detailed-exitcode"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, "demo: no drift\n"), "{}", same.stderr);
    edit(&here.join("stacks/demo/stack.kdl"), "max-model-len=8192", "max-model-len=4096");
    fs::write(here.join("generated/demo/kustomization.yaml"), "edited").unwrap();
    fs::write(here.join("generated/demo/mine.txt"), "nobody minds").unwrap();
    let before = tree(here);
    let run = llmc(here, &["drift", "--detailed-exitcode"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    for line in ["  stale: kubernetes/llama-8b/deployment.yaml\n", "  edited by hand: kustomization.yaml\n"] {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
    assert!(!run.stdout.contains("mine.txt"), "{}", run.stdout);
    assert_eq!(llmc(here, &["drift"]).code, 0, "the exit code says it only when asked");
    assert_eq!(tree(here), before, "drift wrote something");
    fs::remove_dir_all(here.join("stacks/demo")).unwrap();
    let gone = llmc(here, &["drift", "--detailed-exitcode"]);
    assert_eq!((gone.code, gone.stdout.contains("no spec declares this stack any more")), (2, true), "{}{}", gone.stdout, gone.stderr);
}

#[test]
fn a_cluster_that_holds_the_tree_has_not_drifted() {
    let mut world = World::new();
    let run = world.run("", &["--detailed-exitcode"]);
    let count = world.objects.len();
    assert_eq!((run.code, run.stdout), (0, format!("demo: no drift, {count} objects in the cluster compared\n")), "{}", run.stderr);
    // What the files do not set belongs to others: the autoscaler's copies, defaults, sidecars' annotations.
    let deployment = world.object(DEPLOYMENT);
    assert_eq!(deployment["spec"].get("replicas"), None, "the autoscaler owns it");
    deployment["spec"]["replicas"] = 2.into();
    deployment["spec"]["paused"] = false.into();
    deployment["spec"]["template"]["metadata"]["annotations"]["injected.example.org/by"] = "x".into();
    world.save();
    assert_eq!(world.differences(""), Vec::<String>::new());
    let calls = fs::read_to_string(world.here().join("calls")).unwrap();
    assert!(
        !calls.contains("delete") && calls.lines().all(|call| !call.contains("\"apply\"") || call.contains("--dry-run=server")),
        "{calls}"
    );
}

#[test]
fn what_differs_is_missing_or_left_over_is_told() {
    let mut world = World::new();
    world.object(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.org/other:1".into();
    world.objects.retain(|o| !(o["kind"] == "Service" && o["metadata"]["name"] == "demo-llama-8b"));
    let labels = json!({ "app.kubernetes.io/managed-by": "llmc", "app.kubernetes.io/part-of": "demo" });
    let extra = |kind: &str, name: &str, labels: &Value, namespace: &str| {
        let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
        json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": namespace, "labels": labels } })
    };
    let mut owned = extra("ConfigMap", "demo-owned", &labels, "llm-serving");
    owned["metadata"]["ownerReferences"] = json!([{ "name": "x" }]);
    let mut going = extra("ConfigMap", "demo-going", &labels, "llm-serving");
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let other = json!({ "app.kubernetes.io/managed-by": "llmc", "app.kubernetes.io/part-of": "other" });
    world.objects.extend([
        extra("Deployment", "demo-old", &labels, "llm-serving"),
        extra("Deployment", "other-model", &other, "llm-serving"),
        extra("ConfigMap", "demo-elsewhere", &labels, "another-namespace"),
        owned,
        going,
    ]);
    world.save();
    let told = ["differs Deployment demo-llama-8b", "left-over Deployment demo-old", "missing Service demo-llama-8b"];
    assert_eq!(world.differences(""), told);
    let run = world.run("", &["--detailed-exitcode"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let field = "spec.template.spec.containers[vllm].image: \"registry.example.org/other:1\" in the cluster";
    assert!(run.stdout.contains(field), "{}", run.stdout);
    assert!(run.stdout.contains("  cluster, left over: Deployment llm-serving/demo-old\n"), "{}", run.stdout);
}

#[test]
fn a_refused_object_and_an_unknown_kind_do_not_hide_the_others() {
    let mut world = World::new();
    world.object("Service demo-llama-8b")["spec"]["ports"] = json!([]);
    world.save();
    let refused = world.differences("immutable demo-default-guardrails");
    // Every kind has an object of that name: each is tried alone, and the others are compared.
    assert!(refused.contains(&"differs Service demo-llama-8b".to_owned()), "{refused:?}");
    assert!(refused.contains(&"refused Deployment demo-default-guardrails".to_owned()), "{refused:?}");
    assert!(!refused.contains(&format!("differs {DEPLOYMENT}")), "{refused:?}");
    let unknown = world.differences("unknown-kind PodMonitor");
    assert_eq!(unknown, ["missing PodMonitor demo-llama-8b", "differs Service demo-llama-8b"]);
}

#[test]
fn a_cluster_that_cannot_be_asked_fails_in_words() {
    let world = World::new();
    for (mode, words) in [
        ("unreachable", "the cluster cannot be reached"),
        ("unauthorized", "the credentials are not accepted"),
        ("forbidden", "the credentials need get and list"),
        ("garbage", "did not print Kubernetes objects"),
        ("partial", "kubectl left out"),
        ("flood", "..."),
    ] {
        let run = world.run(mode, &["--detailed-exitcode"]);
        assert_eq!((run.code, run.stderr.contains(words)), (1, true), "{mode}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{mode}");
        assert!(
            run.stderr.len() < 2000 && !run.stderr.contains('\u{1b}') && !run.stderr.contains("notarealtoken"),
            "{mode}: {}",
            run.stderr
        );
    }
    let start = std::time::Instant::now();
    let slow = world.run("slow", &["--timeout", "1"]);
    assert_eq!((slow.code, slow.stderr.contains("no answer within 1 s")), (1, true), "{}", slow.stderr);
    assert!(start.elapsed().as_secs() < 10, "it waited for kubectl");
    let none = llmc_with(world.here(), &["drift", "--context", "x"], &[("PATH", "/nonexistent")]);
    assert_eq!((none.code, none.stderr.contains("`kubectl` is not installed")), (1, true), "{}", none.stderr);
    let file = llmc(world.here(), &["drift", "--kubeconfig", "nothing"]);
    assert_eq!((file.code, file.stderr.contains("no kubeconfig file `nothing`")), (1, true), "{}", file.stderr);
}

/// Every call that the stand-in saw, made to a real kubectl whose cluster is not there: it must try to
/// reach the cluster, and not stumble over an option.
#[test]
fn the_real_kubectl_knows_every_option() {
    let kubectl = judges().join("kubectl/kubectl");
    assert!(kubectl.exists(), "the judge `kubectl` is not installed; run tests/judges/install");
    let world = World::new();
    let run = world.run("", &["--field-manager", "kustomize-controller"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let calls = fs::read_to_string(world.here().join("calls")).unwrap();
    let mut calls: Vec<Vec<String>> = calls.lines().map(|call| serde_json::from_str(call).unwrap()).collect();
    calls.sort();
    calls.dedup();
    assert!(calls.iter().any(|call| call[0] == "apply") && calls.len() > 8, "{calls:?}");
    let object = world.here().join("generated/demo/kubernetes/llama-8b/service.yaml");
    let ask = |call: &[String]| {
        let mut command = Command::new(&kubectl);
        command.args(call.iter().filter(|a| !a.starts_with("--kubeconfig"))).arg("--server=http://127.0.0.1:1");
        command.env("HOME", world.here()).env_remove("KUBECONFIG").stdin(fs::File::open(&object).unwrap());
        finish(command.output().expect("kubectl starts"))
    };
    for call in calls.iter().filter(|call| call[0] == "apply" || call.contains(&"-f".to_owned())).chain(calls.iter().rev().take(1)) {
        let run = ask(call);
        assert!(run.code != 0 && run.stderr.contains("127.0.0.1:1"), "{call:?}: {}", run.stderr);
    }
    let wrong = ask(&["get".into(), "--no-such-option".into()]);
    assert!(!wrong.stderr.contains("127.0.0.1:1"), "the judge accepts any option: {}", wrong.stderr);
}
