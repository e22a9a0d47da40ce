//! The README's table, and what it says together.

use llmc::estimate::throughput::{Rates, Throughput};

use super::row::{Asked, Row, Use};

/// A row with its estimate, in tokens of answers each second.
pub struct Compared {
    pub row: Row,
    pub found: Throughput,
    pub is_burst: bool,
}

impl Compared {
    fn of(asked: Asked) -> Self {
        let found = asked.estimate(Rates::LOW, Rates::EXPECTED).unwrap_or_else(|missing| panic!("{}: {missing:?}", asked.row.id));
        Self { is_burst: asked.is_burst(), row: asked.row, found }
    }

    /// Low, expected and high tokens each second.
    pub fn tokens(&self) -> [f64; 3] {
        let range = self.found.requests_per_second;
        [range.low, range.expected, range.high].map(|rate| rate * self.row.output_tokens.expect("a length"))
    }

    /// How far the expectation is off.
    pub fn error(&self) -> f64 {
        self.tokens()[1] / self.row.output_tokens_per_second - 1.0
    }

    /// Whether the measurement lies between the bounds.
    pub fn is_within(&self) -> bool {
        let [low, _, high] = self.tokens();
        (low..=high).contains(&self.row.output_tokens_per_second)
    }
}

/// All rows that are compared.
pub struct Results {
    pub rows: Vec<Compared>,
    pub left_out: usize,
}

/// Errors of some rows.
pub struct Part {
    pub count: usize,
    pub median: f64,
    pub worst: f64,
    pub within: usize,
}

impl Results {
    pub fn of(rows: Vec<Row>) -> Self {
        let (used, left): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.used != Use::LeftOut);
        Self { rows: used.into_iter().map(Asked::of).map(Compared::of).collect(), left_out: left.len() }
    }

    /// The rows of one use; bursts apart.
    pub fn part(&self, used: Option<Use>, bursts: bool) -> Part {
        let rows: Vec<&Compared> =
            self.rows.iter().filter(|row| row.is_burst == bursts && used.is_none_or(|used| row.row.used == used)).collect();
        let mut errors: Vec<f64> = rows.iter().map(|row| row.error().abs()).collect();
        errors.sort_by(f64::total_cmp);
        let middle = errors.len() / 2;
        let median = match errors.len() {
            0 => f64::NAN,
            count if count.is_multiple_of(2) => f64::midpoint(errors[middle - 1], errors[middle]),
            _ => errors[middle],
        };
        let within = rows.iter().filter(|row| row.is_within()).count();
        Part { count: rows.len(), median, worst: errors.last().copied().unwrap_or(f64::NAN), within }
    }

    /// The README's tables.
    pub fn table(&self) -> String {
        let mut lines = vec![
            "| Measurements | Rows | Median error | Worst | Between low and ceiling |".to_owned(),
            "| --- | --- | --- | --- | --- |".to_owned(),
        ];
        let parts = [
            ("The rates were fitted to", Some(Use::Calibrated), false),
            ("Held out from the fit", Some(Use::HeldOut), false),
            ("Bursts: fewer than three times as many requests as run at once", None, true),
        ];
        for (name, used, bursts) in parts {
            let part = self.part(used, bursts);
            lines.push(format!(
                "| {name} | {} | {:.0} % | {:.0} % | {} |",
                part.count,
                part.median * 100.0,
                part.worst * 100.0,
                part.within
            ));
        }
        lines.extend([
            String::new(),
            format!("{} more rows serve for nothing and say why: lengths, formats or versions that are not stated.", self.left_out),
            "In a burst start and end count, which a copy that always has work does not have; it shows how far a short".to_owned(),
            "peak stays below the estimate.".to_owned(),
            String::new(),
            "<details>".to_owned(),
            format!("<summary>All {} measurements, in tokens of answers each second of one copy</summary>", self.rows.len()),
            String::new(),
            "| Model | GPU | Load (prompt/answer, at once) | Measured | Low | Expected | Ceiling | Error | Source |".to_owned(),
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |".to_owned(),
        ]);
        for compared in &self.rows {
            let row = &compared.row;
            let [low, expected, high] = compared.tokens().map(|tokens| format!("{tokens:.0}"));
            let model = row.model.rsplit('/').next().unwrap_or_default();
            let quantized = row.quantization.as_ref().map(|format| format!(" {format}")).unwrap_or_default();
            let at_once = row.concurrency.map_or("max".to_owned(), |count| count.to_string());
            let (input, output) = (row.input_tokens.expect("a length"), row.output_tokens.expect("a length"));
            let kind = match row.used {
                _ if compared.is_burst => ", burst",
                Use::HeldOut => ", held out",
                _ => "",
            };
            let address = match row.source.strip_prefix("github:") {
                Some(thread) => format!("https://github.com/{}", thread.replace('#', "/issues/")),
                None => row.source.clone(),
            };
            lines.push(format!(
                "| {model}{quantized} | {} x {} | {input:.0}/{output:.0}, {at_once} | {:.0} | {low} | {expected} | {high} | {:+.0} % | [{}]({address}){kind} |",
                row.tensor_parallel,
                row.gpu,
                row.output_tokens_per_second,
                compared.error() * 100.0,
                row.id,
            ));
        }
        lines.extend([String::new(), "</details>".to_owned()]);
        lines.join("\n") + "\n"
    }
}
