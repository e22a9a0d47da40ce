//! Authentication as a GitHub App: its key signs a request for a token that is good for one
//! repository and an hour.

use serde_json::{Value, json};

use super::call::{Call, Failure, Method};
use super::{Connection, Fault};

/// A token of the App's installation on `repository`, with the permissions that llmc needs.
pub(super) fn token(connection: &Connection, repository: &str) -> Result<String, Fault> {
    super::check_repository(repository)?;
    let call = |doing: &str, method: Method, path: String, body: Value| {
        let what = format!("an installation of the App on {repository}");
        let call = Call { doing, what: &what, needs: "contents: write and pull_requests: write", repeatable: true, method, path, body };
        connection.call(&call).map_err(Failure::fault)
    };
    let senseless = |doing: &str, message: &str| connection.senseless(doing, message).fault();
    let doing = "find the App's installation";
    let installation = call(doing, Method::Get, connection.path(repository, "/installation"), Value::Null)?;
    let id = installation["id"].as_u64().ok_or_else(|| senseless(doing, "it has no number"))?;
    let doing = "get a token for the App";
    let path = format!("{}/app/installations/{id}/access_tokens", connection.address.prefix);
    let name = repository.rsplit('/').next().unwrap_or_default();
    let body = json!({ "repositories": [name], "permissions": { "contents": "write", "pull_requests": "write" } });
    let token = call(doing, Method::Post, path, body)?;
    token["token"].as_str().map(str::to_owned).ok_or_else(|| senseless(doing, "it holds no token"))
}
