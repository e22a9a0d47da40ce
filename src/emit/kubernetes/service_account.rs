//! The identity of a model's pods, which may do nothing in the cluster.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::Value;

use crate::emit::yaml::value;
use crate::stack::{Model, Stack};

pub(super) fn service_account(stack: &Stack, model: &Model) -> Value {
    value(&ServiceAccount {
        metadata: super::metadata(stack, model),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    })
}
