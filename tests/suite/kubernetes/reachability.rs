//! Who reaches whom through the NetworkPolicies, as a network plugin would decide it: a connection
//! needs the leave of both ends.

use llmc::stack::Target;
use serde_json::{Value, json};

use super::{Tree, at};
use crate::harness::{example_stacks, resolved};

/// One end of a connection.
struct Peer {
    namespace: String,
    /// Labels of the pod.
    labels: Value,
    /// Policies of its namespace that choose the pod.
    policies: Vec<Value>,
}

impl Peer {
    /// A pod of the Deployment at `path`.
    fn of(tree: &Tree, path: &str) -> Self {
        let deployment = tree.object(path);
        let namespace = at(&deployment, "/metadata/namespace").as_str().expect("a name").to_owned();
        let labels = at(&deployment, "/spec/template/metadata/labels").clone();
        let policies = tree.objects().into_values().filter(|object| object["kind"] == "NetworkPolicy");
        let policies: Vec<Value> = policies.filter(|policy| chooses(&policy["spec"]["podSelector"], &labels)).collect();
        assert!(!policies.is_empty(), "no policy for {path}");
        Self { namespace, labels, policies }
    }

    /// A pod of somebody else, which no policy of the stack chooses.
    fn stranger(namespace: &str) -> Self {
        Self { namespace: namespace.into(), labels: json!({ "app": "other" }), policies: Vec::new() }
    }

    fn reaches(&self, other: &Self, port: u64) -> bool {
        self.allows("Egress", other, port) && other.allows("Ingress", self, port)
    }

    /// Without a policy for the direction everything is allowed, with one what it says.
    fn allows(&self, direction: &str, other: &Self, port: u64) -> bool {
        let (rules, peers) = if direction == "Egress" { ("egress", "to") } else { ("ingress", "from") };
        let about = |policy: &&Value| policy["spec"]["policyTypes"].as_array().expect("types").contains(&json!(direction));
        let mut policies = self.policies.iter().filter(about).peekable();
        if policies.peek().is_none() {
            return true;
        }
        let rules = policies.flat_map(|policy| policy["spec"][rules].as_array().into_iter().flatten());
        // An absent or empty list of peers or ports means all of them.
        let is_any = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
        let is_peer = |peer: &Value| {
            let is_here = match peer.get("namespaceSelector") {
                Some(selector) => chooses(selector, &json!({ "kubernetes.io/metadata.name": other.namespace })),
                None => other.namespace == self.namespace,
            };
            let is_pod = peer.get("podSelector").is_none_or(|selector| chooses(selector, &other.labels));
            // Network plugins do not match pods by blocks of addresses.
            peer.get("ipBlock").is_none() && is_here && is_pod
        };
        let is_port = |rule: &Value| rule["port"].as_u64() == Some(port) && rule["protocol"] == "TCP";
        rules.into_iter().any(|rule| {
            let peers = &rule[peers];
            let ports = &rule["ports"];
            (is_any(peers) || peers.as_array().expect("peers").iter().any(is_peer))
                && (is_any(ports) || ports.as_array().expect("ports").iter().any(is_port))
        })
    }
}

fn chooses(selector: &Value, labels: &Value) -> bool {
    selector["matchLabels"].as_object().is_none_or(|wanted| wanted.iter().all(|(label, value)| labels.get(label) == Some(value)))
}

/// The port that a Deployment's Service sends to, which must be one that its container opens.
fn port(tree: &Tree, folder: &str) -> u64 {
    let (deployment, service) = (tree.object(&format!("{folder}/deployment.yaml")), tree.object(&format!("{folder}/service.yaml")));
    let open = at(&deployment, "/spec/template/spec/containers/0/ports/0");
    assert_eq!(open["name"], *at(&service, "/spec/ports/0/targetPort"), "{folder}");
    assert_eq!(open["containerPort"], *at(&service, "/spec/ports/0/port"), "a policy sees the pod's port, a caller the Service's");
    open["containerPort"].as_u64().expect("a number")
}

#[test]
fn every_route_has_its_way_and_nobody_else() {
    let mut ways = 0;
    for stack in example_stacks() {
        let tree = Tree::of(&stack, &[]);
        let spec = resolved(&stack);
        let callers: Vec<Peer> = spec.callers.iter().map(|namespace| Peer::stranger(namespace)).collect();
        let all = |server: &Peer, port: u64| callers.iter().all(|caller| caller.reaches(server, port));
        let any = |server: &Peer, port: u64| callers.iter().any(|caller| caller.reaches(server, port));
        let (monitoring, stranger) = (Peer::stranger(&spec.monitoring.namespace), Peer::stranger("somewhere-else"));
        let pod = |folder: String| (Peer::of(&tree, &format!("{folder}/deployment.yaml")), port(&tree, &folder));
        for (name, route) in &spec.routes {
            let guardrails = route.guardrails.as_ref().map(|guardrails| pod(format!("guardrails/{guardrails}")));
            if let Some((server, port)) = &guardrails {
                ways += 1;
                assert!(all(server, *port), "{stack}/{name}: an application does not reach its guardrails");
                assert!(!stranger.reaches(server, *port), "{stack}/{name}: anybody reaches the guardrails");
            }
            let Target::Model(model_name) = &route.target else { continue };
            ways += 1;
            let (model, port) = pod(format!("kubernetes/{model_name}"));
            let is_called = guardrails.map_or_else(|| all(&model, port), |(server, _)| server.reaches(&model, port));
            assert!(is_called, "{stack}/{name}: nobody reaches the model");
            assert!(monitoring.reaches(&model, port), "{stack}/{name}: Prometheus does not reach the model");
            assert!(!stranger.reaches(&model, port), "{stack}/{name}: anybody reaches the model");
            let is_open = spec.routes_to(model_name).any(|other| other.guardrails.is_none());
            assert_eq!(any(&model, port), is_open, "{stack}/{name}: the way around the guardrails");
        }
    }
    assert!(ways >= 8, "{ways} ways");
}

#[test]
fn a_policy_without_a_peer_or_with_another_port_is_noticed() {
    let tree = Tree::of("customer-support", &[]);
    let pod = |folder: &str| Peer::of(&tree, &format!("{folder}/deployment.yaml"));
    let (guardrails, model) = (pod("guardrails/default"), pod("kubernetes/llama-70b"));
    assert!(guardrails.reaches(&model, 8000) && !guardrails.reaches(&model, 8001));
    let mut closed = pod("guardrails/default");
    closed.policies[0]["spec"]["egress"].as_array_mut().expect("rules").remove(1);
    assert!(!closed.reaches(&model, 8000), "the way to the model is gone");
    let mut open = pod("kubernetes/llama-70b");
    open.policies[0]["spec"]["ingress"][0]["from"] = json!([]);
    assert!(Peer::stranger("somewhere-else").reaches(&open, 8000), "an empty list is everybody");
}
