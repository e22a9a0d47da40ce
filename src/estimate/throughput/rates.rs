//! What share of a peak an engine reaches.

/// Shares of peaks, and times that no peak explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Share of the arithmetic peak that large matrices reach.
    pub compute: f64,
    /// Share of the memory bandwidth that decoding reaches.
    pub bandwidth: f64,
    /// How fast routed experts are computed and read, compared with other matrices.
    pub experts: f64,
    /// Share of the link that sums over GPUs reach.
    pub link: f64,
    /// Seconds of a step beside the GPU's work: scheduling, launches, sampling.
    pub step_seconds: f64,
    /// Seconds of one sum over GPUs, however small.
    pub reduction_seconds: f64,
    /// Share of the requests that memory and settings allow that run at once on average.
    pub occupancy: f64,
}

impl Rates {
    /// Most likely. Compute, bandwidth, experts, steps and occupancy are calibrated on the rows of
    /// `tests/accuracy/throughput.csv` that say so, for the least mean error in logarithms; the link and its
    /// delay are not, as too few rows with several GPUs would tell them apart, and are usual figures of NCCL
    /// over NVLink (`nccl-tests`, `docs/PERFORMANCE.md`).
    pub const EXPECTED: Self =
        Self { compute: 0.37, bandwidth: 0.83, experts: 0.5, link: 0.7, step_seconds: 0.0023, reduction_seconds: 10e-6, occupancy: 0.97 };
    /// At least, short of a broken setup: chosen on the same rows, so that all of them lie above.
    pub const LOW: Self =
        Self { compute: 0.22, bandwidth: 0.5, experts: 0.3, link: 0.3, step_seconds: 0.008, reduction_seconds: 30e-6, occupancy: 0.6 };
}
