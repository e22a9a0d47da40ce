//! Who may talk to the pods of a workload, and to whom they may.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{Workload, matching};
use crate::emit::labels;
use crate::emit::yaml::value;
use crate::stack::Stack;

/// Every address of a protocol version, and those in it that are of one node or of the cloud's
/// metadata service, which hands out credentials.
const EVERYWHERE: [(&str, &[&str]); 2] = [("0.0.0.0/0", &["169.254.0.0/16"]), ("::/0", &["fd00:ec2::254/128", "fe80::/10"])];

/// The NetworkPolicy of `workload`: `callers` may reach `port` of it, and it may resolve names and
/// go where `egress` says.
pub(in crate::emit) fn policy(
    workload: &Workload<'_>,
    callers: Vec<NetworkPolicyPeer>,
    port: NetworkPolicyPort,
    egress: impl IntoIterator<Item = NetworkPolicyEgressRule>,
) -> Value {
    policy_of(workload, vec![(callers, vec![port])], std::iter::once(to_resolvers()).chain(egress).collect())
}

/// The NetworkPolicy of `workload`, which asks nobody: each of `ways` is who may reach which ports.
pub(in crate::emit) fn inward(workload: &Workload<'_>, ways: Vec<(Vec<NetworkPolicyPeer>, Vec<NetworkPolicyPort>)>) -> Value {
    policy_of(workload, ways, Vec::new())
}

fn policy_of(
    workload: &Workload<'_>,
    ways: Vec<(Vec<NetworkPolicyPeer>, Vec<NetworkPolicyPort>)>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> Value {
    let rule = |(from, ports)| NetworkPolicyIngressRule { from: Some(from), ports: Some(ports) };
    value(&NetworkPolicy {
        metadata: workload.metadata(),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(workload.pods()),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(ways.into_iter().map(rule).collect()),
            egress: Some(egress),
        }),
    })
}

/// To any resolver: a node's own has a link-local address, and clusters differ.
fn to_resolvers() -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(vec![port("UDP", 53), tcp(53)]) }
}

/// To a port of any host outside.
pub(in crate::emit) fn to_internet(number: u16) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: Some(EVERYWHERE.map(addresses).into()), ports: Some(vec![tcp(number)]) }
}

/// To a port of the pods of another part of the stack.
pub(in crate::emit) fn to_part(stack: &Stack, component: &str, name: &str, number: u16) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: Some(vec![part(stack, component, name)]), ports: Some(vec![tcp(number)]) }
}

/// The pods of another part of the stack.
pub(in crate::emit) fn part(stack: &Stack, component: &str, name: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(matching(labels::selector(stack, component, name))), ..NetworkPolicyPeer::default() }
}

/// Every pod of a namespace.
pub(in crate::emit) fn namespace(name: &str) -> NetworkPolicyPeer {
    let labels = BTreeMap::from([("kubernetes.io/metadata.name".into(), name.into())]);
    NetworkPolicyPeer { namespace_selector: Some(matching(labels)), ..NetworkPolicyPeer::default() }
}

/// A TCP port by its number, since not every network plugin resolves the names of ports.
pub(in crate::emit) fn tcp(number: u16) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort { port: Some(IntOrString::Int(number.into())), protocol: Some(protocol.into()), ..NetworkPolicyPort::default() }
}

fn addresses((cidr, except): (&str, &[&str])) -> NetworkPolicyPeer {
    let except = except.iter().map(|e| (*e).to_owned()).collect();
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.into(), except: Some(except) }), ..NetworkPolicyPeer::default() }
}
