//! One request to Prometheus.

use std::time::Duration;

use super::super::Failure;
use crate::diagnostic::{printable, redact};

/// Name of the variable that holds a bearer token.
const TOKEN: &str = "LLMC_PROMETHEUS_TOKEN";
/// How long a connection and the whole request may take.
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(60);
/// Most bytes of an answer.
const MOST_BYTES: u64 = 4 << 20;

/// What the server at `url` answers to `query`.
pub(super) fn ask(url: &str, query: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(format!("`{}` is no address of Prometheus; it begins with https:// or http://", shown(url)).into());
    };
    if rest.split(['/', '?', '#']).next().is_none_or(|host| host.is_empty() || host.contains('@')) || rest.contains(['?', '#']) {
        let help = format!("an address is a host and a path, without a password or a query; a token goes into {TOKEN}");
        return Err(format!("`{}` is no address of Prometheus: {help}", shown(url)).into());
    }
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        // Another address would get the query, and perhaps the token, of this one.
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent(concat!("llmc/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut request = ureq::Agent::from(config).get(format!("{}/api/v1/query", url.trim_end_matches('/'))).query("query", query);
    if let Some(token) = std::env::var_os(TOKEN).filter(|token| !token.is_empty()) {
        let token = token.into_string().ok().filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        let token = token.ok_or_else(|| format!("`{TOKEN}` holds no token: it has spaces or other characters that none has"))?;
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let cannot = |error: ureq::Error| Failure::Message(format!("cannot ask `{}`: {}", shown(url), shown(&error.to_string())));
    let mut response = request.call().map_err(cannot)?;
    let status = response.status().as_u16();
    let help = match status {
        // 400 and 422 come with a reason.
        200 | 400 | 422 => None,
        300..=399 => Some("it redirects, which is not followed; name the address that it redirects to".to_owned()),
        401 | 403 => Some(format!("it asks for a token; put it into {TOKEN}")),
        404 => Some("there is no Prometheus at this path".to_owned()),
        _ => Some("try again later".to_owned()),
    };
    if let Some(help) = help {
        return Err(format!("`{}` answers {status}: {help}", shown(url)).into());
    }
    response.body_mut().with_config().limit(MOST_BYTES).read_to_string().map_err(cannot)
}

/// Text for a message: no secrets, one line, bounded.
fn shown(text: &str) -> String {
    printable(&redact(&text.chars().take(300).collect::<String>()))
}
