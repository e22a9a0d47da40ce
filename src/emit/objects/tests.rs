//! Each fault alone, put into a set of objects that has none: `tests/objects/`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{RULES, check};

#[path = "../../../tests/objects/faults.rs"]
mod faults;

use faults::{broken, edit, faults, good};

fn codes(objects: &[(String, Value)]) -> BTreeSet<&'static str> {
    check(objects).iter().map(|d| d.rule.code).collect()
}

#[test]
fn a_good_set_has_no_finding() {
    let objects = good();
    assert_eq!(objects.len(), 11);
    let found: Vec<String> = check(&objects).into_iter().map(|d| format!("{} {}", d.rule.code, d.message)).collect();
    assert_eq!(found, Vec::<String>::new());
}

/// What schemas pass and a real API server refuses, by name, so that a lost one is seen.
#[test]
fn every_fault_that_servers_refuse_is_listed() {
    let faults = faults("refused_by_servers");
    let names: Vec<&str> = faults.iter().filter_map(|f| f["fault"].as_str()).collect();
    let expected = [
        "port over 65535",
        "two unnamed ports in a Service",
        "bad quantity",
        "bad name",
        "label with / twice",
        "label over 63 characters",
        "selector unlike the template's labels",
        "mount without a volume",
        "request over limit",
        "GPU request unlike its limit",
        "HTTPRoute backend without a port",
        "path without a leading / in a probe",
        "path without a leading / in an HTTPRoute",
        "KEDA minimum over maximum",
        "duplicate env name",
        "Service name that begins with a digit",
        "bad Service enum",
    ];
    assert_eq!(names, expected);
}

#[test]
fn each_fault_has_exactly_its_code_in_its_file() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut shown = String::new();
    for fault in [faults("refused_by_servers"), faults("more")].concat() {
        let (name, code) = (fault["fault"].as_str().expect("a name"), fault["code"].as_str().expect("a code"));
        let found = check(&broken(&fault));
        seen.insert(code.to_owned());
        if found.is_empty() || found.iter().any(|d| d.rule.code != code) {
            let found: Vec<String> = found.iter().map(|d| format!("{} {}", d.rule.code, d.message)).collect();
            wrong.push(format!("{name}: wanted {code}, found {found:#?}"));
        }
        for finding in found {
            shown.push_str(&format!("{name}\n    {code} {}\n", finding.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../../../tests/objects" }, {
        insta::assert_snapshot!("messages", shown);
    });
    // These need more than an edit; each has its own test below.
    seen.extend(["LLMC-K113", "LLMC-K114", "LLMC-K118"].map(str::to_owned));
    assert_eq!(seen, RULES.iter().map(|r| r.code.to_owned()).collect::<BTreeSet<_>>(), "a rule without a fault");
}

#[test]
fn sizes_are_held_against_the_limits_of_a_cluster() {
    let config_map = |bytes: usize| {
        let mut objects = good();
        edit(&mut objects[2].1, "/data/long", &"x".repeat(bytes - 14 - 4).into());
        codes(&objects)
    };
    assert_eq!(config_map(1024 * 1024), BTreeSet::new());
    assert_eq!(config_map(1024 * 1024 + 1), BTreeSet::from(["LLMC-K113"]));

    let annotation = |bytes: usize| {
        let mut objects = good();
        edit(&mut objects[0].1, "/metadata/annotations", &json!({ "a": "x".repeat(bytes - 1) }));
        codes(&objects)
    };
    assert_eq!(annotation(256 * 1024), BTreeSet::new());
    assert_eq!(annotation(256 * 1024 + 1), BTreeSet::from(["LLMC-K113"]));

    let mut objects = good();
    let rule = json!({ "name": "long", "rules": [{ "record": "a", "expr": "x".repeat(1_600_000) }] });
    edit(&mut objects[10].1, "/spec/groups/-", &rule);
    assert_eq!(codes(&objects), BTreeSet::from(["LLMC-K113"]));
}

#[test]
fn an_object_is_made_once() {
    let mut objects = good();
    objects.push(("other.yaml".into(), objects[2].1.clone()));
    let found = check(&objects);
    assert_eq!(found.iter().map(|d| d.rule.code).collect::<Vec<_>>(), ["LLMC-K114"]);
    assert_eq!(found[0].message, "ConfigMap `demo-chat-template` is made twice");
    edit(&mut objects[11].1, "/metadata/namespace", &"other".into());
    assert_eq!(codes(&objects), BTreeSet::new(), "another namespace is another object");
}

#[test]
fn no_two_objects_claim_the_same_pods() {
    for (index, what) in [(3, "Deployment"), (5, "PodDisruptionBudget"), (8, "ScaledObject")] {
        let mut objects = good();
        let mut twin = objects[index].1.clone();
        assert_eq!(twin["kind"], what);
        edit(&mut twin, "/metadata/name", &"twin".into());
        objects.push(("twin.yaml".into(), twin));
        assert_eq!(codes(&objects), BTreeSet::from(["LLMC-K118"]), "{what}");
    }
    // A Deployment of other pods beside the first is what every stack has.
    let mut objects = good();
    let mut other = objects[3].1.clone();
    edit(&mut other, "/metadata/name", &"other".into());
    for labels in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        edit(&mut other, &format!("{labels}/app.kubernetes.io~1name"), &"other".into());
    }
    objects.push(("other.yaml".into(), other));
    assert_eq!(codes(&objects), BTreeSet::new());
}

