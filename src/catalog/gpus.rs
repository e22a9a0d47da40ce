//! The GPUs.

use std::sync::LazyLock;

use super::rows;

/// A GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Name in a spec.
    pub name: String,
    /// Memory in GiB as the vendor states it (decimal gigabytes are rounded to the marketed size).
    pub vendor_memory_gb: u32,
    /// Value of the node label `nvidia.com/gpu.product` that GPU feature discovery sets.
    pub product_label: String,
    /// Whether it computes 8-bit floats in hardware.
    pub has_fp8: bool,
    /// Memory in GiB as torch reports it on such cards: at least, usually, at most.
    pub torch_gib: (f64, f64, f64),
    /// CUDA compute capability.
    pub compute_capability: (u32, u32),
    /// Whether the memory is the host's too.
    pub unified_memory: bool,
    /// What it computes and moves at most.
    pub peak: Peak,
}

/// Peaks of a data sheet, without sparsity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Tera-operations each second with 16-bit inputs and 32-bit sums.
    pub tflops_16: f64,
    /// The same with 8-bit inputs: floats where the GPU has them, else integers; none where 16 bits are as fast.
    pub tflops_8: Option<f64>,
    /// The same with 4-bit floats; none where the GPU does not have them.
    pub tflops_4: Option<f64>,
    /// Gigabytes each second between its memory and itself.
    pub memory_gb_per_second: f64,
    /// Gigabytes each second to other GPUs of a node, both directions together.
    pub link_gb_per_second: f64,
    /// Whether sums of 16 bits are twice as fast as those of 32 bits (GeForce).
    pub halves_wide_sums: bool,
}

static GPUS: LazyLock<Vec<Gpu>> = LazyLock::new(|| rows(include_str!("gpus.csv")).filter_map(|row| read(&row)).collect());

fn read(row: &[&str]) -> Option<Gpu> {
    let [name, memory, label, fp8, low, usual, high, capability, unified, peak @ .., _source] = row else { return None };
    let [tflops_16, tflops_8, tflops_4, bandwidth, link, half_rate] = peak else { return None };
    let (major, minor) = capability.split_once('.')?;
    let optional = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    Some(Gpu {
        name: (*name).to_owned(),
        vendor_memory_gb: memory.parse().ok()?,
        product_label: (*label).to_owned(),
        has_fp8: *fp8 == "yes",
        torch_gib: (low.parse().ok()?, usual.parse().ok()?, high.parse().ok()?),
        compute_capability: (major.parse().ok()?, minor.parse().ok()?),
        unified_memory: *unified == "yes",
        peak: Peak {
            tflops_16: tflops_16.parse().ok()?,
            tflops_8: optional(tflops_8)?,
            tflops_4: optional(tflops_4)?,
            memory_gb_per_second: bandwidth.parse().ok()?,
            link_gb_per_second: link.parse().ok()?,
            halves_wide_sums: *half_rate == "yes",
        },
    })
}

/// The GPU of that name.
pub fn gpu(name: &str) -> Option<&'static Gpu> {
    GPUS.iter().find(|gpu| gpu.name == name)
}

/// Every known GPU, by name.
pub fn gpus() -> &'static [Gpu] {
    &GPUS
}

/// Names of every known GPU.
pub fn gpu_names() -> impl Iterator<Item = &'static str> {
    GPUS.iter().map(|gpu| gpu.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::GPUS;

    /// A row that cannot be read would vanish; the count proves that none does.
    #[test]
    fn every_gpu_is_read_sorted_and_its_memory_in_order() {
        let rows = include_str!("gpus.csv").lines().skip(1).filter(|l| !l.is_empty()).count();
        assert_eq!(GPUS.len(), rows);
        assert!(GPUS.is_sorted_by(|a, b| a.name < b.name));
        for gpu in GPUS.iter() {
            let (low, usual, high) = gpu.torch_gib;
            assert!(low <= usual && usual <= high && high < f64::from(gpu.vendor_memory_gb), "{gpu:?}");
            assert!(low > 0.85 * f64::from(gpu.vendor_memory_gb), "{gpu:?}");
        }
    }
    /// Ranges that every card so far lies in, so that a slip of a digit or a sparse figure is seen.
    #[test]
    fn peaks_are_those_of_a_card() {
        for gpu in GPUS.iter() {
            let peak = gpu.peak;
            assert!((60.0..3000.0).contains(&peak.tflops_16), "{gpu:?}");
            assert!((250.0..10_000.0).contains(&peak.memory_gb_per_second), "{gpu:?}");
            assert!((30.0..2000.0).contains(&peak.link_gb_per_second), "{gpu:?}");
            assert_eq!(peak.halves_wide_sums, gpu.name.starts_with("rtx-") && !gpu.name.contains("6000"), "{gpu:?}");
            let twice = peak.tflops_8.map(|tflops| tflops / peak.tflops_16);
            // Integers of GeForce cards are not halved with the wide sums.
            let most = if gpu.has_fp8 { 2.1 } else { 4.1 };
            assert!(twice.is_none_or(|ratio| (1.9..most).contains(&ratio)), "{gpu:?}");
            assert_eq!(twice.is_none(), gpu.compute_capability < (7, 5), "{gpu:?}");
            assert_eq!(peak.tflops_4.is_some(), gpu.compute_capability >= (10, 0), "{gpu:?}");
            assert!(peak.tflops_4.zip(peak.tflops_8).is_none_or(|(four, eight)| four >= 2.0 * eight * 0.99), "{gpu:?}");
        }
    }
}
