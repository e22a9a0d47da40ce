//! A set of objects without a fault, and how each fault is put into it.

use serde_json::Value;

const GOOD: &str = include_str!("good.yaml");
const FAULTS: &str = include_str!("faults.json");

/// The good set, by the path of each object's file.
pub(crate) fn good() -> Vec<(String, Value)> {
    let objects = GOOD.split("\n---\n").map(|text| serde_saphyr::from_str::<Value>(text).expect("YAML"));
    objects.map(|object| (format!("{}.yaml", title(&object)), object)).collect()
}

fn title(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().expect("a kind"), object["metadata"]["name"].as_str().expect("a name"))
}

/// The faults of one list: `refused_by_servers` has what JSON schemas pass and servers refuse.
pub(crate) fn faults(list: &str) -> Vec<Value> {
    let faults: Value = serde_json::from_str(FAULTS).expect("JSON");
    faults[list].as_array().expect("a list").clone()
}

/// Sets, adds or (with null) removes the value at `pointer`, whose parent exists.
pub(crate) fn edit(object: &mut Value, pointer: &str, value: &Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let key = key.replace("~1", "/");
    match object.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Array(items) if key == "-" => items.push(value.clone()),
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value.clone(),
        Value::Object(map) if value.is_null() => drop(map.remove(&key).unwrap_or_else(|| panic!("nothing at {pointer}"))),
        Value::Object(map) => drop(map.insert(key, value.clone())),
        _ => panic!("{parent} is a scalar"),
    }
}

/// The good set with `fault` in it.
pub(crate) fn broken(fault: &Value) -> Vec<(String, Value)> {
    let mut objects = good();
    for change in fault["edits"].as_array().expect("edits") {
        let file = format!("{}.yaml", change[0].as_str().expect("an object"));
        let (_, object) = objects.iter_mut().find(|(f, _)| *f == file).unwrap_or_else(|| panic!("no {file}"));
        let before = object.clone();
        edit(object, change[1].as_str().expect("a pointer"), &change[2]);
        assert_ne!(&before, object, "{fault}: changes nothing");
    }
    objects
}
