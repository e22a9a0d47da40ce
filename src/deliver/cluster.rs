//! What stands in a Kubernetes cluster, asked through `kubectl`.
//!
//! Nothing is written: objects are read, and a server-side apply is tried as a dry run. What the dry
//! run would change is what differs; fields that the tree does not set, and that autoscalers and
//! other controllers own, come back from it as they stand and so never differ.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{self, Fault, NoAnswer};

/// Most bytes of an answer of `kubectl`.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Most characters that are shown of what `kubectl` says.
const MOST_WORDS: usize = 600;

/// Kinds that llmc writes, with the `apiVersion` that it writes them in: a stack's objects of
/// these kinds that its tree no longer has are left over.
const KINDS: [(&str, &str); 10] = [
    ("apps/v1", "Deployment"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
];

/// Fields of metadata that the server keeps for itself.
const BOOKKEEPING: [&str; 6] = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];
/// Annotations that tools keep for themselves.
const ANNOTATIONS: [&str; 2] = ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];

/// A cluster, as `kubectl` reaches it.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// File with its address and credentials; `kubectl`'s own choice without one.
    pub kubeconfig: Option<&'a Path>,
    /// Which of the clusters in that file; the current one without a name.
    pub context: Option<&'a str>,
    /// Under whose name the dry run applies. Fields that were taken out of the tree are seen only
    /// under the name that applied them.
    pub field_manager: &'a str,
    /// Longest time that one question may take.
    pub limit: Duration,
}

/// Which object something is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// Its `kind`.
    pub kind: String,
    /// Its namespace; empty when it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its `apiVersion`.
    pub api_version: String,
}

/// How the cluster differs from the tree in one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// It is in the tree and not in the cluster; why, where that is known.
    Missing(Option<String>),
    /// Applying the tree would change it.
    Changed {
        /// As it stands, without what the server keeps for itself.
        live: Box<Value>,
        /// As it would be.
        wanted: Box<Value>,
    },
    /// The server refuses what the tree says; its words.
    Refused(String),
    /// It carries the labels of the stack, and the tree does not have it.
    LeftOver,
}

impl ObjectId {
    fn of(object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            kind: text("/kind")?,
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name: text("/metadata/name")?,
            api_version: text("/apiVersion")?,
        })
    }
}

