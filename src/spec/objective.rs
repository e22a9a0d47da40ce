//! Service levels, money and monitoring.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Money};

/// A service level: which share of requests must be good over a window.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Objective {
    /// Longest time that still counts as good; required for latencies, refused for
    /// `availability`. It must be a bucket boundary of the engine's histogram.
    pub below: Option<Duration>,
    /// Share of requests that must be good, above 0 and below 1, such as 0.99.
    #[schemars(range(min = 0.01, max = 0.99999))]
    pub target: f64,
    /// Window of the error budget. Default: `30d`.
    #[serde(default = "thirty_days")]
    pub window: Duration,
}

fn thirty_days() -> Duration {
    Duration::from_seconds(30 * 86_400)
}

/// Currency of a stack without a budget, and of prices that name none, as an ISO 4217 code.
pub const DEFAULT_CURRENCY: &str = "USD";

/// What the stack may cost.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// Limit for a month, in `currency`.
    pub monthly: Money,
    /// Currency of every price in the spec, as an ISO 4217 code. Default: `USD`.
    #[serde(default = "usd")]
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// Shares of the monthly limit at which an alert fires. Default: 1.
    #[serde(default = "whole")]
    #[schemars(length(min = 1, max = 10), inner(range(min = 0.01, max = 10.0)))]
    pub alert_at: Vec<f64>,
    /// Limit for one request, in `currency`. Default: none.
    pub per_request: Option<Money>,
}

pub(super) fn usd() -> String {
    DEFAULT_CURRENCY.into()
}

fn whole() -> Vec<f64> {
    vec![1.0]
}

/// How the cluster collects metrics.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Monitoring {
    /// Namespace that Prometheus runs in; its pods may scrape the models. Default: `monitoring`.
    pub namespace: String,
    /// Address of Prometheus, for autoscaling. Default:
    /// `http://prometheus-operated.monitoring.svc:9090`.
    #[schemars(regex(pattern = "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$"))]
    pub prometheus: String,
    /// Labels by which Prometheus finds rules and monitors. Default: `release` =
    /// `kube-prometheus-stack`.
    pub labels: BTreeMap<String, String>,
    /// Time between two scrapes. Default: `30s`.
    pub scrape_interval: Duration,
    /// Folder for dashboards in Grafana, without `/`, since it becomes a folder of the dashboards'
    /// sidecar. Default: `LLM`.
    #[schemars(regex(pattern = r"^[^./\\][^/\\]{0,180}$"))]
    pub grafana_folder: String,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            namespace: "monitoring".into(),
            prometheus: "http://prometheus-operated.monitoring.svc:9090".into(),
            labels: BTreeMap::from([("release".into(), "kube-prometheus-stack".into())]),
            scrape_interval: Duration::from_seconds(30),
            grafana_folder: "LLM".into(),
        }
    }
}
