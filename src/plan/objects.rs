//! The Kubernetes objects of a tree, and which old one became which new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use serde_saphyr::DuplicateKeyPolicy;

use super::renames::Renames;
use crate::emit::{KUSTOMIZATION_FILE, MANIFEST_FILE, Tree};

/// Longest YAML file that is read, in bytes: an object may not be larger than 3 MiB in etcd's
/// request, and a rule file is not much longer.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Most nodes of one YAML file, aliases expanded.
const MAX_NODES: usize = 200_000;
/// Deepest nesting of one YAML file.
const MAX_DEPTH: usize = 48;
/// Most objects of one tree.
const MAX_OBJECTS: usize = 20_000;

/// A Kubernetes object in a file of a tree.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Its file.
    pub(super) path: String,
    /// `apiVersion`.
    pub(super) api_version: String,
    /// `kind`.
    pub(super) kind: String,
    /// `metadata.namespace`.
    pub(super) namespace: Option<String>,
    /// `metadata.name`.
    pub(super) name: String,
    /// All of it.
    pub(super) value: Value,
}

impl Object {
    /// An object as [`Object::value`] holds it, or `None` where something is no object.
    pub(super) fn of(path: &str, value: Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self {
            path: path.to_owned(),
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
            value,
        })
    }

    /// The group of its `apiVersion`; empty for the core group.
    pub(super) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// A label of its metadata.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.value.pointer("/metadata/labels")?.get(name)?.as_str()
    }

    /// `namespace/name`.
    pub(super) fn full_name(&self) -> String {
        self.namespace.iter().chain([&self.name]).cloned().collect::<Vec<_>>().join("/")
    }

    fn identity(&self) -> (&str, &str, Option<&str>, &str) {
        (self.group(), &self.kind, self.namespace.as_deref(), &self.name)
    }
}

/// What a tree deploys.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Its objects, in the order of their files.
    pub(super) list: Vec<Object>,
    /// Files that should hold an object and cannot be read as one, sorted.
    pub(super) unreadable: BTreeSet<String>,
}

/// The objects of `tree`. A file that stands in `other` with the same bytes is read only when it is
/// a workload, since nothing but a workload takes part in the change of another object.
pub(super) fn read(tree: &Tree, other: &Tree) -> Objects {
    let mut objects = Objects::default();
    // A folder that nothing was compiled into deploys nothing.
    if ![KUSTOMIZATION_FILE, MANIFEST_FILE].iter().any(|file| tree.files.contains_key(*file)) {
        return objects;
    }
    // What still lies there is most likely deployed, so it does not count as new.
    let listed = resources(tree).unwrap_or_else(|| {
        objects.unreadable.insert(KUSTOMIZATION_FILE.to_owned());
        resources(other).unwrap_or_default().into_iter().filter(|path| tree.files.contains_key(path)).collect()
    });
    for path in listed {
        let same = tree.files.contains_key(&path) && tree.files.get(&path) == other.files.get(&path);
        if same && !tree.text(&path).is_some_and(is_workload) {
            continue;
        }
        let read = tree.text(&path).and_then(documents).map(|documents| {
            let count = documents.len();
            let read: Vec<Object> = documents.into_iter().filter_map(|value| Object::of(&path, value)).collect();
            (count == read.len(), read)
        });
        match read {
            Some((true, read)) if !read.is_empty() && objects.list.len() + read.len() <= MAX_OBJECTS => objects.list.extend(read),
            _ => drop(objects.unreadable.insert(path)),
        }
    }
    objects
}

/// The files that `tree` deploys.
fn resources(tree: &Tree) -> Option<BTreeSet<String>> {
    let list = yaml(tree.text(KUSTOMIZATION_FILE)?)?;
    let resources = list.get("resources")?.as_array()?;
    Some(resources.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect())
}

/// The Kubernetes objects that `tree` deploys, in the order of their files.
///
/// # Errors
/// The files that should hold an object and cannot be read as one.
pub fn deployed(tree: &Tree) -> Result<Vec<Value>, Vec<String>> {
    let objects = read(tree, &Tree::default());
    if objects.unreadable.is_empty() {
        Ok(objects.list.into_iter().map(|object| object.value).collect())
    } else {
        Err(objects.unreadable.into_iter().collect())
    }
}

fn is_workload(text: &str) -> bool {
    ["kind: Deployment", "kind: ScaledObject", "kind: PersistentVolumeClaim"].iter().any(|kind| text.contains(kind))
}

/// The one YAML document in `text`, or `None` where it is too large, too deep or none.
pub(super) fn yaml(text: &str) -> Option<Value> {
    let mut documents = documents(text)?;
    documents.pop().filter(|_| documents.is_empty())
}

fn documents(text: &str) -> Option<Vec<Value>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 4,
            max_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).ok()
}

/// An old object and what it becomes; one of the two is missing for a creation or a deletion.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) old: Option<&'a Object>,
    pub(super) new: Option<&'a Object>,
}

