//! Who may call a model, and whom a model may call.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use serde_json::Value;

use super::workload;
use crate::emit::labels;
use crate::emit::workload::network::{namespace, part, policy, tcp, to_internet};
use crate::engine;
use crate::stack::{Model, Stack, Target};

/// Port of the hub that the first start downloads the weights from.
const HUB_PORT: u16 = 443;

pub(super) fn network_policy(stack: &Stack, model: &Model) -> Value {
    let api = tcp(engine::of(model.engine).port());
    policy(&workload(stack, model), callers(stack, model), api, [to_internet(HUB_PORT)])
}

/// Who may call the API: the guardrails that stand before the model, applications if they call it
/// directly, and Prometheus.
fn callers(stack: &Stack, model: &Model) -> Vec<NetworkPolicyPeer> {
    let checked = stack.routes_to(&model.name).flat_map(|route| route.checked());
    let before_it = checked.filter(|(_, target)| matches!(target, Target::Model(name) if *name == model.name));
    let guardrails: BTreeSet<&str> = before_it.filter_map(|(guardrails, _)| guardrails).collect();
    let mut peers: Vec<NetworkPolicyPeer> = guardrails.into_iter().map(|name| part(stack, labels::GUARDRAILS, name)).collect();
    if stack.is_called_directly(&model.name) {
        peers.extend(stack.callers.iter().map(|caller| namespace(caller)));
    }
    peers.push(namespace(&stack.monitoring.namespace));
    peers
}
