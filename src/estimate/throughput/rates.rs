//! What share of a peak an engine reaches.

/// Shares of peaks, and times that no peak explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Share of the arithmetic peak that large matrices reach.
    pub compute: f64,
    /// Share of the memory bandwidth that decoding reaches.
    pub bandwidth: f64,
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
    /// Most likely.
    pub const EXPECTED: Self =
        Self { compute: 0.5, bandwidth: 0.7, link: 0.6, step_seconds: 0.004, reduction_seconds: 15e-6, occupancy: 0.9 };
    /// At least, short of a broken setup.
    pub const LOW: Self = Self { compute: 0.25, bandwidth: 0.4, link: 0.25, step_seconds: 0.015, reduction_seconds: 40e-6, occupancy: 0.7 };
}
