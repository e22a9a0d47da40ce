//! What a rule of a policy may give.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::{Route, did_you_mean};

/// Most characters of a message or a help that are shown.
const MOST_CHARACTERS: usize = 2_000;
/// Most lines of help of one finding.
const MOST_HELP: usize = 5;
/// Fields of a result that mean something to llmc.
const FIELDS: [&str; 4] = ["msg", "route", "help", "details"];

/// One finding of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) message: String,
    pub(super) route: Option<Route>,
    pub(super) help: Vec<String>,
}

/// The findings that `value`, what a rule gave, stands for; in words what is wrong with it.
pub(super) fn remarks(value: &Value) -> Result<Vec<Remark>, String> {
    match value {
        Value::Array(items) => items.iter().map(remark).collect(),
        other => Err(format!("gives {}, and must give a set: `deny contains msg if {{ … }}`", kind(other))),
    }
}

fn remark(value: &Value) -> Result<Remark, String> {
    match value {
        Value::String(text) => Ok(Remark { message: message(text)?, route: None, help: Vec::new() }),
        Value::Object(fields) => {
            // Other fields are the team's own; one that is nearly ours is a slip.
            for field in fields.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
                if let Some(near) = did_you_mean(field, FIELDS).filter(|near| !fields.contains_key(*near)) {
                    return Err(format!("gives a result with the field `{field}`; did you mean `{near}`?"));
                }
            }
            let Some(Value::String(text)) = fields.get("msg") else {
                return Err("gives a result without the text `msg`".to_owned());
            };
            let route = match fields.get("route") {
                None | Some(Value::Null) => None,
                Some(Value::String(route)) if route.is_empty() || route.starts_with('/') => Some(Route::from_pointer(&cut(route))),
                Some(Value::String(route)) => {
                    return Err(format!("gives the route `{}`, and a route is a JSON Pointer such as `/model/llama-70b`", cut(route)));
                }
                Some(other) => return Err(format!("gives a route that is {}, and must be a text", kind(other))),
            };
            let help = match fields.get("help") {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::String(help)) => vec![cut(help)],
                Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
                    lines.iter().filter_map(Value::as_str).take(MOST_HELP).map(cut).collect()
                }
                Some(other) => return Err(format!("gives a help that is {}, and must be a text or a list of texts", kind(other))),
            };
            Ok(Remark { message: message(text)?, route, help })
        }
        other => Err(format!("gives a result that is {}, and must be a text or an object with `msg`", kind(other))),
    }
}

fn message(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("gives an empty message".to_owned()) } else { Ok(cut(text)) }
}

/// `text`, shortened so that one finding cannot fill a page.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list or set",
        Value::Object(_) => "an object",
    }
}

/// What each item of a `deny`, `violation` or `warn` set may be.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "llmc policy finding")]
enum Finding {
    /// What is wrong, as text.
    #[allow(dead_code, reason = "only its schema is used")]
    Text(#[schemars(length(min = 1))] String),
    /// What is wrong, and where. Fields that are not named here are the team's own and ignored.
    #[allow(dead_code, reason = "only its schema is used")]
    Object(Object),
}

#[derive(Serialize, JsonSchema)]
struct Object {
    /// What is wrong.
    #[schemars(length(min = 1))]
    msg: String,
    /// Where: a JSON Pointer (RFC 6901) into the stack, such as `/model/llama-70b/replicas`. Without it,
    /// the finding is shown at the stack's name.
    #[schemars(regex(pattern = "^(/.*)?$"))]
    route: Option<String>,
    /// What to do, in one line or several.
    help: Option<Help>,
    /// Anything, as Gatekeeper's policies give it. It is not shown.
    details: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Help {
    #[allow(dead_code, reason = "only its schema is used")]
    Line(String),
    #[allow(dead_code, reason = "only its schema is used")]
    Lines(Vec<String>),
}

/// JSON Schema of what a rule may give.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Finding)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{remarks, schema};

    #[test]
    fn texts_and_objects_are_findings_and_nothing_else_is() {
        // The schema is the contract, so it must say the same of each.
        let schema = jsonschema::validator_for(schema().as_value()).expect("a schema");
        for good in [
            json!("x"),
            json!({"msg": "x"}),
            json!({"msg": "x", "details": {"a": 1}, "severity": "high"}),
            json!({"msg": "x", "route": "/model/a", "help": "y"}),
            json!({"msg": "x", "route": "", "help": ["y", "z"]}),
        ] {
            assert!(remarks(&json!([good])).is_ok(), "{good}");
            assert!(schema.is_valid(&good), "{good}");
        }
        for bad in [json!(1), json!(true), json!(""), json!({}), json!({"msg": 1}), json!({"msg": "x", "route": "model"}), json!(["x"])] {
            assert!(remarks(&json!([bad])).is_err(), "{bad}");
            assert!(!schema.is_valid(&bad), "{bad}");
        }
        for slip in [json!({"msg": "x", "rout": "/a"}), json!({"mgs": "x"}), json!({"msg": "x", "route": 1})] {
            assert!(remarks(&json!([slip])).is_err(), "{slip}");
        }
        for whole in [json!("x"), json!(true), json!({"x": true})] {
            assert!(remarks(&whole).is_err(), "{whole}");
        }
    }
}
