//! Grafana's variables in queries.

/// Stands where a variable stood; as a model's name it means any.
pub(super) const VARIABLE: &str = "llmc_any_value";

/// `expr` with Grafana's variables replaced by values of their kind, so that it can be parsed:
/// durations by durations, numbers by numbers, and all others by one word. `$1` of a
/// `label_replace` is none of Grafana's and stays.
pub(in crate::emit) fn substitute(expr: &str) -> String {
    let mut out = String::with_capacity(expr.len());
    let mut rest = expr;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            // `${name:format}`: the format changes how a value is written, not what it is.
            Some((inner, _)) => (inner.split(':').next().unwrap_or_default(), inner.len() + 2),
            None => {
                let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            out.push_str(match name {
                "__rate_interval" | "__interval" => "5m",
                "__range" => "1h",
                "__range_s" | "__interval_ms" | "__range_ms" => "3600",
                _ => VARIABLE,
            });
            rest = &after[length..];
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::substitute;

    #[test]
    fn variables_become_values_of_their_kind() {
        let cases = [
            ("rate(x[$__rate_interval])", "rate(x[5m])"),
            ("increase(x[${__range}]) * $__range_s", "increase(x[1h]) * 3600"),
            (r#"x{pod=~"${pod:regex}"}"#, r#"x{pod=~"llmc_any_value"}"#),
            (r#"label_replace(x, "a", "$1", "b", "${1}x$")"#, r#"label_replace(x, "a", "$1", "b", "${1}x$")"#),
            ("끝$", "끝$"),
        ];
        for (expr, expected) in cases {
            assert_eq!(substitute(expr), expected);
        }
    }
}
