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
}

static GPUS: LazyLock<Vec<Gpu>> = LazyLock::new(|| rows(include_str!("gpus.csv")).filter_map(|row| read(&row)).collect());

fn read(row: &[&str]) -> Option<Gpu> {
    let [name, memory, label, fp8, low, usual, high, capability, unified, _source] = row else { return None };
    let (major, minor) = capability.split_once('.')?;
    Some(Gpu {
        name: (*name).to_owned(),
        vendor_memory_gb: memory.parse().ok()?,
        product_label: (*label).to_owned(),
        has_fp8: *fp8 == "yes",
        torch_gib: (low.parse().ok()?, usual.parse().ok()?, high.parse().ok()?),
        compute_capability: (major.parse().ok()?, minor.parse().ok()?),
        unified_memory: *unified == "yes",
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
}
