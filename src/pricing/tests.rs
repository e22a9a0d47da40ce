use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::cause::{Causes, Difference, find};
use super::{Base, Folder, Spec, change, read};
use crate::cost::Monthly;

/// A cost that is the same whatever happens.
fn fixed(amount: i64) -> Monthly {
    let amount = Decimal::from(amount);
    Monthly { minimum: amount, expected: amount, maximum: amount }
}

/// Copies times the price of each pool, and no price at all of fewer than no copies.
fn price(spec: &Value) -> Option<Monthly> {
    let pools = spec["pool"].as_object()?;
    let mut sum = 0;
    for pool in pools.values() {
        let copies = pool["nodes"].as_i64()?;
        sum += copies * pool["price"].as_i64()?;
        if copies < 0 {
            return None;
        }
    }
    Some(fixed(sum))
}

fn causes(old: &Value, new: &Value) -> Causes {
    let (before, after) = (price(old).expect("a price"), price(new).expect("a price"));
    let difference = Difference::between(&before, &after).expect("a difference");
    find((old, &before), (new, &after), difference, &price).expect("no overflow")
}

/// Route and expected amount of each cause, and the amount and routes of what is together.
type Told<'a> = (Vec<(&'a str, &'a str)>, Option<(&'a str, Vec<&'a str>)>);

fn told(causes: &Causes) -> Told<'_> {
    let together = causes.together.as_ref().map(|t| (t.change.expected.as_str(), t.routes.iter().map(String::as_str).collect()));
    (causes.causes.iter().map(|cause| (cause.route.as_str(), cause.change.expected.as_str())).collect(), together)
}

fn pools(a: [i64; 2], b: [i64; 2]) -> Value {
    json!({ "pool": { "a": { "nodes": a[0], "price": a[1] }, "b": { "nodes": b[0], "price": b[1] } } })
}

#[test]
fn lines_that_do_not_meet_are_causes_the_largest_first() {
    let found = causes(&pools([1, 10], [1, 7]), &pools([2, 10], [1, 4]));
    assert_eq!(told(&found), (vec![("/pool/a/nodes", "10.00"), ("/pool/b/price", "-3.00")], None));
    assert_eq!((found.causes[0].old.as_deref(), found.causes[0].new.as_deref()), (Some("1"), Some("2")));
}

#[test]
fn lines_that_meet_are_together_and_leave_the_others_alone() {
    let found = causes(&pools([1, 10], [1, 7]), &pools([2, 30], [3, 7]));
    assert_eq!(told(&found), (vec![("/pool/b/nodes", "14.00")], Some(("50.00", vec!["/pool/a/nodes", "/pool/a/price"]))));
}

#[test]
fn a_block_is_a_line_and_a_line_that_changes_nothing_is_none() {
    let old = json!({ "pool": { "a": { "nodes": 1, "price": 10, "note": 1 } } });
    let new = json!({ "pool": { "a": { "nodes": 1, "price": 10, "note": 2 }, "b": { "nodes": 2, "price": 7 } } });
    let found = causes(&old, &new);
    assert_eq!(told(&found), (vec![("/pool/b", "14.00")], None));
    assert_eq!((found.causes[0].old.as_deref(), found.causes[0].new.as_deref()), (None, Some("a block")));
    assert_eq!(causes(&old, &old), Causes::default());
}

#[test]
fn what_is_not_tried_is_counted_and_named() {
    let of = |nodes: i64| {
        let pools = (0..60).map(|at| (format!("p{at:02}"), json!({ "nodes": nodes, "price": 1 }))).collect();
        json!({ "pool": Value::Object(pools) })
    };
    let found = causes(&of(1), &of(2));
    assert_eq!((found.untried, found.causes.len()), (10, 50));
    let together = found.together.expect("ten more lines");
    assert_eq!((together.change.expected.as_str(), together.routes.len(), together.more), ("10.00", 10, 0));
}

