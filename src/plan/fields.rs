//! Which fields of two objects differ.
//!
//! Lists of named things are matched by name and lists of arguments by flag, so that one more item
//! at the front does not change all that follow. Texts inside a ConfigMap are compared by what they
//! say: JSON and YAML by field, prose by line.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::objects::yaml;
use super::types::FieldChange;
use super::values::{self, Context};
use crate::diagnostic::redact;

/// Most fields that are told one by one; of more, only the parts of the object are told.
const MOST_FIELDS: usize = 1000;
/// Deepest part of an object that is looked into.
const MAX_DEPTH: usize = 64;
/// Annotation that follows from the rest of the object.
const DIGEST: &str = "/metadata/annotations/llmc.dev~1object-sha256";

/// The fields in which `old` and `new` differ, sorted by path. Empty exactly when both say the
/// same, but for the digest of themselves.
pub fn diff(old: &Value, new: &Value) -> Vec<FieldChange> {
    let (old, new) = (without_digest(old), without_digest(new));
    let mut changes = Changes { list: Vec::new(), most: MOST_FIELDS, deepest: MAX_DEPTH };
    changes.value("", Context::default(), &old, &new, 0);
    if changes.list.len() > MOST_FIELDS {
        changes = Changes { list: Vec::new(), most: usize::MAX, deepest: 2 };
        changes.value("", Context::default(), &old, &new, 0);
    }
    changes.list.sort_by(|a, b| a.path.cmp(&b.path));
    changes.list
}

fn without_digest(object: &Value) -> Value {
    let mut object = object.clone();
    let (parent, key) = DIGEST.rsplit_once('/').unwrap_or_default();
    let mut is_empty = false;
    if let Some(Value::Object(annotations)) = object.pointer_mut(parent) {
        annotations.shift_remove(&key.replace("~1", "/"));
        is_empty = annotations.is_empty();
    }
    if is_empty && let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.shift_remove("annotations");
    }
    object
}

/// Items of a list by what tells them apart.
type Named<'a> = BTreeMap<String, Cow<'a, Value>>;

struct Changes {
    list: Vec<FieldChange>,
    most: usize,
    deepest: usize,
}

impl Changes {
    fn value(&mut self, path: &str, context: Context<'_>, old: &Value, new: &Value, depth: usize) {
        if old == new || self.list.len() > self.most {
            return;
        }
        let before = self.list.len();
        if depth < self.deepest {
            match (old, new) {
                (Value::Object(old), Value::Object(new)) => self.map(path, old, new, depth),
                (Value::Array(old), Value::Array(new)) => self.array(path, context, old, new, depth),
                (Value::String(old), Value::String(new)) => self.text(path, context, old, new, depth),
                _ => {}
            }
        }
        // What differs in order alone, or where nothing finer can be told.
        if self.list.len() == before {
            self.push(path, values::shown(context, old), values::shown(context, new));
        }
    }

    fn push(&mut self, path: &str, old: impl Into<Option<Value>>, new: impl Into<Option<Value>>) {
        self.list.push(FieldChange { path: redact(path), old: old.into(), new: new.into() });
    }

    fn map(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>, depth: usize) {
        // `{ name: API_KEY, value: … }` is as telling as `API_KEY: …`.
        let name = [new, old].iter().find_map(|map| map.get("name").and_then(Value::as_str));
        let within = |key| if key == "value" { name.unwrap_or(key) } else { key };
        for (key, value) in old {
            let at = field(path, key);
            match new.get(key) {
                Some(next) => self.value(&at, Context::of(within(key), key), value, next, depth + 1),
                None => self.push(&at, values::shown(Context::of(within(key), key), value), None),
            }
        }
        for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            self.push(&field(path, key), None, values::shown(Context::of(within(key), key), value));
        }
    }

    fn array(&mut self, path: &str, context: Context<'_>, old: &[Value], new: &[Value], depth: usize) {
        let (old, new) = match (names(context, old), names(context, new)) {
            (Some(old), Some(new)) => (old, new),
            _ if old.len() == new.len() => (by_place(old), by_place(new)),
            _ => (lacking(old, new, '-'), lacking(new, old, '+')),
        };
        for (name, value) in &old {
            let (at, within) = (format!("{path}[{name}]"), context.item(name));
            match new.get(name) {
                Some(next) => self.value(&at, within, value, next, depth + 1),
                None => self.push(&at, values::shown(within, value), None),
            }
        }
        for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.push(&format!("{path}[{name}]"), None, values::shown(context.item(name), value));
        }
    }

    /// A text that holds JSON or YAML by its fields, another one of many lines by its lines.
    fn text(&mut self, path: &str, context: Context<'_>, old: &str, new: &str, depth: usize) {
        let both = |read: fn(&str) -> Option<Value>| Some((read(old)?, read(new)?));
        let extension = context.key.rsplit_once('.').map_or("", |(_, extension)| extension);
        let inner = match extension {
            "json" => both(|text| serde_json::from_str(text).ok()),
            "yml" | "yaml" => both(yaml),
            _ => None,
        };
        if let Some((old, new)) = inner {
            // Only one level of texts in texts: a hostile one may hold many.
            if depth + 8 < self.deepest && (old.is_object() || old.is_array()) {
                let mut inner = Changes { list: Vec::new(), most: self.most, deepest: self.deepest.saturating_sub(8) };
                inner.value(path, Context::default(), &old, &new, depth + 8);
                self.list.append(&mut inner.list);
            }
            return;
        }
        if let Some((old, new)) = values::lines(context, old, new) {
            self.push(path, old, new);
        }
    }
}

