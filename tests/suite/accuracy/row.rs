//! One observed start.

use llmc::catalog::{self, Dtype, ModelFacts};
use llmc::estimate::memory::{Bounds, Gpu, Setup};

/// A row of the observations, its fields as text where they are only shown.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub model: String,
    pub gpu: String,
    pub reported_gib: Option<f64>,
    pub tensor_parallel: u64,
    pub decode_context_parallel: u64,
    pub version: String,
    pub max_model_len: Option<u64>,
    pub utilization: Option<f64>,
    pub max_num_seqs: Option<u64>,
    pub max_num_batched_tokens: Option<u64>,
    pub kv_cache_dtype: String,
    pub dtype: Option<Dtype>,
    pub block_tokens: Option<u64>,
    pub prefix_caching: Option<bool>,
    pub eager: bool,
    pub expert_parallel: bool,
    pub weights_gib: Option<f64>,
    pub available_gib: Option<f64>,
    pub tokens: Option<u64>,
    pub blocks: Option<u64>,
    pub started: bool,
    pub uses: String,
    pub left_out: String,
}

pub fn read(text: &str) -> Vec<Row> {
    let header: Vec<&str> = text.lines().next().expect("a header").split(';').collect();
    let fields = |line: &'_ str| -> Vec<String> { line.split(';').map(str::to_owned).collect() };
    text.lines()
        .skip(1)
        .map(|line| {
            let fields = fields(line);
            assert_eq!(fields.len(), header.len(), "{line}");
            let get = |name: &str| fields[header.iter().position(|column| *column == name).expect("a column")].clone();
            let number = |name: &str| get(name).parse::<f64>().ok();
            let whole = |name: &str| get(name).parse::<u64>().ok();
            Row {
                id: get("id"),
                model: get("model"),
                gpu: get("gpu"),
                reported_gib: number("reported_gib"),
                tensor_parallel: whole("tensor_parallel").unwrap_or(1),
                decode_context_parallel: whole("decode_context_parallel").unwrap_or(1),
                version: get("arithmetic_version"),
                max_model_len: whole("max_model_len"),
                utilization: number("utilization"),
                max_num_seqs: whole("max_num_seqs"),
                max_num_batched_tokens: whole("max_num_batched_tokens"),
                kv_cache_dtype: get("kv_cache_dtype"),
                dtype: (get("dtype") == "float16").then_some(Dtype::Float16),
                block_tokens: whole("block_tokens"),
                prefix_caching: (get("prefix_caching") == "yes").then_some(true),
                eager: get("eager") == "yes",
                expert_parallel: get("expert_parallel") == "yes",
                weights_gib: number("weights_gib"),
                available_gib: number("available_gib"),
                tokens: whole("tokens"),
                blocks: whole("blocks"),
                started: get("outcome") == "started",
                uses: get("uses"),
                left_out: get("left_out"),
            }
        })
        .collect()
}

impl Row {
    /// The facts of its model, if the catalogue has its layers.
    pub fn facts(&self) -> Option<ModelFacts> {
        let facts = (**catalog::model(&self.model)?).clone();
        facts.shape.is_some().then_some(facts)
    }

    /// Its settings; those that it does not state are the version's defaults for a server.
    pub fn setup<'a>(&self, facts: &'a ModelFacts) -> Setup<'a> {
        let card = catalog::gpu(if self.gpu.is_empty() { "h100-80gb-sxm" } else { &self.gpu }).expect("a GPU of the catalogue");
        let mut gpu: Gpu = card.into();
        if let (Some(gib), false) = (self.reported_gib, self.gpu.is_empty()) {
            gpu = gpu.reporting_gib(gib);
        }
        let version: semver::Version = self.version.parse().expect("a version");
        let large = gpu.total_bytes.expected >= 70 << 30 && !card.name.starts_with("a100");
        let utilization = if version >= semver::Version::new(0, 20, 0) { 0.92 } else { 0.9 };
        Setup {
            tensor_parallel: self.tensor_parallel,
            decode_context_parallel: self.decode_context_parallel,
            expert_parallel: self.expert_parallel,
            max_model_len: Some(self.max_model_len.unwrap_or(facts.context_tokens)),
            gpu_memory_utilization: self.utilization.unwrap_or(utilization),
            max_num_seqs: self.max_num_seqs.unwrap_or(if large { 1024 } else { 256 }),
            max_num_batched_tokens: self.max_num_batched_tokens.unwrap_or(if large { 8192 } else { 2048 }),
            kv_cache_dtype: if self.kv_cache_dtype.is_empty() { "auto".into() } else { self.kv_cache_dtype.clone() },
            dtype: self.dtype,
            // The logged size is what the engine chose, which the proof must find by itself for hybrids.
            block_size: self.block_tokens.filter(|tokens| *tokens > 16),
            enforce_eager: self.eager,
            prefix_caching: self.prefix_caching,
            ..Setup::new(version, facts, gpu)
        }
    }

    /// The same on a GPU so large that only the cache decides, with a cache of `bytes`.
    pub fn with_cache<'a>(&self, facts: &'a ModelFacts, bytes: u64) -> Setup<'a> {
        let mut setup = self.setup(facts);
        // No card of the catalogue is that large.
        setup.gpu.name = "any".into();
        setup.gpu.total_bytes = Bounds::exact(1 << 43);
        setup.gpu.unified_memory = false;
        setup.gpu_memory_utilization = 0.9;
        setup.kv_cache_memory_bytes = Some(bytes);
        setup
    }
}