/// A StatefulSet brings its own claims, and everything else holds for its pods too.
#[test]
fn a_stateful_set_is_a_workload() {
    let mut objects = good();
    let set = &mut objects[3].1;
    edit(set, "/kind", &"StatefulSet".into());
    edit(set, "/spec/strategy", &Value::Null);
    edit(set, "/spec/progressDeadlineSeconds", &Value::Null);
    edit(set, "/spec/serviceName", &"demo-llama".into());
    edit(set, "/spec/template/spec/volumes/0", &json!({ "name": "scratch", "emptyDir": {} }));
    let claim = json!({ "metadata": { "name": "cache" }, "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    edit(set, "/spec/volumeClaimTemplates", &json!([claim]));
    edit(&mut objects[8].1, "/spec/scaleTargetRef/kind", &"StatefulSet".into());
    assert_eq!(codes(&objects), BTreeSet::new());

    edit(&mut objects[3].1, "/spec/volumeClaimTemplates/0/spec/resources/requests/storage", &"1GB".into());
    edit(&mut objects[3].1, "/spec/volumeClaimTemplates/0/metadata/name", &"other".into());
    edit(&mut objects[3].1, "/spec/serviceName", &"other".into());
    assert_eq!(codes(&objects), BTreeSet::from(["LLMC-K103", "LLMC-K107", "LLMC-K117"]));
}

/// Numbers and texts stand where either may, and a hostile text stays on one line.
#[test]
fn messages_are_one_line_and_short() {
    let mut objects = good();
    edit(&mut objects[4].1, "/metadata/name", &format!("a\n\u{202e}{}", "b".repeat(10_000)).into());
    edit(&mut objects[4].1, "/spec/selector/k\n", &"v\n".into());
    let found = check(&objects);
    assert!(found.len() >= 3, "{found:?}");
    for finding in found {
        assert!(!finding.message.contains(['\n', '\u{202e}']) && finding.message.len() < 500, "{}", finding.message);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[-0-9.]{0,30}[kMGi%]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof!["\\PC{0,6}", "metadata|labels|name|ports|matchLabels|matchExpressions|requests|limits|containers"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Pointers to every value of an object.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| pointers(v, &format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| pointers(v, &format!("{at}/{i}"), out)),
        _ => {}
    }
}

proptest! {
    /// Any value in any place of any known kind is judged, never a panic, and twice alike.
    #[test]
    fn never_panics(object in 0_usize..11, place in any::<prop::sample::Index>(), value in any_json()) {
        let mut objects = good();
        let mut all = Vec::new();
        pointers(&objects[object].1, "", &mut all);
        if let Some(target) = objects[object].1.pointer_mut(&all[place.index(all.len())]) {
            *target = value;
        }
        let messages = |objects: &[(String, Value)]| check(objects).into_iter().map(|d| d.message).collect::<Vec<_>>();
        prop_assert_eq!(messages(&objects), messages(&objects));
    }
}
