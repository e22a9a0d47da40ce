//! Quantities of resources, read and compared exactly.

/// Greatest whole number; Kubernetes caps what is above.
const MOST_UNITS: i128 = i64::MAX as i128;
/// Nano-units of one unit: the finest that Kubernetes keeps.
const NANOS: i128 = 1_000_000_000;
/// Digits after the point that count with a binary suffix; further ones round up.
const BINARY_FRACTION_DIGITS: usize = 18;

/// An amount of a resource, such as `500m`, `16Gi` or `1e3`.
///
/// Held as Kubernetes holds it: finer parts than a nano-unit round away from zero, and the size is
/// capped at 2^63 - 1 units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    nanos: i128,
}

/// What stands after the number.
enum Suffix {
    /// 2 to this power.
    Binary(u32),
    /// 10 to this power.
    Decimal(i64),
}

impl Quantity {
    /// No amount.
    pub const ZERO: Self = Self { nanos: 0 };

    /// Reads the written form: a number, and a suffix (`n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei`) or
    /// an exponent (`e3`, `E-3`).
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, rest) = split_digits(unsigned);
        let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err("is no quantity: it must begin with a number".into());
        }
        let nanos = match suffix(rest)? {
            Suffix::Binary(power) => binary_nanos(whole, fraction, power),
            Suffix::Decimal(power) => decimal_nanos(whole, fraction, power),
        };
        // The cap also stands in for a number that is too long to be held.
        let nanos = nanos.unwrap_or(i128::MAX).min(MOST_UNITS * NANOS);
        Ok(Self { nanos: if text.starts_with('-') { -nanos } else { nanos } })
    }

    /// The amount in parts of 10^-9 of a unit.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is a whole number of units, as extended resources must be.
    pub fn is_whole(self) -> bool {
        self.nanos % NANOS == 0
    }

    /// Whether it is a whole number of milli-units, the finest CPU.
    pub fn is_whole_milli(self) -> bool {
        self.nanos % (NANOS / 1000) == 0
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn suffix(text: &str) -> Result<Suffix, String> {
    Ok(match text {
        "Ki" => Suffix::Binary(10),
        "Mi" => Suffix::Binary(20),
        "Gi" => Suffix::Binary(30),
        "Ti" => Suffix::Binary(40),
        "Pi" => Suffix::Binary(50),
        "Ei" => Suffix::Binary(60),
        "n" => Suffix::Decimal(-9),
        "u" => Suffix::Decimal(-6),
        "m" => Suffix::Decimal(-3),
        "" => Suffix::Decimal(0),
        "k" => Suffix::Decimal(3),
        "M" => Suffix::Decimal(6),
        "G" => Suffix::Decimal(9),
        "T" => Suffix::Decimal(12),
        "P" => Suffix::Decimal(15),
        "E" => Suffix::Decimal(18),
        _ => return exponent(text).ok_or_else(|| unknown_suffix(text)),
    })
}

fn exponent(text: &str) -> Option<Suffix> {
    let digits = text.strip_prefix(['e', 'E'])?;
    // Kubernetes keeps the low 32 bits of a longer exponent, which nobody means.
    digits.parse::<i32>().ok().map(|power| Suffix::Decimal(i64::from(power)))
}

fn unknown_suffix(text: &str) -> String {
    let near = match text {
        "K" => ": thousand is `k`, 1024 is `Ki`".to_owned(),
        "g" | "t" | "p" => format!(": it is `{}` or `{}i`", text.to_uppercase(), text.to_uppercase()),
        "kb" | "KB" | "kB" => ": write `k` or `Ki`, without the B".to_owned(),
        "MB" | "GB" | "TB" | "MiB" | "GiB" | "TiB" => format!(": write `{}`, without the B", text.trim_end_matches('B')),
        _ => String::new(),
    };
    format!("is no quantity: no suffix is written `{text}`{near}")
}

/// `None` when it cannot be held.
fn binary_nanos(whole: &str, fraction: &str, power: u32) -> Option<i128> {
    let unit = 1_i128.checked_shl(power)?;
    let whole = whole_number(whole)?.checked_mul(unit)?.checked_mul(NANOS)?;
    let (kept, dropped) = fraction.split_at(fraction.len().min(BINARY_FRACTION_DIGITS));
    let kept = format!("{kept:0<BINARY_FRACTION_DIGITS$}");
    let inexact = i128::from(dropped.bytes().any(|b| b != b'0'));
    // 10^18 * 2^60 fits; a nano-unit is 10^9 of the 10^18 parts.
    let scaled = whole_number(&kept)?.checked_add(inexact)?.checked_mul(unit)?;
    whole.checked_add(scaled / NANOS + i128::from(scaled % NANOS != 0))
}

/// `None` when it cannot be held.
fn decimal_nanos(whole: &str, fraction: &str, power: i64) -> Option<i128> {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let shift = power + 9 - i64::try_from(fraction.len()).ok()?;
    if let Ok(zeros) = u32::try_from(shift) {
        return whole_number(digits)?.checked_mul(10_i128.checked_pow(zeros)?);
    }
    let dropped = usize::try_from(shift.unsigned_abs()).ok()?.min(digits.len());
    let (kept, dropped) = digits.split_at(digits.len() - dropped);
    let inexact = i128::from(dropped.bytes().any(|b| b != b'0'));
    whole_number(kept)?.checked_add(inexact)
}

/// The number that `digits` write; no digit is zero.
fn whole_number(digits: &str) -> Option<i128> {
    if digits.is_empty() { Some(0) } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn equal_amounts_are_equal_however_they_are_written() {
        let groups: [&[&str]; 9] = [
            &["1", "1000m", "1.0", "1.", "+1", "1e0", "01", "0.001k", "1000000u"],
            &["1Ki", "1024", "1.024k", "1024000m"],
            &["1.5Gi", "1536Mi", "1610612736"],
            &["1E", "1e18", "1000P", "1E18"],
            &["0", "-0", "0.0", "0Gi", "0e99999", ".0"],
            &[".5", "500m", "5e-1", "0.5"],
            &["1n", "0.1n", "1e-1000", "0.0000000001"],
            &["9223372036854775807", "9223372036854775808", "8Ei", "1e400", "99999999999999999999999999999999999999999999999999"],
            &["-1", "-1000m"],
        ];
        for group in groups {
            for text in group {
                assert_eq!(parse(text), parse(group[0]), "{text} is not {}", group[0]);
            }
        }
    }

    #[test]
    fn amounts_are_ordered_exactly() {
        let sorted = ["-1", "-1n", "0", "1n", "1m", "1.1", "1100001u", "1k", "1Ki", "1M", "1Mi", "999999999", "1G", "1Gi", "7Ei", "9.3E"];
        for pair in sorted.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert!(!parse("1500m").is_whole() && parse("1500m").is_whole_milli() && parse("2000m").is_whole());
        assert!(parse("-1m").is_negative() && !parse("-0").is_negative());
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        for text in [
            "",
            ".",
            "+",
            "Gi",
            "1K",
            "1gi",
            "1GB",
            "1 Gi",
            " 1",
            "1.2.3",
            "1e",
            "1e+",
            "1e1.5",
            "--1",
            "1Mi ",
            "0x10",
            "１",
            "NaN",
            "1e99999999999",
        ] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert_eq!(Quantity::parse("1GiB"), Err("is no quantity: no suffix is written `GiB`: write `Gi`, without the B".into()));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+]?[0-9.]{0,60}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,12}|\\PC*") {
            let _ = Quantity::parse(&text);
        }

        #[test]
        fn whole_numbers_compare_as_numbers(a in 0_i64..i64::MAX, b in 0_i64..i64::MAX) {
            prop_assert_eq!(parse(&a.to_string()).cmp(&parse(&b.to_string())), a.cmp(&b));
        }

        #[test]
        fn suffixes_are_powers(n in 0_u32..100_000) {
            prop_assert_eq!(parse(&format!("{n}Mi")), parse(&(u64::from(n) << 20).to_string()));
            prop_assert_eq!(parse(&format!("{n}G")), parse(&format!("{n}e9")));
            prop_assert_eq!(parse(&format!("{n}m")) < parse("1"), n < 1000);
        }
    }
}
