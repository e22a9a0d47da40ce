//! What Kubernetes' own schemas say of the faults that the compiler looks for in its objects.

#[path = "../objects/faults.rs"]
mod faults;

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Run, judge};
use faults::{broken, edit, faults, good};

/// The judge's verdict on each set of objects, which become one file each.
fn verdicts(folder: &Path, sets: &[Vec<(String, Value)>]) -> (Run, Vec<bool>) {
    let files: Vec<String> = (0..sets.len()).map(|number| folder.join(format!("{number:03}.yaml")).display().to_string()).collect();
    for (file, set) in files.iter().zip(sets) {
        let documents: Vec<String> = set.iter().map(|(_, object)| format!("---\n{object}\n")).collect();
        std::fs::write(file, documents.concat()).expect("a file");
    }
    let run = judge("kubernetes", &files.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let accepted = files.iter().map(|file| !run.stdout.lines().any(|line| line.starts_with(file.as_str()))).collect();
    (run, accepted)
}

#[test]
fn the_good_set_is_good_for_the_schemas_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (run, _) = verdicts(folder.path(), &[good()]);
    assert_eq!(run.code, 0, "{}", run.stdout);

    let mut set = good();
    edit(&mut set[3].1, "/spec/replica", &json!(2));
    let (run, accepted) = verdicts(folder.path(), &[set]);
    assert_eq!((run.code, accepted), (1, vec![false]), "an unknown field must be refused: {}", run.stdout);
}

/// The reason for `src/emit/objects`: schemas pass nearly all that a server refuses. A fault that
/// newer schemas learn to see shows up here.
#[test]
fn schemas_miss_what_servers_refuse() {
    let folder = tempfile::tempdir().expect("a folder");
    let faults = faults("refused_by_servers");
    let sets: Vec<_> = faults.iter().map(broken).collect();
    let (run, accepted) = verdicts(folder.path(), &sets);
    let caught: Vec<&str> = faults.iter().zip(&accepted).filter(|(_, ok)| !**ok).filter_map(|(fault, _)| fault["fault"].as_str()).collect();
    assert_eq!(caught, Vec::<&str>::new(), "{}", run.stdout);
    assert_eq!(accepted.iter().filter(|ok| **ok).count(), 17);
}