/// `path` of the field `key` below it.
fn field(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{}]", Value::from(key)),
    }
}

/// The items by a name of their own, or `None` where one has none. Equal names are told apart by
/// their order.
fn names<'a>(context: Context<'_>, items: &'a [Value]) -> Option<Named<'a>> {
    if context.key == "args" {
        return arguments(items).map(|arguments| unique(arguments.into_iter().map(|(k, v)| (k, Cow::Owned(v)))));
    }
    let named: Option<Vec<_>> = items.iter().map(|item| Some((name(item)?, Cow::Borrowed(item)))).collect();
    named.map(|named| unique(named.into_iter()))
}

fn unique<V>(named: impl Iterator<Item = (String, V)>) -> BTreeMap<String, V> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_name = BTreeMap::new();
    for (name, value) in named {
        let number = count.entry(name.clone()).or_default();
        *number += 1;
        let name = if *number == 1 { name } else { format!("{name}#{number}") };
        by_name.insert(name, value);
    }
    by_name
}

/// What tells an item of a list from the others.
fn name(item: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let at = |pointer: &str| item.pointer(pointer).and_then(text);
    // A rule of Prometheus: several have one name, for different objectives and pools.
    if let Some(rule) = at("/alert").or_else(|| at("/record")) {
        let labels = ["llmc_objective", "llmc_pool", "severity"].map(|label| at(&format!("/labels/{label}")));
        return Some(std::iter::once(rule).chain(labels.into_iter().flatten()).collect::<Vec<_>>().join(" "));
    }
    // A peer of a NetworkPolicy.
    let peers = [
        ("namespace ", "/namespaceSelector/matchLabels/kubernetes.io~1metadata.name"),
        ("pods ", "/podSelector/matchLabels/app.kubernetes.io~1name"),
        ("", "/ipBlock/cidr"),
    ];
    if let Some(peer) = peers.iter().find_map(|(kind, pointer)| Some(format!("{kind}{}", at(pointer)?))) {
        return Some(peer);
    }
    ["name", "key", "containerPort", "mountPath", "topologyKey", "title", "targetLabel", "task", "type"]
        .iter()
        .find_map(|key| at(&format!("/{key}")))
}

/// Arguments by their flag: `--flag=value`, `--flag value` and `--flag`; others by their place.
fn arguments(items: &[Value]) -> Option<Vec<(String, Value)>> {
    let words: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
    let mut named = Vec::new();
    let mut at = 0;
    let mut place = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let Some(flag) = word.strip_prefix('-').map(|_| *word) else {
            named.push((place.to_string(), Value::from(*word)));
            place += 1;
            continue;
        };
        let next = words.get(at).filter(|next| !next.starts_with('-'));
        match (flag.split_once('='), next) {
            (Some((flag, value)), _) => named.push((flag.to_owned(), Value::from(value))),
            (None, Some(value)) => {
                at += 1;
                named.push((flag.to_owned(), Value::from(*value)));
            }
            (None, None) => named.push((flag.to_owned(), Value::Bool(true))),
        }
    }
    Some(named)
}

/// The items by their place, for lists of one length.
fn by_place(items: &[Value]) -> Named<'_> {
    items.iter().enumerate().map(|(at, item)| (at.to_string(), Cow::Borrowed(item))).collect()
}

