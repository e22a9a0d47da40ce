//! Figures as people read them.

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// Bytes in GiB with two decimals and the unit.
pub fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / GIB)
}

/// As [`gib`], of a figure that may be below zero.
pub(super) fn signed_gib(bytes: i64) -> String {
    format!("{:.2} GiB", bytes as f64 / GIB)
}

/// `low to high` after `expected`, or nothing where they are one.
pub(super) fn bounds(low: &str, high: &str) -> String {
    if low == high { String::new() } else { format!("{low} to {high}") }
}

#[cfg(test)]
mod tests {
    use super::gib;

    #[test]
    fn bytes_are_rounded() {
        assert_eq!([gib(0), gib(1 << 30), gib(85_000_000_000)], ["0.00 GiB", "1.00 GiB", "79.16 GiB"]);
    }
}
