//! Figures as people read them.

use std::fmt::Display;

/// `131072` as `131,072`, `-12345.60` as `-12,345.60`.
pub fn thousands(number: impl Display) -> String {
    let number = number.to_string();
    let (whole, fraction) = number.split_once('.').map_or((number.as_str(), None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    fraction.map_or_else(|| out.clone(), |fraction| format!("{out}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn digits_are_grouped() {
        let cases = [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-123", "-123"), ("12345.60", "12,345.60"), ("1234567", "1,234,567")];
        for (number, shown) in cases {
            assert_eq!(thousands(number), shown);
        }
        assert_eq!(thousands(131_072_u64), "131,072");
    }
}