impl Cluster<'_> {
    /// How the cluster differs from `objects`, which the tree of `stack` deploys, sorted by object.
    /// Only the namespaces of those objects are looked into.
    ///
    /// # Errors
    /// When `kubectl` is missing, cannot reach the cluster, is not allowed to, or takes too long.
    pub fn differences(&self, stack: &str, objects: &[Value]) -> Result<BTreeMap<ObjectId, Difference>, Fault> {
        let mut kinds: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
        let mut namespaces = BTreeSet::new();
        for object in objects {
            let Some(id) = ObjectId::of(object) else { continue };
            namespaces.insert(id.namespace);
            kinds.entry((id.api_version, id.kind)).or_default().push(object);
        }
        let mut differences = BTreeMap::new();
        for objects in kinds.values() {
            self.compare(objects, &mut differences)?;
        }
        let known = KINDS.map(|(version, kind)| (version.to_owned(), kind.to_owned()));
        let all: BTreeSet<&(String, String)> = kinds.keys().chain(&known).collect();
        for namespace in namespaces.iter().filter(|namespace| !namespace.is_empty()) {
            for (api_version, kind) in &all {
                let there = self.labelled(stack, namespace, api_version, kind)?;
                let is_ours = |id: &ObjectId| {
                    kinds
                        .get(&(id.api_version.clone(), id.kind.clone()))
                        .into_iter()
                        .flatten()
                        .any(|object| ObjectId::of(object).as_ref() == Some(id))
                };
                differences.extend(there.into_iter().filter(|id| !is_ours(id)).map(|id| (id, Difference::LeftOver)));
            }
        }
        Ok(differences)
    }

    /// Compares objects of one kind.
    fn compare(&self, objects: &[&Value], differences: &mut BTreeMap<ObjectId, Difference>) -> Result<(), Fault> {
        let asked = self.kubectl(&["get", "-o", "json", "--ignore-not-found", "-f", "-"], &list(objects))?;
        let live = match asked {
            Ok(live) => by_id(live),
            Err(words) if is_no_kind(&words) => {
                let why = "the cluster does not know this kind".to_owned();
                let ids = objects.iter().filter_map(|object| ObjectId::of(object));
                differences.extend(ids.map(|id| (id, Difference::Missing(Some(why.clone())))));
                return Ok(());
            }
            Err(words) => return Err(self.fault("read objects", &words)),
        };
        let mut standing = Vec::new();
        for object in objects {
            let Some(id) = ObjectId::of(object) else { continue };
            if live.contains_key(&id) {
                standing.push(*object);
            } else {
                differences.insert(id, Difference::Missing(None));
            }
        }
        if standing.is_empty() {
            return Ok(());
        }
        // One refusal makes kubectl print none of the others, which are then tried one by one.
        let mut wanted = BTreeMap::new();
        match self.dry_run(&standing)? {
            Ok(objects) => wanted = by_id(objects),
            Err(_) => {
                for object in &standing {
                    match self.dry_run(&[object])? {
                        Ok(objects) => wanted.extend(by_id(objects)),
                        Err(words) if is_refusal(&words) => {
                            differences.extend(ObjectId::of(object).map(|id| (id, Difference::Refused(bounded(&words)))));
                        }
                        Err(words) => return Err(self.fault("try a server-side apply", &words)),
                    }
                }
            }
        }
        for object in standing {
            let Some(id) = ObjectId::of(object) else { continue };
            if differences.contains_key(&id) {
                continue;
            }
            let (Some(live), Some(wanted)) = (live.get(&id), wanted.get(&id)) else {
                return Err(Fault(format!("kubectl left out {} {}/{} of its answer", id.kind, id.namespace, id.name)));
            };
            let (live, wanted) = (without_bookkeeping(live), without_bookkeeping(wanted));
            if live != wanted {
                differences.insert(id, Difference::Changed { live: Box::new(live), wanted: Box::new(wanted) });
            }
        }
        Ok(())
    }

    fn dry_run(&self, objects: &[&Value]) -> Result<Result<Vec<Value>, String>, Fault> {
        let manager = format!("--field-manager={}", self.field_manager);
        let arguments = ["apply", "--server-side", "--dry-run=server", &manager, "--force-conflicts", "-o", "json", "-f", "-"];
        self.kubectl(&arguments, &list(objects))
    }

    /// The objects of one kind that carry the labels of `stack`. Those that another object owns, and
    /// those that are being deleted, are none of them.
    fn labelled(&self, stack: &str, namespace: &str, api_version: &str, kind: &str) -> Result<Vec<ObjectId>, Fault> {
        let resource = match api_version.split_once('/') {
            Some((group, version)) => format!("{}.{version}.{group}", kind.to_lowercase()),
            None => kind.to_lowercase(),
        };
        let labels = format!("--selector=app.kubernetes.io/managed-by=llmc,app.kubernetes.io/part-of={stack}");
        let namespace = format!("--namespace={namespace}");
        match self.kubectl(&["get", &resource, &namespace, &labels, "-o", "json", "--ignore-not-found"], b"")? {
            Ok(objects) => {
                let is_its_own = |object: &&Value| {
                    object.pointer("/metadata/ownerReferences").is_none() && object.pointer("/metadata/deletionTimestamp").is_none()
                };
                Ok(objects.iter().filter(is_its_own).filter_map(ObjectId::of).collect())
            }
            Err(words) if is_no_kind(&words) => Ok(Vec::new()),
            Err(words) => Err(self.fault("list objects", &words)),
        }
    }

    /// The objects that `kubectl` prints, or its words when it fails.
    fn kubectl(&self, arguments: &[&str], input: &[u8]) -> Result<Result<Vec<Value>, String>, Fault> {
        let mut command = Command::new("kubectl");
        command.args(arguments).arg(format!("--request-timeout={}s", self.limit.as_secs().max(1)));
        command.args(self.kubeconfig.map(|path| format!("--kubeconfig={}", path.display())));
        command.args(self.context.map(|name| format!("--context={name}")));
        let answer = process::run(&mut command, input, MAX_BYTES, Some(self.limit)).map_err(|none| {
            Fault(match none {
                NoAnswer::NotInstalled => "`kubectl` is not installed, or not on the PATH; a cluster cannot be asked without it".to_owned(),
                NoAnswer::TooSlow => {
                    format!("kubectl gave no answer within {} s; is the cluster reachable? --timeout gives it longer", self.limit.as_secs())
                }
                NoAnswer::TooMuch => format!("kubectl printed more than {} MiB", MAX_BYTES >> 20),
                NoAnswer::Io(error) => format!("cannot run `kubectl`: {error}"),
            })
        })?;
        if !answer.is_success {
            return Ok(Err(answer.words));
        }
        objects(&answer.printed)
            .map(Ok)
            .ok_or_else(|| Fault(format!("`kubectl {}` did not print Kubernetes objects", arguments.first().unwrap_or(&""))))
    }

    fn fault(&self, what: &str, words: &str) -> Fault {
        let has = |part: &str| words.contains(part);
        let help = match () {
            () if has("Forbidden") || has("forbidden") => {
                "; the credentials need get and list on the stack's kinds, and patch for the dry run"
            }
            () if has("Unauthorized") || has("must be logged in") => "; the credentials are not accepted",
            () if has("does not exist") && has("context") => "; `kubectl config get-contexts` lists the names",
            () if has("Unable to connect") || has("refused") || has("no such host") => "; the cluster cannot be reached",
            () => "",
        };
        Fault(format!("kubectl could not {what}: {}{help}", bounded(words)))
    }
}

