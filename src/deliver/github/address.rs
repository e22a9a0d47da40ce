//! Where the server is. A token goes nowhere else, and never unencrypted over a network.

use std::net::IpAddr;

use super::Fault;

/// The parts of an API address that requests are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Scheme and authority, such as `https://api.github.com`.
    pub origin: String,
    /// Path that every REST path follows: empty, or `/api/v3` on GitHub Enterprise.
    pub prefix: String,
    /// Path of GraphQL.
    pub graphql: String,
}

impl Address {
    /// Reads the address of the REST API, and of GraphQL where it is not where GitHub has it: at
    /// `/graphql`, and at `/api/graphql` where the REST API is at `/api/v3`.
    pub(super) fn new(api: &str, graphql: Option<&str>) -> Result<Self, Fault> {
        let (origin, prefix) = split(api)?;
        let beside = match prefix.strip_suffix("/v3") {
            Some(folder) => format!("{folder}/graphql"),
            None => format!("{prefix}/graphql"),
        };
        let graphql = match graphql {
            None => beside,
            Some(graphql) => {
                let (other, path) = split(graphql)?;
                if other != origin {
                    let message = format!("the GraphQL address is on {other} and the API on {origin}; the token goes to one server only");
                    return Err(Fault::Config(message));
                }
                path
            }
        };
        Ok(Self { origin, prefix, graphql })
    }
}

/// Origin and path of an address.
fn split(address: &str) -> Result<(String, String), Fault> {
    let wrong = |why: &str| {
        let shown = crate::diagnostic::printable(&crate::diagnostic::redact(address));
        Fault::Config(format!(
            "`{shown}` is no API address: {why}; write one such as `https://api.github.com` or `https://github.example.com/api/v3`"
        ))
    };
    let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(plain) {
        return Err(wrong("its host is missing, or holds a user name or another character that a host cannot have"));
    }
    let path = path.trim_end_matches('/');
    if !path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/".contains(c)) {
        return Err(wrong("its path holds a query or another character that it cannot have"));
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority) => {}
        "http" => return Err(wrong("over plain http a token can be read on the way, so only a loopback address may have it")),
        _ => return Err(wrong("its scheme is not https")),
    }
    Ok((format!("{scheme}://{authority}"), path.to_owned()))
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn graphql_stands_where_github_has_it() {
        let of = |api: &str| Address::new(api, None).map(|a| (a.origin, a.prefix, a.graphql)).expect("an address");
        let parts = |origin: &str, prefix: &str, graphql: &str| (origin.to_owned(), prefix.to_owned(), graphql.to_owned());
        assert_eq!(of("https://api.github.com"), parts("https://api.github.com", "", "/graphql"));
        assert_eq!(of("https://git.example.com/api/v3/"), parts("https://git.example.com", "/api/v3", "/api/graphql"));
        assert_eq!(of("http://127.0.0.1:80"), parts("http://127.0.0.1:80", "", "/graphql"));
    }

    #[test]
    fn the_token_goes_to_one_encrypted_place() {
        for bad in [
            "api.github.com",
            "http://api.github.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "https://user:not-a-real-token@api.github.com",
            "ftp://api.github.com",
            "https://",
            "https://api.github.com/?a",
        ] {
            let fault = Address::new(bad, None).expect_err(bad).to_string();
            assert!(!fault.contains("not-a-real-token"), "{fault}");
        }
        for good in ["http://localhost:1", "http://[::1]:1", "http://127.9.9.9/api/v3"] {
            assert!(Address::new(good, None).is_ok(), "{good}");
        }
        assert!(Address::new("https://a.example", Some("https://b.example/graphql")).is_err());
    }
}