/// The items of `items` that `other` lacks, by their place behind `sign`.
fn lacking<'a>(items: &'a [Value], other: &[Value], sign: char) -> Named<'a> {
    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    for item in other {
        *there.entry(item.to_string()).or_default() += 1;
    }
    let mut lacking = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        match there.get_mut(&item.to_string()).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => drop(lacking.insert(format!("{sign}{at}"), Cow::Borrowed(item))),
        }
    }
    lacking
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
    use serde_json::{Value, json};

    use super::diff;

    fn paths(old: &Value, new: &Value) -> Vec<String> {
        let show = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        diff(old, new).iter().map(|f| format!("{} {} {}", f.path, show(&f.old), show(&f.new))).collect()
    }

    #[test]
    fn named_things_are_matched_by_their_name() {
        let old =
            json!({ "spec": { "containers": [{ "name": "a", "image": "x:1" }, { "name": "b", "env": [{ "name": "H", "value": "1" }] }] } });
        let new =
            json!({ "spec": { "containers": [{ "name": "b", "env": [{ "name": "H", "value": "2" }] }, { "name": "a", "image": "x:2" }] } });
        assert_eq!(paths(&old, &new), ["spec.containers[a].image \"x:1\" \"x:2\"", "spec.containers[b].env[H].value \"1\" \"2\""]);
        let moved = json!({ "spec": { "containers": [old["spec"]["containers"][1], old["spec"]["containers"][0]] } });
        assert_eq!(diff(&old, &moved).len(), 1, "order is a difference too");
    }

    #[test]
    fn arguments_are_matched_by_their_flag() {
        let old = json!({ "args": ["org/model", "--max-model-len=8192", "--port", "8000", "--quiet"] });
        let new = json!({ "args": ["org/model", "--port", "8001", "--max-model-len=4096", "--eager"] });
        assert_eq!(
            paths(&old, &new),
            ["args[--eager] - true", "args[--max-model-len] \"8192\" \"4096\"", "args[--port] \"8000\" \"8001\"", "args[--quiet] true -"]
        );
    }

    #[test]
    fn texts_are_compared_by_what_they_say() {
        let old = json!({ "data": { "s.json": "{\"t\": 0.3}", "c.yml": "a: [x]\nb: 1\n", "p.md": "one\ntwo\nthree\n" } });
        let new = json!({ "data": { "s.json": "{\"t\": 0.5}", "c.yml": "a: [x, y]\nb: 1\n", "p.md": "one\n2\nthree\nfour\n" } });
        assert_eq!(
            paths(&old, &new),
            ["data[\"c.yml\"].a[+1] - \"y\"", "data[\"p.md\"] \"two\" \"2\\nfour\"", "data[\"s.json\"].t 0.3 0.5"]
        );
    }

    #[test]
    fn rules_and_peers_have_names() {
        let rule = |objective: &str, expr: &str| json!({ "alert": "Burn", "expr": expr, "labels": { "llmc_objective": objective } });
        let old = json!({ "rules": [rule("ttft", "1"), rule("e2e", "1")] });
        let new = json!({ "rules": [rule("e2e", "2"), rule("ttft", "1"), rule("tpot", "1")] });
        let fields = diff(&old, &new);
        let paths: Vec<&str> = fields.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["rules[Burn e2e].expr", "rules[Burn tpot]"]);
        let peer = |name: &str| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } });
        let fields = diff(&json!({ "from": [peer("a")] }), &json!({ "from": [peer("b"), peer("a")] }));
        assert_eq!(fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["from[namespace b]"]);
    }

    #[test]
    fn the_digest_is_no_change() {
        let with = |digest: &str| json!({ "metadata": { "annotations": { "llmc.dev/object-sha256": digest } } });
        assert_eq!(diff(&with("a"), &with("b")), []);
        assert_eq!(diff(&with("a"), &json!({ "metadata": {} })), []);
        let other = json!({ "metadata": { "annotations": { "llmc.dev/object-sha256": "a", "x": "y" } } });
        assert_eq!(paths(&with("b"), &other), ["metadata.annotations {} {\"x\":\"y\"}"].map(|_| "metadata.annotations - {\"x\":\"y\"}"));
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let token = format!("hf{}{}", "_", "a1B2".repeat(6));
        let old = json!({ "data": { "p.md": "a\nb\n", "api_key": "old-secret-word" } });
        let new = json!({
            "args": ["--api-key=abcd1234", "--token", "abcd1234"],
            "env": [{ "name": "API_KEY", "value": "abcd1234" }, { "name": "T", "value": token }],
            "data": { "p.md": format!("a\nb\nBearer {}\n", "abcd1234".repeat(3)), "api_key": "new-secret-word" },
            "order": { "args": ["--token", "abcd1234"] },
        });
        let shown = paths(&old, &new).join("\n");
        assert!(!shown.contains("abcd1234") && !shown.contains(&token) && !shown.contains("secret-word"), "{shown}");
        let args = |key: &str| json!({ "args": [format!("--api-key={key}")] });
        assert_eq!(paths(&args("aaaa1111"), &args("bbbb2222")), ["args[--api-key] \"********\" \"********\""]);
    }

    #[test]
    fn a_torrent_of_fields_is_told_in_parts() {
        let many = |n: u64| json!({ "spec": { "x": (0..5000).map(|i| json!({ "name": i.to_string(), "v": n })).collect::<Vec<_>>() } });
        let fields = diff(&many(1), &many(2));
        assert_eq!(fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["spec.x"]);
        assert!(Value::from(serde_json::to_string(&fields).expect("JSON")).to_string().len() < 20_000);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c=-]{0,4}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("name|args|a\\.json|b", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_exactly_when_all_is_equal(old in value(), new in value()) {
            assert_eq!(diff(&old, &new).is_empty(), old == new);
            assert!(diff(&old, &old).is_empty());
        }
    }
}