/// What is shown of the words of `kubectl`.
fn bounded(words: &str) -> String {
    let words = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let shown: String = words.chars().take(MOST_WORDS).collect();
    let text = if shown.len() < words.len() { format!("{shown} ...") } else { shown };
    if text.is_empty() { "it gave no reason".to_owned() } else { text }
}

fn is_no_kind(words: &str) -> bool {
    words.contains("no matches for kind") || words.contains("doesn't have a resource type")
}

/// Whether the server understood an object and said no, rather than that it could not be asked.
fn is_refusal(words: &str) -> bool {
    ["is invalid", "denied the request", "field is immutable", "strict decoding error", "(BadRequest)"]
        .iter()
        .any(|part| words.contains(part))
}

fn list(objects: &[&Value]) -> Vec<u8> {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string().into_bytes()
}

/// The objects in an answer: none, one, or a list.
fn objects(printed: &[u8]) -> Option<Vec<Value>> {
    if printed.iter().all(u8::is_ascii_whitespace) {
        return Some(Vec::new());
    }
    let answer: Value = serde_json::from_slice(printed).ok()?;
    let objects = match answer.get("items") {
        Some(items) => items.as_array()?.clone(),
        None => vec![answer],
    };
    objects.iter().all(|object| ObjectId::of(object).is_some()).then_some(objects)
}

fn by_id(objects: Vec<Value>) -> BTreeMap<ObjectId, Value> {
    objects.into_iter().filter_map(|object| Some((ObjectId::of(&object)?, object))).collect()
}

/// The object without its status and what servers and tools keep for themselves.
fn without_bookkeeping(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in BOOKKEEPING {
            metadata.shift_remove(field);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            for annotation in ANNOTATIONS {
                annotations.shift_remove(annotation);
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::{bounded, objects};

    #[test]
    fn answers_hold_none_one_or_many_objects() {
        let object = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"n"}}"#;
        assert_eq!(objects(b" \n").map(|o| o.len()), Some(0));
        assert_eq!(objects(object.as_bytes()).map(|o| o.len()), Some(1));
        assert_eq!(objects(format!(r#"{{"kind":"List","items":[{object},{object}]}}"#).as_bytes()).map(|o| o.len()), Some(2));
        for garbage in ["no", "[]", "{}", r#"{"items": 3}"#, r#"{"items": [{}]}"#, &object[..20]] {
            assert_eq!(objects(garbage.as_bytes()), None, "{garbage}");
        }
    }

    #[test]
    fn words_are_bounded() {
        assert_eq!(bounded(""), "it gave no reason");
        assert_eq!(bounded("Error from server\n  (Forbidden)\n"), "Error from server; (Forbidden)");
        assert!(bounded(&"x".repeat(100_000)).len() < 700);
    }
}