/// A stack of one model on one GPU of 2 USD.
fn record(edit: impl FnOnce(&mut Value)) -> Value {
    let mut record = json!({
        "stack": "s", "namespace": "n",
        "pool": { "a": { "gpu": "a100-80gb-sxm", "nodes": 1, "gpus-per-node": 8, "price-per-gpu-hour": 2 } },
        "model": { "m": {
            "source": { "repository": "meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659" },
            "engine": { "name": "vllm", "version": "0.32.0" },
            "place": { "pool": "a" }, "serve": { "max-model-len": 8192, "max-num-seqs": 64 }, "replicas": { "min": 2, "max": 3 },
        } },
        "prompt": { "p": { "version": { "v": { "user": { "file": "gone.md" }, "sampling": { "temperature": 0.2, "max-tokens": 100 } } }, "live": "v" } },
        "route": { "r": { "prompt": "p", "model": "m" } },
        "budget": { "monthly": 5000, "currency": "USD" },
    });
    edit(&mut record);
    record
}

fn spec(record: &Value) -> Spec {
    read(record).expect("a spec").0
}

#[test]
fn a_line_of_a_spec_is_named_with_its_amount() {
    let (old, new) = (record(|_| {}), record(|record| record["model"]["m"]["replicas"]["max"] = json!(5)));
    let found = change(Base::Record(&old), Some((&spec(&new), &Folder::in_memory([])))).expect("a cost");
    assert_eq!(found.causes.len(), 1, "{found:?}");
    assert_eq!(found.causes[0].route, "/model/m/replicas/max");
    // Two more GPUs of 2 USD for 730 hours; four rollouts, each with one GPU more for two more starts of
    // 758 s (4 × 2 × 758 / 3600 × 2 = 3.37); and nothing before they run.
    assert_eq!((found.causes[0].change.max.as_str(), found.causes[0].change.min.as_str()), ("2923.37", "0.00"));
    assert_eq!(found.change.as_ref(), Some(&found.causes[0].change));
    assert_eq!((found.together, found.notes.len()), (None, 0), "a prompt that is gone hides nothing");
}

#[test]
fn what_cannot_be_priced_is_unknown_and_says_why() {
    let good = record(|_| {});
    let new = spec(&good);
    let folder = Folder::in_memory([]);
    let cases: [(Base<'_>, &str); 5] = [
        (Base::Unreadable, "no record (`stack.json`)"),
        (Base::Record(&json!({ "stack": 7 })), "no spec of this version"),
        (Base::Record(&record(|r| r["pool"]["a"]["gpu"] = json!("no-such-gpu"))), "cannot be resolved"),
        (Base::Record(&record(|r| r["budget"]["currency"] = json!("EUR"))), "prices are in EUR and not in USD"),
        (Base::Record(&record(|r| r["model"]["m"]["replicas"]["min"] = json!(9))), "maximum below its minimum"),
    ];
    for (base, why) in cases {
        let found = change(base, Some((&new, &folder))).expect("a cost");
        assert_eq!((&found.monthly_expected[0], &found.change), (&None, &None), "{why}");
        assert!(found.monthly_expected[1].is_some() && found.causes.is_empty() && found.notes.len() == 1, "{why}: {found:?}");
        assert!(found.notes[0].contains(why), "{:?} lacks `{why}`", found.notes);
    }
    let found = change(Base::Absent, Some((&new, &folder))).expect("a cost");
    assert_eq!((found.monthly_min[0].as_ref(), found.notes.len()), (None, 0), "nothing stood, which is known");
    assert_eq!(found.change.map(|change| Some(change.max)), Some(found.monthly_max[1].clone()));
}

#[test]
fn a_list_that_is_gone_is_replaced_by_that_of_the_new_spec() {
    let listed = |name: &str| {
        record(|record| {
            record["pool"]["a"].as_object_mut().expect("a block").shift_remove("price-per-gpu-hour");
            record["prices"] = json!({ "file": name });
        })
    };
    let list = "gpu:\n  a100-80gb-sxm:\n    on-demand: 3\n    date: \"2026-11-01\"\n    source: the contract\n";
    let folder = Folder::in_memory([("new.yaml".to_owned(), list.to_owned())]);
    let found = change(Base::Record(&listed("old.yaml")), Some((&spec(&listed("new.yaml")), &folder))).expect("a cost");
    assert_eq!(found.monthly_max[0], found.monthly_max[1], "another list is no change of the stack");
    assert!(found.causes.is_empty() && found.notes[0].contains("`old.yaml` is gone"), "{found:?}");
}