/// Every object of both trees, the old with the new: by group, kind, namespace and name, and else
/// by kind and file, with the folders of renamed blocks read as their new ones.
pub(super) fn pair<'a>(old: &'a Objects, new: &'a Objects, renames: &Renames) -> Vec<Pair<'a>> {
    let mut by_identity: BTreeMap<_, &Object> = BTreeMap::new();
    for object in &old.list {
        by_identity.entry(object.identity()).or_insert(object);
    }
    let mut pairs = Vec::new();
    let mut left: Vec<&Object> = Vec::new();
    for object in &new.list {
        match by_identity.remove(&object.identity()) {
            Some(before) => pairs.push(Pair { old: Some(before), new: Some(object) }),
            None => left.push(object),
        }
    }
    let mut by_file: BTreeMap<(String, &str, &str), Vec<&Object>> = BTreeMap::new();
    for object in by_identity.into_values() {
        by_file.entry((renames.path(&object.path), object.group(), &object.kind)).or_default().push(object);
    }
    for object in left {
        let candidates = by_file.get_mut(&(object.path.clone(), object.group(), object.kind.as_str()));
        // Two objects of a kind in one file are a hand's work; which became which is not known.
        let before = candidates.filter(|candidates| candidates.len() == 1).and_then(Vec::pop);
        pairs.push(Pair { old: before, new: Some(object) });
    }
    pairs.extend(by_file.into_values().flatten().map(|object| Pair { old: Some(object), new: None }));
    let key = |pair: &Pair<'a>| pair.new.or(pair.old).map(|object| (object.path.as_str(), object.identity()));
    pairs.sort_by(|a, b| key(a).cmp(&key(b)));
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{pair, read, yaml};
    use crate::emit::Tree;
    use crate::plan::renames::Renames;

    pub(in crate::plan) fn tree(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect() }
    }

    const LIST: &str = "resources: [a.yaml, b.yaml]";

    fn object(kind: &str, namespace: &str, name: &str) -> String {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{ namespace: {namespace}, name: {name} }}\n")
    }

    #[test]
    fn identity_comes_before_the_file() {
        let (x, y) = (object("Service", "n", "x"), object("Service", "n", "y"));
        let old = tree(&[("kustomization.yaml", LIST), ("a.yaml", &x), ("b.yaml", &y)]);
        let new = tree(&[("kustomization.yaml", LIST), ("a.yaml", &y), ("b.yaml", &object("Service", "m", "x"))]);
        let (old, new) = (read(&old, &new), read(&new, &old));
        let pairs = pair(&old, &new, &Renames::default());
        let shown: Vec<_> = pairs.iter().map(|p| (p.old.map(|o| o.full_name()), p.new.map(|o| o.full_name()))).collect();
        let name = |text: &str| Some(text.to_owned());
        // `n/x` stood in a file that is taken by `n/y` now, so nothing says that it became `m/x`.
        assert_eq!(shown, [(name("n/x"), None), (name("n/y"), name("n/y")), (None, name("m/x"))]);
    }

    #[test]
    fn an_object_of_another_name_in_its_file_is_a_rename() {
        let old = tree(&[("kustomization.yaml", LIST), ("a.yaml", &object("Service", "n", "x")), ("b.yaml", &object("Secret", "n", "s"))]);
        let new =
            tree(&[("kustomization.yaml", LIST), ("a.yaml", &object("Service", "m", "z")), ("b.yaml", &object("ConfigMap", "n", "s"))]);
        let (old, new) = (read(&old, &new), read(&new, &old));
        let pairs = pair(&old, &new, &Renames::default());
        let shown: Vec<_> = pairs.iter().map(|p| (p.old.is_some(), p.new.is_some())).collect();
        assert_eq!(shown, [(true, true), (false, true), (true, false)], "another kind is another object");
    }

    #[test]
    fn a_lost_list_makes_nothing_new() {
        let service = object("Service", "n", "x");
        let new = tree(&[("kustomization.yaml", LIST), ("a.yaml", &service), ("b.yaml", &object("Secret", "n", "s"))]);
        for list in [None, Some("{")] {
            let mut files = vec![("llmc.json", "{}"), ("a.yaml", service.as_str())];
            files.extend(list.map(|list| ("kustomization.yaml", list)));
            let old = super::read(&tree(&files), &Tree::default());
            assert!(old.list.is_empty(), "nothing says which of its files are deployed");
            let old = super::read(&tree(&[files.as_slice(), &[("a.yaml", &object("Service", "n", "y"))]].concat()), &new);
            assert_eq!(old.list.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["y"]);
            assert_eq!(old.unreadable.iter().collect::<Vec<_>>(), ["kustomization.yaml"]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        for bad in ["", "{", "kind: Service", "- 1", "a: 1\na: 2", "\u{0}", &deep, bomb, "apiVersion: v1\nkind: 3\nmetadata: {name: x}"] {
            let objects = read(&tree(&[("kustomization.yaml", "resources: [a.yaml]"), ("a.yaml", bad)]), &Tree::default());
            assert!(objects.list.is_empty() && objects.unreadable.contains("a.yaml"), "{bad}");
        }
        let missing = read(&tree(&[("kustomization.yaml", "resources: [../a.yaml]")]), &Tree::default());
        assert!(missing.unreadable.contains("../a.yaml"));
        let none = read(&Tree { files: BTreeMap::from([("kustomization.yaml".into(), vec![0xff])]) }, &Tree::default());
        assert!(none.unreadable.contains("kustomization.yaml"));
        assert!(read(&tree(&[("llmc.json", "{}")]), &Tree::default()).unreadable.contains("kustomization.yaml"));
        assert!(read(&tree(&[("README.md", "hello")]), &Tree::default()).unreadable.is_empty());
        assert_eq!(yaml("a: 1\n---\nb: 2\n"), None);
    }
}
