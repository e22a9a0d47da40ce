//! The data about vLLM's releases against the parsers of those releases, and against itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::harness::{judge, root};

/// Releases whose parsers are asked: the oldest kind of parser, the newest, and between.
fn versions() -> Vec<String> {
    let text = fs::read_to_string(root().join("tests/judges/releases/versions")).expect("the releases of the judge");
    let versions: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(versions.len() >= 5, "{versions:?}");
    versions
}

/// A release for comparing: vLLM's have up to four numbers.
fn number(version: &str) -> Vec<u64> {
    let mut number: Vec<u64> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    number.resize(4, 0);
    number
}

/// A row of `flags.tsv` that holds for `version`, by name: everything between the name and `since`.
fn data(table: &str, version: &str) -> BTreeMap<String, Vec<String>> {
    let rows = table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    let holds = |row: &Vec<String>| {
        let [.., since, until] = row.as_slice() else { panic!("{row:?}") };
        number(since) <= number(version) && (until.is_empty() || number(version) < number(until))
    };
    rows.filter(holds).map(|row| (row[0].clone(), row[1..row.len() - 2].to_vec())).collect()
}

fn table() -> String {
    fs::read_to_string(root().join("src/engine/vllm/data/flags.tsv")).expect("the table")
}

/// The options of a release's own parser, by their main name.
fn real(version: &str) -> BTreeMap<String, Value> {
    let run = judge("releases", &[version], "");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let options: Vec<Value> = serde_json::from_str(&run.stdout).expect("a list of options");
    let name = |option: &Value| {
        let flags = option["flags"].as_array().expect("names").iter().map(|f| f.as_str().expect("a name"));
        flags.clone().find(|f| f.starts_with("--")).expect("a long name").to_owned()
    };
    options.into_iter().map(|option| (name(&option), option)).collect()
}

/// What the parser's action is in the words of the data.
fn kind(option: &Value) -> String {
    match (option["kind"].as_str().expect("a kind"), &option["nargs"]) {
        ("_StoreTrueAction" | "_StoreFalseAction", _) => "switch".into(),
        ("BooleanOptionalAction", _) => "pair".into(),
        ("EnableDisableAction", _) if has_opposite(option) => "opposites".into(),
        ("EnableDisableAction", _) => "pair".into(),
        ("_AppendAction", _) => "repeated".into(),
        (_, Value::Null) => "value".into(),
        (_, Value::String(s)) if s == "?" => "optional".into(),
        (_, Value::String(_)) => "list".into(),
        (_, other) => panic!("{other}: {option}"),
    }
}

fn has_opposite(option: &Value) -> bool {
    let starts = |f: &Value, with: &str| f.as_str().is_some_and(|f| f.starts_with(with));
    let flags = option["flags"].as_array().expect("names");
    flags.iter().any(|f| starts(f, "--enable-")) && flags.iter().any(|f| starts(f, "--disable-"))
}

/// Names that mean the same as the main one; the other sides are no such names.
fn aliases(name: &str, option: &Value) -> BTreeSet<String> {
    let flags = option["flags"].as_array().expect("names").iter().map(|f| f.as_str().expect("a name").to_owned());
    let pair = ["pair", "opposites"].contains(&kind(option).as_str());
    flags.filter(|f| f != name && !(pair && f.starts_with("--"))).collect()
}

fn words(cell: &str) -> BTreeSet<String> {
    cell.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn choices(option: &Value) -> BTreeSet<String> {
    let shown = |choice: &Value| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned);
    let all = option["choices"].as_array().into_iter().flatten().map(shown);
    // `None` is a missing value, and a word with a comma is two of the others.
    all.filter(|word| !["null", "None"].contains(&word.as_str()) && !word.contains(',')).collect()
}

/// A default as the data writes it; `None` where it is no plain value.
fn default(option: &Value) -> Option<String> {
    match &option["default"] {
        Value::Null => Some(String::new()),
        Value::String(text) if text.is_empty() => Some("\"\"".into()),
        Value::String(text) => Some(text.clone()),
        Value::Object(other) if other.contains_key("other") => (other["other"] == "SUPPRESS").then(|| "-".into()),
        plain => Some(plain.to_string()),
    }
}

