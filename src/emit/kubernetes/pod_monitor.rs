//! How Prometheus scrapes a model's pods.

use serde_json::Value;

pub(in crate::emit) use crate::emit::workload::monitor::STACK_LABEL;

use crate::emit::workload::PORT;
use crate::emit::workload::monitor;
use crate::engine;
use crate::stack::{Model, Stack};

/// Label of every scraped series with the name of the model.
pub(in crate::emit) const MODEL_LABEL: &str = "llmc_model";

pub(super) fn pod_monitor(stack: &Stack, model: &Model) -> Value {
    let path = engine::of(model.engine).metrics_path();
    monitor::pod_monitor(&super::workload(stack, model), (PORT, path), &[(MODEL_LABEL, &model.name)], &[])
}
