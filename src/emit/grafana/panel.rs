//! One panel as data, and its JSON.

use serde_json::{Map, Value, json};

/// Colours that people with any colour vision tell apart (Okabe and Ito, 2008).
pub(super) mod color {
    /// Good, or nothing to say.
    pub(in crate::emit::grafana) const GREEN: &str = "#009E73";
    /// Median.
    pub(in crate::emit::grafana) const BLUE: &str = "#56B4E9";
    /// Look at it; 90th percentile.
    pub(in crate::emit::grafana) const ORANGE: &str = "#E69F00";
    /// Act; 99th percentile.
    pub(in crate::emit::grafana) const RED: &str = "#D55E00";
    /// The percentile of an objective where it is none of the others.
    pub(in crate::emit::grafana) const PURPLE: &str = "#CC79A7";
}

/// How a panel shows its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Lines over time.
    Lines,
    /// Areas over time, each on top of the other.
    Stacked,
    /// Bars over time.
    Bars,
    /// The latest values as numbers.
    Stat,
    /// The latest value on a dial.
    Gauge,
    /// The latest values as bars with numbers.
    BarGauge,
    /// Markdown.
    Text(String),
}

impl Kind {
    fn plugin(&self) -> &'static str {
        match self {
            Self::Lines | Self::Stacked | Self::Bars => "timeseries",
            Self::Stat => "stat",
            Self::Gauge => "gauge",
            Self::BarGauge => "bargauge",
            Self::Text(_) => "text",
        }
    }

    /// Whether only the latest values are asked for.
    fn is_instant(&self) -> bool {
        matches!(self, Self::Stat | Self::Gauge | Self::BarGauge)
    }
}

/// A query of a panel.
#[derive(Clone, Debug)]
struct Target {
    expr: String,
    legend: String,
    /// Least step, other than the scrape interval.
    step: Option<&'static str>,
}