/// What the data and a parser disagree on.
fn differences(table: &str, version: &str, real: &BTreeMap<String, Value>) -> Vec<String> {
    let data = data(table, version);
    let mut wrong = Vec::new();
    let mut say = |name: &str, what: &str, data: &dyn std::fmt::Debug, real: &dyn std::fmt::Debug| {
        wrong.push(format!("{version} {name}: {what} is {real:?}, the data says {data:?}"));
    };
    for name in data.keys().filter(|name| !real.contains_key(*name)) {
        say(name, "its place", &"an option", &"missing");
    }
    for (name, option) in real {
        let Some(row) = data.get(name) else {
            say(name, "its place", &"missing", &"an option");
            continue;
        };
        let [short, of_kind, _type, of_choices, of_default, _deprecated] = row.as_slice() else { panic!("{row:?}") };
        if *of_kind != kind(option) {
            say(name, "the kind", of_kind, &kind(option));
        }
        if words(short) != aliases(name, option) {
            say(name, "the short form", short, &aliases(name, option));
        }
        // 0.8.5 takes one of two lists, whichever its set yields first; the data has the longer.
        let either = version == "0.8.5" && name == "--guided-decoding-backend" && choices(option).is_subset(&words(of_choices));
        if words(of_choices) != choices(option) && !either {
            say(name, "the list of choices", of_choices, &choices(option));
        }
        match default(option) {
            Some(default) if default != *of_default && of_default != "?" => say(name, "the default", of_default, &default),
            _ => {}
        }
        // A number that the parser reads as a number must be one in the data.
        if let (Some("int" | "float"), true) = (option["type"].as_str(), ["str", "json"].contains(&row[2].as_str())) {
            say(name, "the type", &row[2], &option["type"]);
        }
    }
    wrong
}

/// Whether the row that begins with `from` holds for `version`.
fn differs(table: &str, from: &str, version: &str) -> bool {
    let rows: String = table.lines().filter(|line| line.starts_with(from)).map(|line| format!("{line}\n")).collect();
    !data(&rows, version).is_empty()
}

#[test]
fn the_data_is_what_the_releases_parse() {
    let table = table();
    let mut parsers = BTreeMap::new();
    for version in versions() {
        let real = real(&version);
        assert!(real.len() > 100, "{version}: {} options", real.len());
        let wrong = differences(&table, &version, &real);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        parsers.insert(version, real);
    }
    // Each kind of mistake is one that this test notices.
    for (from, to, names) in [
        ("--async-scheduling\t\tpair", "--async-schedulings\t\tpair", "--async-schedulings"),
        ("--seed\t\tvalue\tint\t\t0\t", "--seed\t\tvalue\tint\t\t1\t", "the default"),
        ("--quantization\t-q\t", "--quantization\t-k\t", "the short form"),
        ("--scheduling-policy\t\tvalue\tstr\tfcfs,priority", "--scheduling-policy\t\tvalue\tstr\tfcfs", "the list of choices"),
        ("--enforce-eager\t\tpair", "--enforce-eager\t\tswitch", "the kind"),
        ("--swap-space\t\tvalue\tfloat", "--swap-space\t\tvalue\tstr", "the type"),
    ] {
        assert!(table.contains(from), "{from}");
        let (version, real) = parsers.iter().find(|(version, _)| differs(&table, from, version)).expect("a parser that has it");
        let wrong = differences(&table.replace(from, to), version, real);
        assert!(wrong.iter().any(|line| line.contains(names)), "{to}: {wrong:?}");
    }
}

#[test]
fn a_release_that_is_not_installed_is_no_answer() {
    let failed = std::panic::catch_unwind(|| judge("releases", &["0.1.0"], ""));
    assert!(failed.is_err(), "the judge answered for a release that it does not have");
}
