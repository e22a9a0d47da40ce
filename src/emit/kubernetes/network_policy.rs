//! Who may call a model, and whom a model may call.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::labels;
use crate::emit::yaml::value;
use crate::engine;
use crate::stack::{Model, Stack};

/// Every address of a protocol version, and those in it that are of one node or of the cloud's
/// metadata service, which hands out credentials.
const EVERYWHERE: [(&str, &[&str]); 2] = [("0.0.0.0/0", &["169.254.0.0/16"]), ("::/0", &["fd00:ec2::254/128", "fe80::/10"])];

pub(super) fn network_policy(stack: &Stack, model: &Model) -> Value {
    let api = engine::of(model.engine).port();
    value(&NetworkPolicy {
        metadata: super::metadata(stack, model),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(super::pods(stack, model)),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(vec![NetworkPolicyIngressRule { from: Some(callers(stack, model)), ports: Some(vec![port("TCP", api)]) }]),
            egress: Some(vec![
                // Any resolver: a node's own has a link-local address, and clusters differ.
                NetworkPolicyEgressRule { to: None, ports: Some(vec![port("UDP", 53), port("TCP", 53)]) },
                // The first start downloads the weights.
                NetworkPolicyEgressRule { to: Some(everywhere().into()), ports: Some(vec![port("TCP", 443)]) },
            ]),
        }),
    })
}

/// Who may call the API: the guardrails that stand before the model, applications if they call it
/// directly, and Prometheus.
fn callers(stack: &Stack, model: &Model) -> Vec<NetworkPolicyPeer> {
    let guardrails: BTreeSet<&String> = stack.routes_to(&model.name).filter_map(|route| route.guardrails.as_ref()).collect();
    let mut peers = Vec::new();
    for name in guardrails {
        let labels = labels::selector(stack, "guardrails", name);
        peers.push(NetworkPolicyPeer { pod_selector: Some(matching(labels)), ..NetworkPolicyPeer::default() });
    }
    if stack.is_called_directly(&model.name) {
        peers.extend(stack.callers.iter().map(|caller| namespace(caller)));
    }
    peers.push(namespace(&stack.monitoring.namespace));
    peers
}

fn namespace(name: &str) -> NetworkPolicyPeer {
    let labels = BTreeMap::from([("kubernetes.io/metadata.name".into(), name.into())]);
    NetworkPolicyPeer { namespace_selector: Some(matching(labels)), ..NetworkPolicyPeer::default() }
}

fn matching(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}

/// Every address but those that no pod should reach, as peers of either protocol version.
pub(in crate::emit) fn everywhere() -> [NetworkPolicyPeer; 2] {
    EVERYWHERE.map(internet)
}

fn internet((cidr, except): (&str, &[&str])) -> NetworkPolicyPeer {
    let except = except.iter().map(|e| (*e).to_owned()).collect();
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.into(), except: Some(except) }), ..NetworkPolicyPeer::default() }
}

/// By number, since not every network plugin resolves the names of ports.
fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort { port: Some(IntOrString::Int(number.into())), protocol: Some(protocol.into()), ..NetworkPolicyPort::default() }
}
