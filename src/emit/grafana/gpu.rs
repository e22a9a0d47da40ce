//! The GPUs themselves, where NVIDIA's DCGM exporter is installed.

use super::layout::Row;
use super::panel::{Kind, Panel};
use super::query::Query;

const ABSENT: &str = "no DCGM exporter, or no pods";

pub(super) fn row(query: &Query<'_>) -> Row {
    let mut panels = Vec::new();
    // Without models there are no pods with GPUs.
    if !query.stack.models.is_empty() {
        panels.extend([
            panel(
                query,
                "utilisation",
                "GPU utilisation",
                "percent",
                |dcgm| dcgm("DCGM_FI_DEV_GPU_UTIL"),
                "Share of time in which anything ran on the GPU. It says little about how much: a busy GPU can have room.",
            )
            .up_to(100.0),
            panel(
                query,
                "memory",
                "GPU memory",
                "percentunit",
                |dcgm| format!("{} / ({} + {} > 0)", dcgm("DCGM_FI_DEV_FB_USED"), dcgm("DCGM_FI_DEV_FB_USED"), dcgm("DCGM_FI_DEV_FB_FREE")),
                "Used share of the GPU's memory. An engine takes its share at the start and keeps it: look at the KV cache \
                 for what is in use.",
            )
            .up_to(1.0),
            panel(
                query,
                "power",
                "GPU power",
                "watt",
                |dcgm| dcgm("DCGM_FI_DEV_POWER_USAGE"),
                "Power that each GPU draws. Much lower than its neighbours' under the same load: look for throttling.",
            )
            .zero_based(),
            panel(
                query,
                "temperature",
                "GPU temperature",
                "celsius",
                |dcgm| dcgm("DCGM_FI_DEV_GPU_TEMP"),
                "Temperature of each GPU. Near its limit it slows down.",
            ),
        ]);
    }
    Row { key: "gpu", title: "GPU", open: false, panels }
}

/// A panel with a query for each way in which Prometheus may label the pods.
fn panel(query: &Query<'_>, key: &str, title: &str, unit: &str, make: impl Fn(&dyn Fn(&str) -> String) -> String, about: &str) -> Panel {
    let about = format!("{about} From NVIDIA's DCGM exporter, if the cluster has it.");
    let panel = Panel::new(Kind::Lines, key, title, unit, about).no_value(ABSENT).size(12, 8);
    // A scrape that does not keep the exporter's own labels renames them.
    ["", "exported_"].into_iter().fold(panel, |panel, prefix| {
        let pods = query.named(&format!("{prefix}pod"), "-[a-z0-9]+-[a-z0-9]+");
        let series = |name: &str| format!(r#"max by ({prefix}pod, gpu) ({name}{{{prefix}namespace=~"$namespace", {pods}}})"#);
        panel.query(Some(make(&series)), &format!("{{{{{prefix}pod}}}} GPU {{{{gpu}}}}"))
    })
}
