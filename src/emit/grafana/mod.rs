//! One dashboard for each stack, and the ConfigMap that brings it into Grafana.
//!
//! The dashboard is classic JSON, which Grafana 10 to 13 read. Each row is a file here; rows are
//! lists of [`panel::Panel`]s, and [`layout`] alone knows where they stand.

mod cost;
mod experiments;
mod gpu;
mod layout;
mod objective;
mod overview;
mod panel;
mod performance;
mod quality;
mod query;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::Emitted;
use super::labels;
use super::manifest::sha256;
use super::promql::{self, Known};
use super::yaml::value;
use crate::diagnostic::Route;
use crate::engine;
use crate::stack::Stack;
use panel::{color, datasource};
use query::Query;

/// Version of the classic format: Grafana 10 writes it, and newer ones still read it.
const SCHEMA_VERSION: u32 = 39;
/// Component of the dashboard's object.
const COMPONENT: &str = "dashboard";

/// The dashboard as a file, and in a ConfigMap for Grafana's sidecar.
pub(super) fn emit(stack: &Stack) -> Emitted {
    let mut out = Emitted::default();
    let dashboard = dashboard(stack);
    let known = Known::of(stack);
    for (panel, expr) in expressions(&dashboard) {
        let faults = promql::lint(&promql::substitute(expr), &known);
        out.faults.extend(promql::diagnose(&Route::of(["stack"]), &format!("the dashboard's panel `{panel}`"), expr, &faults));
    }
    out.file(format!("grafana/{}.json", stack.name), format!("{dashboard:#}\n"));
    out.object("grafana/dashboard.yaml", config_map(stack, &dashboard));
    out
}

/// Every query below `value`, with the title of its panel or the name of its annotation.
fn expressions(value: &Value) -> Vec<(&str, &str)> {
    fn collect<'a>(value: &'a Value, owner: &'a str, out: &mut Vec<(&'a str, &'a str)>) {
        match value {
            Value::Object(map) => {
                let name = ["title", "name"].iter().find_map(|key| map.get(*key)?.as_str());
                let owner = name.unwrap_or(owner);
                out.extend(map.get("expr").and_then(Value::as_str).map(|expr| (owner, expr)));
                map.values().for_each(|child| collect(child, owner, out));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, owner, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    collect(value, "", &mut out);
    out
}

fn config_map(stack: &Stack, dashboard: &Value) -> Value {
    let mut metadata = labels::metadata(stack, COMPONENT, &stack.name, &stack.object_name(COMPONENT));
    metadata.labels.get_or_insert_default().insert("grafana_dashboard".into(), "1".into());
    metadata.annotations = Some(BTreeMap::from([("grafana_folder".into(), stack.monitoring.grafana_folder.clone())]));
    // The sidecar writes the files of all namespaces into one folder.
    let file = format!("{}.{}.json", stack.namespace, stack.name);
    value(&ConfigMap { metadata, data: Some(BTreeMap::from([(file, dashboard.to_string())])), ..ConfigMap::default() })
}

fn dashboard(stack: &Stack) -> Value {
    let query = Query { stack };
    let rows = [
        overview::row(&query),
        performance::row(&query),
        cost::row(&query),
        quality::row(&query),
        experiments::row(&query),
        gpu::row(&query),
    ];
    json!({
        "uid": uid(stack),
        "title": format!("LLM / {}", routes::plain(&stack.name)),
        "description": "Written by llmc from the stack's spec. Change the spec and compile.",
        "tags": tags(stack),
        "schemaVersion": SCHEMA_VERSION,
        "editable": false,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": { "from": "now-6h", "to": "now" },
        "refresh": "30s",
        "links": [other_dashboards()],
        "annotations": { "list": [built_in_annotation(), alert_annotation(&query)] },
        "templating": { "list": variables(stack) },
        "panels": layout::place(&rows, &stack.monitoring.scrape_interval.to_string()),
    })
}

/// The same for a stack's life; 17 of the 40 characters that Grafana allows.
fn uid(stack: &Stack) -> String {
    let digest = sha256(json!(["dashboard", stack.namespace, stack.name]).to_string().as_bytes());
    format!("llmc-{}", digest.get(..12).unwrap_or_default())
}

fn tags(stack: &Stack) -> BTreeSet<String> {
    let engines = stack.models.values().map(|model| engine::of(model.engine).name().to_owned());
    engines.chain(["llmc".to_owned()]).chain(stack.owner.clone()).collect()
}

/// The data source, the namespace, and which models are shown.
fn variables(stack: &Stack) -> Vec<Value> {
    let mut variables = vec![
        json!({ "name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus" }),
        json!({ "name": "namespace", "type": "constant", "query": stack.namespace, "hide": 2 }),
    ];
    if !stack.models.is_empty() {
        let option = |text: &str, value: &str, selected: bool| json!({ "text": text, "value": value, "selected": selected });
        let options: Vec<Value> =
            std::iter::once(option("All", "$__all", true)).chain(stack.models.keys().map(|name| option(name, name, false))).collect();
        variables.push(json!({
            "name": "model",
            "type": "custom",
            "label": "Model",
            // A comma would end a name.
            "query": stack.models.keys().map(|name| name.replace(',', r"\,")).collect::<Vec<_>>().join(","),
            "multi": true,
            "includeAll": true,
            "current": { "text": ["All"], "value": ["$__all"] },
            "options": options,
        }));
    }
    variables
}

fn other_dashboards() -> Value {
    json!({
        "title": "Other stacks",
        "type": "dashboards",
        "icon": "external link",
        "tooltip": "Dashboards of other stacks",
        "url": "",
        "tags": ["llmc"],
        "asDropdown": true,
        "targetBlank": false,
        "includeVars": false,
        "keepTime": true,
    })
}

/// What Grafana itself puts on every dashboard.
fn built_in_annotation() -> Value {
    json!({
        "name": "Annotations & Alerts",
        "builtIn": 1,
        "type": "dashboard",
        "enable": true,
        "hide": true,
        "iconColor": color::BLUE,
        "datasource": { "type": "grafana", "uid": "-- Grafana --" },
    })
}

/// When alerts of the stack fired.
fn alert_annotation(query: &Query<'_>) -> Value {
    json!({
        "name": "Firing alerts",
        "enable": true,
        "iconColor": color::RED,
        "datasource": datasource(),
        "expr": query.firing_alerts(),
        "titleFormat": "{{alertname}}",
        "textFormat": "{{llmc_model}}",
        "tagKeys": "severity",
        "step": "60s",
    })
}

#[cfg(test)]
mod tests;
