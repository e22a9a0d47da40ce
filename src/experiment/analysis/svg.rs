//! The estimates with their intervals, as a picture: one panel for each metric, in its own unit.
//!
//! Colours are classes with a second set for dark surroundings; a reader that knows no media queries shows
//! the first, which is readable on both. Fonts are those of the reader.

use super::figures::{figure, probability, range, signed, signed_percent};
use super::text::headline;
use super::{Comparison, GuardState, Guarded, Report, Word};
use crate::diagnostic::printable;
use crate::spec::Better;

/// Pixels.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 560.0;
const ROW: f64 = 30.0;
const TITLE: f64 = 34.0;
const AXIS: f64 = 34.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#57606a}\
.t{font-size:16px;font-weight:600}\
.m{font-weight:600}\
.s{font-size:11px}\
.e{text-anchor:end}.c{text-anchor:middle}\
.a{stroke:#8c959f;stroke-width:1}\
.z{stroke:#6e7781;stroke-width:1.5}\
.b{fill:#8c959f;fill-opacity:.22}\
.g{stroke:#1a7f37;fill:#1a7f37}.r{stroke:#cf222e;fill:#cf222e}.n{stroke:#6e7781;fill:#6e7781}\
.i{stroke-width:2}\
.x{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}\
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.z{stroke:#c9d1d9}.g{stroke:#3fb950;fill:#3fb950}.r{stroke:#f85149;fill:#f85149}.x{stroke:#f85149}.n{stroke:#8b949e;fill:#8b949e}}";

/// An estimate with its interval.
struct Estimate<'a> {
    arm: &'a str,
    low: f64,
    at: f64,
    high: f64,
    class: char,
    note: String,
}

/// A metric or a guard with the estimates of its arms.
struct Panel<'a> {
    title: String,
    estimates: Vec<Estimate<'a>>,
    /// Differences up to this either way do not matter.
    band: Option<f64>,
    /// A loss beyond this is not let pass.
    limit: Option<f64>,
    unit: fn(f64) -> String,
}

/// Renders the picture.
pub fn render(report: &Report) -> String {
    let panels: Vec<Panel<'_>> = metric_panels(report).into_iter().chain(guard_panels(report)).collect();
    let mut y = 58.0;
    let mut body = String::new();
    for panel in &panels {
        draw(panel, &mut y, &mut body);
    }
    if panels.is_empty() {
        let why = report.verdict.reasons.first().map_or("there are no estimates", String::as_str);
        let start: String = why.chars().take(110).collect();
        let end = if start.len() < why.len() { "…" } else { "" };
        body.push_str(&label("s", 16.0, y + 8.0, &format!("{start}{end}")));
        y += 24.0;
    }
    let title = format!("{}: {}", report.experiment, headline(report));
    let class = match report.verdict.word {
        Word::Deploy => "g",
        Word::Broken => "r",
        Word::Keep | Word::NotEnough => "n",
    };
    let confidence = figure((1.0 - report.alpha) * 100.0);
    let intervals = if report.is_sequential { "intervals that hold at every look" } else { "intervals" };
    let shaded = if report.metrics.is_empty() { "" } else { "; shaded: less than what matters" };
    let below = format!("Difference from {} with {confidence} % {intervals}{shaded}", report.control);
    let height = number(y + 12.0);
    let width = number(WIDTH);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"{label}\">\n<style>{STYLE}</style>\n<circle class=\"{class}\" cx=\"22\" cy=\"19\" r=\"5\"/>\n{heading}{sub}{body}</svg>\n",
        label = escaped(&title),
        heading = label("t", 36.0, 24.0, &title),
        sub = label("s", 16.0, 44.0, &below),
    )
}

fn metric_panels(report: &Report) -> Vec<Panel<'_>> {
    fn estimate(metric: &Comparison) -> Estimate<'_> {
        let class = match metric.is_significant {
            false => 'n',
            true if metric.gain() > 0.0 => 'g',
            true => 'r',
        };
        let d = metric.d.map_or(String::new(), |d| format!(", d {}", signed(d)));
        let note = format!("p {}{d}", probability(metric.p_holm));
        Estimate { arm: &metric.arm, low: metric.low, at: metric.difference, high: metric.high, class, note }
    }
    let panel = |metrics: &'_ [Comparison]| {
        let first = metrics.first()?;
        let better = if first.better == Better::Higher { "more is better" } else { "less is better" };
        Some((format!("{} ({better})", first.metric), first.minimum_effect))
    };
    let of_metric = report.metrics.chunk_by(|a, b| a.metric == b.metric);
    let panels = of_metric.filter_map(|metrics| {
        let (title, band) = panel(metrics)?;
        Some(Panel { title, estimates: metrics.iter().map(estimate).collect(), band: Some(band), limit: None, unit: signed })
    });
    panels.collect()
}

