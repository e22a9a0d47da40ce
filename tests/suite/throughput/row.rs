//! A published measurement and the question that it answers.

use llmc::catalog::{self, Gpu, ModelFacts};
use llmc::estimate::memory::{Proof, Setup, Verdict, prove};
use llmc::estimate::throughput::{Question, Rates, Throughput, estimate_with};

/// One line of `tests/accuracy/throughput.csv`.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub used: Use,
    pub gpu: String,
    pub model: String,
    pub tensor_parallel: u64,
    pub quantization: Option<String>,
    pub kv_cache_dtype: Option<String>,
    pub utilization: Option<f64>,
    pub input_tokens: Option<f64>,
    pub output_tokens: Option<f64>,
    pub concurrency: Option<u64>,
    /// Requests of the whole run, where it is stated.
    pub requests: Option<f64>,
    pub output_tokens_per_second: f64,
    pub tpot_ms: Option<f64>,
    pub engine: String,
    pub source: String,
    pub note: String,
}

/// What a row serves for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The rates were fitted to it.
    Calibrated,
    /// Nothing was fitted to it.
    HeldOut,
    /// Nothing; its note says why.
    LeftOut,
}

pub fn read(text: &str) -> Vec<Row> {
    let header: Vec<&str> = text.lines().next().expect("a header").split(';').collect();
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(';').collect();
            assert_eq!(fields.len(), header.len(), "{line}");
            let get = |name: &str| fields[header.iter().position(|column| *column == name).expect("a column")].to_owned();
            let some = |name: &str| Some(get(name)).filter(|text| !text.is_empty());
            let number = |name: &str| some(name).map(|text| text.parse::<f64>().expect("a number"));
            for name in ["source", "quoted", "engine", "date"] {
                assert!(some(name).is_some(), "{line}");
            }
            Row {
                id: get("id"),
                used: match get("use").as_str() {
                    "calibrated" => Use::Calibrated,
                    "held-out" => Use::HeldOut,
                    _ => Use::LeftOut,
                },
                gpu: get("gpu"),
                model: get("model"),
                tensor_parallel: get("tensor_parallel").parse().expect("a number"),
                quantization: some("quantization"),
                kv_cache_dtype: some("kv_cache_dtype"),
                utilization: number("utilization"),
                input_tokens: number("input_tokens"),
                output_tokens: number("output_tokens"),
                concurrency: some("concurrency").map(|text| text.parse().expect("a number")),
                requests: number("requests"),
                output_tokens_per_second: number("output_tokens_per_second").expect("a measurement"),
                tpot_ms: number("tpot_ms"),
                engine: get("engine"),
                source: get("source"),
                note: get("note"),
            }
        })
        .collect()
}

/// A question with all that it borrows.
pub struct Asked {
    pub row: Row,
    pub setup: Setup<'static>,
    pub proof: Proof,
    pub gpu: &'static Gpu,
}

impl Asked {
    /// The setup of a row; what it does not state is what a server does by itself.
    pub fn of(row: Row) -> Self {
        let facts: &'static ModelFacts = catalog::model(&row.model).unwrap_or_else(|| panic!("{}: {}", row.id, row.model));
        let gpu = catalog::gpu(&row.gpu).expect("a GPU of the catalogue");
        let (input, output) = (row.input_tokens.expect("a length"), row.output_tokens.expect("a length"));
        let large = gpu.vendor_memory_gb >= 70 && !gpu.name.starts_with("a100");
        // `trtllm-bench` takes 2048 at most, a server of vLLM what its GPU gets by default.
        let server = if large { 1024 } else { 256 };
        let most = if row.engine.starts_with("TensorRT") { 2048 } else { server };
        let setup = Setup {
            tensor_parallel: row.tensor_parallel,
            quantization: row.quantization.clone(),
            kv_cache_dtype: row.kv_cache_dtype.clone().unwrap_or_else(|| "auto".to_owned()),
            gpu_memory_utilization: row.utilization.unwrap_or(0.9),
            max_model_len: Some(((input + output) * 1.1) as u64),
            max_num_seqs: row.concurrency.unwrap_or(most),
            max_num_batched_tokens: if large { 8192 } else { 2048 },
            ..Setup::new(semver::Version::new(0, 20, 0), facts, gpu.into())
        };
        // The engines of the rows did start, some of them only as they are not this version of vLLM.
        let proof = Proof { verdict: Verdict::NotProven, ..prove(&setup) };
        Self { row, setup, proof, gpu }
    }

    pub fn estimate(&self, low: Rates, expected: Rates) -> Result<Throughput, Vec<String>> {
        estimate_with(
            &Question {
                setup: &self.setup,
                proof: &self.proof,
                gpu: self.gpu,
                input_tokens: self.row.input_tokens.expect("a length"),
                output_tokens: self.row.output_tokens.expect("a length"),
                cached_share: 0.0,
                tpot_seconds: None,
            },
            low,
            expected,
        )
    }

    /// Whether less than three times as many requests were sent as run at once.
    pub fn is_burst(&self) -> bool {
        let found = self.estimate(Rates::LOW, Rates::EXPECTED).unwrap_or_else(|missing| panic!("{}: {missing:?}", self.row.id));
        self.row.requests.is_some_and(|requests| requests < 3.0 * found.batch.expected)
    }
}
