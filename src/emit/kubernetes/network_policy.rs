//! Who may call a model, and whom a model may call.

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use serde_json::Value;

use super::workload;
use crate::emit::labels;
use crate::emit::workload::network::{namespace, part, policy, tcp, to_internet};
use crate::engine;
use crate::stack::{Model, Stack};

/// Port of the hub that the first start downloads the weights from.
const HUB_PORT: u16 = 443;

pub(super) fn network_policy(stack: &Stack, model: &Model) -> Value {
    let api = tcp(engine::of(model.engine).port());
    policy(&workload(stack, model), callers(stack, model), api, [to_internet(HUB_PORT)])
}

/// Who may call the API: the guardrails that stand before the model, applications if they call it
/// directly, and Prometheus.
fn callers(stack: &Stack, model: &Model) -> Vec<NetworkPolicyPeer> {
    let guardrails: BTreeSet<&String> = stack.routes_to(&model.name).filter_map(|route| route.guardrails.as_ref()).collect();
    let mut peers: Vec<NetworkPolicyPeer> = guardrails.into_iter().map(|name| part(stack, labels::GUARDRAILS, name)).collect();
    if stack.is_called_directly(&model.name) {
        peers.extend(stack.callers.iter().map(|caller| namespace(caller)));
    }
    peers.push(namespace(&stack.monitoring.namespace));
    peers
}