fn guard_panels(report: &Report) -> Vec<Panel<'_>> {
    let estimate = |guard: &'_ Guarded| -> Option<(f64, f64, f64, char)> {
        let class = match guard.state {
            GuardState::Held => 'g',
            GuardState::Exceeded => 'r',
            GuardState::NotKnown | GuardState::NotMeasured => 'n',
        };
        Some((guard.loss_low?, guard.loss?, guard.loss_high?, class))
    };
    report
        .guards
        .chunk_by(|a, b| a.guard == b.guard)
        .filter_map(|guards| {
            let first = guards.first()?;
            let estimates: Vec<Estimate<'_>> = guards
                .iter()
                .filter_map(|guard| {
                    let (low, at, high, class) = estimate(guard)?;
                    Some(Estimate { arm: &guard.arm, low, at, high, class, note: guard.state.words().to_owned() })
                })
                .collect();
            let title = format!("guard {}: worse by", first.guard);
            (!estimates.is_empty()).then_some(Panel { title, estimates, band: None, limit: Some(first.worse_by), unit: signed_percent })
        })
        .collect()
}

/// Draws a panel at `y` and moves `y` below it.
fn draw(panel: &Panel<'_>, y: &mut f64, out: &mut String) {
    let band = panel.band.unwrap_or(0.0);
    let ends = panel.estimates.iter().flat_map(|e| [e.low, e.high]).chain([1.5 * band, -1.5 * band, 1.2 * panel.limit.unwrap_or(0.0), 0.0]);
    let (least, most) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), end| (least.min(end), most.max(end)));
    let step = nice_step((most - least) / 5.0);
    let (least, most) = ((least / step).floor() * step, (most / step).ceil() * step);
    let x = |value: f64| LEFT + (value - least) / (most - least) * (RIGHT - LEFT);
    out.push_str(&label("m", 16.0, *y + 20.0, &panel.title));
    let top = *y + TITLE - 4.0;
    let bottom = *y + TITLE + ROW * panel.estimates.len() as f64;
    let line = |class: &str, x1: f64, y1: f64, x2: f64, y2: f64| {
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(number);
        format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n")
    };
    if band > 0.0 {
        let [left, width, top, height] = [x(-band), x(band) - x(-band), top, bottom - top].map(number);
        out.push_str(&format!("<rect class=\"b\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>\n"));
    }
    out.push_str(&line("z", x(0.0), top, x(0.0), bottom));
    if let Some(limit) = panel.limit {
        out.push_str(&line("x", x(limit), top, x(limit), bottom));
    }
    for (at, estimate) in panel.estimates.iter().enumerate() {
        let middle = *y + TITLE + ROW * (at as f64 + 0.5) - 2.0;
        let class = format!("i {}", estimate.class);
        let tip = format!("{}: {} {}", estimate.arm, (panel.unit)(estimate.at), range(estimate.low, estimate.high));
        out.push_str(&format!("<g><title>{}</title>\n", escaped(&tip)));
        out.push_str(&label("e", LEFT - 14.0, middle + 4.0, &shortened(estimate.arm)));
        out.push_str(&line(&class, x(estimate.low), middle, x(estimate.high), middle));
        for end in [estimate.low, estimate.high] {
            out.push_str(&line(&class, x(end), middle - 5.0, x(end), middle + 5.0));
        }
        let (cx, cy) = (number(x(estimate.at)), number(middle));
        out.push_str(&format!("<circle class=\"{}\" cx=\"{cx}\" cy=\"{cy}\" r=\"5\"/>\n", estimate.class));
        out.push_str(&label("", RIGHT + 14.0, middle - 2.0, &(panel.unit)(estimate.at)));
        out.push_str(&label("s", RIGHT + 14.0, middle + 11.0, &estimate.note));
        out.push_str("</g>\n");
    }
    out.push_str(&line("a", LEFT, bottom, RIGHT, bottom));
    let ticks = ((most - least) / step).round().clamp(1.0, 20.0) as u32;
    for tick in 0..=ticks {
        // Through a multiple of the step, so that no tick reads 0.30000000000000004.
        let value = ((least / step).round() + f64::from(tick)) * step;
        out.push_str(&line("a", x(value), bottom, x(value), bottom + 4.0));
        out.push_str(&label("s c", x(value), bottom + 17.0, &(panel.unit)(value)));
    }
    *y = bottom + AXIS;
}

/// The step of 1, 2 or 5 times a power of ten that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10.0_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|nice| *nice >= step * (1.0 - 1e-9)).unwrap_or(step)
}

fn label(class: &str, x: f64, y: f64, text: &str) -> String {
    let (x, y, text) = (number(x), number(y), escaped(text));
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text{class} x=\"{x}\" y=\"{y}\">{text}</text>\n")
}

/// A coordinate: one decimal is finer than any screen.
fn number(x: f64) -> String {
    let shown = format!("{x:.1}");
    shown.strip_suffix(".0").map_or_else(|| shown.clone(), str::to_owned)
}

/// As much of a name as there is room for.
fn shortened(name: &str) -> String {
    let start: String = name.chars().take(17).collect();
    if start.len() < name.len() { start + "…" } else { start }
}

/// Text that is nothing but text in XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML has no such characters.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, nice_step, number};

    #[test]
    fn steps_and_coordinates_are_short() {
        for (step, nice) in [(0.3, 0.5), (0.011, 0.02), (7.0, 10.0), (1.0, 1.0), (2e-9, 2e-9)] {
            assert!((nice_step(step) / nice - 1.0).abs() < 1e-9, "{step}");
        }
        assert_eq!([number(1.04), number(2.26), number(-0.04)], ["1", "2.3", "-0"]);
        assert_eq!(escaped("<a & \"b\"\u{1b}\u{202e}>"), "&lt;a &amp; &quot;b&quot;\\u{1b}\\u{202e}&gt;");
    }
}