/// A panel without its place.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// Name within its row; its id comes from both, so neither is ever changed.
    pub(super) key: String,
    /// Columns, of 24.
    pub(super) width: u32,
    /// Height in Grafana's grid units of 30 px.
    pub(super) height: u32,
    title: String,
    description: String,
    kind: Kind,
    unit: String,
    no_value: String,
    targets: Vec<Target>,
    base_color: &'static str,
    steps: Vec<(f64, &'static str)>,
    bounds: (Option<f64>, Option<f64>),
    series_colors: Vec<(String, &'static str)>,
    time_from: Option<&'static str>,
}

impl Panel {
    /// A panel with the words that every panel needs. `unit` is the id of one of Grafana's units.
    pub(super) fn new(kind: Kind, key: impl Into<String>, title: impl Into<String>, unit: &str, description: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            width: 8,
            height: if kind.is_instant() { 5 } else { 8 },
            title: title.into(),
            description: description.into(),
            kind,
            unit: unit.to_owned(),
            no_value: "no data".into(),
            targets: Vec::new(),
            base_color: color::GREEN,
            steps: Vec::new(),
            bounds: (None, None),
            series_colors: Vec::new(),
            time_from: None,
        }
    }

    /// Adds a query, if there is one, whose series are named by `legend`.
    pub(super) fn query(self, expr: Option<String>, legend: &str) -> Self {
        self.stepped_query(expr, legend, None)
    }

    /// As [`Self::query`], with a least step other than the scrape interval.
    pub(super) fn stepped_query(mut self, expr: Option<String>, legend: &str, step: Option<&'static str>) -> Self {
        self.targets.extend(expr.map(|expr| Target { expr, legend: legend.to_owned(), step }));
        self
    }

    /// Sets width and height.
    pub(super) fn size(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    /// Sets what is shown without data.
    pub(super) fn no_value(self, no_value: &str) -> Self {
        Self { no_value: no_value.to_owned(), ..self }
    }

    /// Sets the colour below all steps.
    pub(super) fn base_color(self, base_color: &'static str) -> Self {
        Self { base_color, ..self }
    }

    /// Sets thresholds: from each value on, its colour.
    pub(super) fn steps(self, steps: Vec<(f64, &'static str)>) -> Self {
        Self { steps, ..self }
    }

    /// The axis starts at zero.
    pub(super) fn zero_based(self) -> Self {
        Self { bounds: (Some(0.0), self.bounds.1), ..self }
    }

    /// The values are between zero and `most`.
    pub(super) fn up_to(self, most: f64) -> Self {
        Self { bounds: (Some(0.0), Some(most)), ..self }
    }

    /// Gives the series `name` a colour.
    pub(super) fn series_color(mut self, name: &str, color: &'static str) -> Self {
        self.series_colors.push((name.to_owned(), color));
        self
    }

    /// Shows this range and not the dashboard's.
    pub(super) fn time_from(self, time_from: &'static str) -> Self {
        Self { time_from: Some(time_from), ..self }
    }

    /// Whether there is anything to show.
    pub(super) fn has_content(&self) -> bool {
        !self.targets.is_empty() || matches!(self.kind, Kind::Text(_))
    }

    /// The panel at its place. `scrape_interval` is the least step of its queries.
    pub(super) fn to_json(&self, id: u32, grid: Value, scrape_interval: &str) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.kind.plugin(),
            "title": self.title,
            "description": self.description,
            "gridPos": grid,
            "datasource": datasource(),
            "fieldConfig": self.field_config(),
            "options": self.options(),
        });
        if let Some(panel) = panel.as_object_mut() {
            panel.extend(self.time_from.map(|from| ("timeFrom".into(), from.into())));
            let targets = self.targets.iter().enumerate().map(|(index, target)| self.target(index, target, scrape_interval)).collect();
            panel.insert("targets".into(), Value::Array(targets));
        }
        panel
    }

    fn target(&self, index: usize, target: &Target, scrape_interval: &str) -> Value {
        let instant = self.kind.is_instant();
        json!({
            "refId": ref_id(index),
            "datasource": datasource(),
            "expr": target.expr,
            "legendFormat": target.legend,
            "instant": instant,
            "range": !instant,
            // `$__rate_interval` is four of these at least.
            "interval": target.step.unwrap_or(scrape_interval),
        })
    }

    fn field_config(&self) -> Value {
        let steps = std::iter::once(json!({ "color": self.base_color, "value": null }))
            .chain(self.steps.iter().map(|(value, color)| json!({ "color": color, "value": number(*value) })));
        let by_threshold = self.kind.is_instant();
        let mut defaults = Map::from_iter([
            ("unit".into(), json!(self.unit)),
            ("noValue".into(), json!(self.no_value)),
            ("color".into(), json!({ "mode": if by_threshold { "thresholds" } else { "palette-classic-by-name" } })),
            ("thresholds".into(), json!({ "mode": "absolute", "steps": steps.collect::<Vec<_>>() })),
        ]);
        defaults.extend(self.bounds.0.map(|min| ("min".into(), number(min))));
        defaults.extend(self.bounds.1.map(|max| ("max".into(), number(max))));
        defaults.extend(self.custom().map(|custom| ("custom".into(), custom)));
        let overrides: Vec<Value> = self
            .series_colors
            .iter()
            .map(|(name, color)| {
                json!({
                    "matcher": { "id": "byName", "options": name },
                    "properties": [{ "id": "color", "value": { "mode": "fixed", "fixedColor": color } }],
                })
            })
            .collect();
        json!({ "defaults": defaults, "overrides": overrides })
    }

    /// What only panels over time have.
    fn custom(&self) -> Option<Value> {
        let (style, fill, stacking) = match self.kind {
            Kind::Lines => ("line", 0, "none"),
            Kind::Stacked => ("line", 30, "normal"),
            Kind::Bars => ("bars", 60, "normal"),
            _ => return None,
        };
        Some(json!({
            "drawStyle": style,
            "lineWidth": 1,
            "fillOpacity": fill,
            "showPoints": "never",
            "stacking": { "mode": stacking, "group": "A" },
            "thresholdsStyle": { "mode": if self.steps.is_empty() { "off" } else { "dashed" } },
        }))
    }

    fn options(&self) -> Value {
        let latest = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match &self.kind {
            Kind::Lines | Kind::Stacked | Kind::Bars => json!({
                "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": [] },
                "tooltip": { "mode": "multi", "sort": "desc" },
            }),
            Kind::Stat => json!({ "reduceOptions": latest, "colorMode": "value", "graphMode": "none", "textMode": "auto" }),
            Kind::Gauge => json!({ "reduceOptions": latest, "showThresholdMarkers": true, "showThresholdLabels": false }),
            Kind::BarGauge => json!({ "reduceOptions": latest, "displayMode": "basic", "orientation": "horizontal" }),
            Kind::Text(content) => json!({ "mode": "markdown", "content": content }),
        }
    }
}

/// The data source that the viewer chose.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A, B, ... Z, AA, AB, ...
fn ref_id(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    if index < 26 { last.to_string() } else { format!("{}{last}", ref_id(index / 26 - 1)) }
}

/// A number as people write it: `36000` and not `36000.0`.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::{number, ref_id};

    #[test]
    fn queries_are_named_past_the_alphabet() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702].into_iter().map(ref_id).collect();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(number(36000.0).to_string(), "36000");
        assert_eq!(number(0.05).to_string(), "0.05");
    }
}
