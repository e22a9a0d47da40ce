//! The plan for programs, and back.

use serde_json::Value;

use super::types::{FORMAT_VERSION, Plan};
use crate::emit::sha256;

/// Longest plan that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The plan as one pretty-printed JSON document.
pub fn render_json(plan: &Plan) -> String {
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_string_pretty(plan).unwrap_or_default() + "\n"
}

/// JSON Schema of the document that [`render_json`] writes.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Plan)
}

/// Reads a plan that [`render_json`] wrote, as it was written.
///
/// # Errors
/// In words: it is no plan, its format has another major version, or its content is not what its
/// digest says.
pub fn read(text: &str) -> Result<Plan, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the plan is too large: {} bytes, and at most {MAX_BYTES} are read", text.len()));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| format!("this is no JSON, so no plan: {error}"))?;
    let version = value.get("format_version").and_then(Value::as_str).ok_or("this is no plan: it has no `format_version`")?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(version) != major(FORMAT_VERSION) {
        let known = FORMAT_VERSION.split('.').next().unwrap_or_default();
        return Err(format!("the plan has format {version}, and this llmc reads {known}.x: plan again with this llmc"));
    }
    let stacks = value.get("stacks").ok_or("this is no plan: it has no `stacks`")?;
    // Over what stands there, so that fields of a later minor version are in it too.
    let digest = sha256(stacks.to_string().as_bytes());
    let plan: Plan = serde_json::from_value(value).map_err(|error| format!("this is no plan that llmc wrote: {error}"))?;
    if plan.sha256 != digest {
        return Err(format!("the plan was changed after it was written: its content has the digest {digest}, and it says {}", plan.sha256));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::{Value, json};

    use super::{read, render_json};
    use crate::emit::{FileSet, Tree};
    use crate::plan::{Plan, Subject, compare, plan};

    fn example() -> Plan {
        let mut new = FileSet::default();
        new.insert("a.txt", "b\n");
        let old = Tree::default();
        plan(vec![compare(&Subject {
            stack: "s",
            spec: None,
            output: "out",
            old: &old,
            renamed_from: None,
            new: &new,
            cost: None,
            prompts: &[],
        })])
    }

    #[test]
    fn what_is_written_is_read() {
        let plan = example();
        assert_eq!(read(&render_json(&plan)).expect("a plan"), plan);
        assert_eq!(read(&serde_json::to_string(&plan).expect("JSON")).expect("a plan"), plan, "layout says nothing");
    }

    #[test]
    fn another_plan_than_was_written_is_refused() {
        let text = render_json(&example());
        let with = |change: &dyn Fn(&mut Value)| {
            let mut value: Value = serde_json::from_str(&text).expect("JSON");
            change(&mut value);
            read(&value.to_string()).expect_err("refused")
        };
        let cases = [
            (with(&|value| value["format_version"] = json!("2.0")), "format 2.0"),
            (with(&|value| value["stacks"][0]["files"][0]["path"] = json!("b.txt")), "changed after it was written"),
            (with(&|value| value["sha256"] = json!("0")), "changed after it was written"),
            (with(&|value| drop(value.as_object_mut().map(|map| map.remove("stacks")))), "no `stacks`"),
            (with(&|value| value["stacks"] = json!({})), "no plan that llmc wrote"),
            (read("").expect_err("refused"), "no JSON"),
            (read("[]").expect_err("refused"), "no `format_version`"),
            (read(&"[".repeat(100_000)).expect_err("refused"), "no JSON"),
        ];
        for (message, words) in cases {
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_later_minor_version_may_have_more_fields() {
        let mut value: Value = serde_json::from_str(&render_json(&example())).expect("JSON");
        value["format_version"] = json!("1.7");
        value["stacks"][0]["later"] = json!(true);
        value["sha256"] = json!(crate::emit::sha256(value["stacks"].to_string().as_bytes()));
        assert_eq!(read(&value.to_string()).expect("a plan").stacks.len(), 1);
    }

    proptest! {
        #[test]
        fn garbage_is_refused(text in any::<String>()) {
            assert!(read(&text).is_err());
        }
    }
}
