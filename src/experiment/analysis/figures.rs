//! Figures as people read them.

use crate::diagnostic::thousands;

/// `x` with four significant digits.
pub(super) fn figure(x: f64) -> String {
    let size = x.abs();
    if !x.is_finite() {
        return "?".to_owned();
    }
    if size >= 1e12 || (size > 0.0 && size < 1e-6) {
        return format!("{x:.3e}");
    }
    let digits_before = if size > 0.0 { size.log10().floor() as i32 + 1 } else { 1 };
    let decimals = usize::try_from((4 - digits_before).clamp(0, 9)).unwrap_or(0);
    let shown = thousands(format!("{x:.decimals$}"));
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

/// As [`figure`], with its sign.
pub(super) fn signed(x: f64) -> String {
    let shown = figure(x);
    if x > 0.0 { format!("+{shown}") } else { shown }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share in percent, with its sign.
pub(super) fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// A p-value.
pub(super) fn probability(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// `an interval from to`.
pub(super) fn range(low: f64, high: f64) -> String {
    format!("[{}, {}]", signed(low), signed(high))
}

/// Cohen's words for the size of an effect (Statistical Power Analysis, 1988, 2.2.3).
pub(super) fn size_word(d: f64) -> &'static str {
    match d.abs() {
        d if d < 0.2 => "very small",
        d if d < 0.5 => "small",
        d if d < 0.8 => "medium",
        _ => "large",
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, probability, signed};

    #[test]
    fn figures_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (0.78123, "0.7812"),
            (-0.021_04, "-0.02104"),
            (1234.56, "1,235"),
            (12.0, "12"),
            (1e-9, "1.000e-9"),
            (2e15, "2.000e15"),
        ];
        for (x, shown) in cases {
            assert_eq!(figure(x), shown);
        }
        assert_eq!([signed(0.5), signed(-0.5), probability(0.0), probability(0.04321)], ["+0.5", "-0.5", "< 0.0001", "0.0432"]);
        assert_eq!(figure(f64::NAN), "?");
    }
}
