//! Sizes of objects and of parts of them.

use super::node::Node;
use super::set::Set;
use crate::diagnostic::{Diagnostic, Rule, Severity};

pub(super) static OBJECT_TOO_LARGE: Rule = Rule {
    code: "LLMC-K113",
    name: "object-too-large",
    severity: Severity::Error,
    docs: "An object is larger than a cluster stores: 1.5 MiB for any object, 1 MiB of data in a ConfigMap, 256 KiB of \
           annotations. An API server answers `Too long: may not be more than 1048576 bytes`, and etcd `request is \
           too large`; schemas count nothing.\n\n\
           Prompts and instructions grow with what is written, the dashboard and the rules with the models of a \
           stack, of which about 70 fit: shorten the texts, or make two stacks of one.",
};

/// Most bytes of an object: etcd's default `--max-request-bytes`. The object's JSON stands for
/// what is stored, which is about as long.
const MOST_OBJECT_BYTES: usize = 1_536 * 1024;
/// Most bytes of all values of a ConfigMap.
const MOST_CONFIG_MAP_BYTES: usize = 1024 * 1024;
/// Most bytes of all annotations, keys and values.
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

pub(super) fn check(set: &Set<'_>, out: &mut Vec<Diagnostic>) {
    for object in set.objects {
        let root = object.root();
        limit(&root, "its JSON", object.value.to_string().len(), MOST_OBJECT_BYTES, out);
        for metadata in ["metadata", "spec.template.metadata"].iter().filter_map(|path| root.at(path)) {
            if let Some(annotations) = metadata.get("annotations") {
                let length = |(key, node): &(&str, Node<'_>)| key.len() + bytes(node);
                limit(&annotations, "its keys and values", annotations.entries().iter().map(length).sum(), MOST_ANNOTATION_BYTES, out);
            }
        }
    }
    for config_map in set.of_kind("ConfigMap") {
        let root = config_map.root();
        let text: usize = root.each("data{}").iter().map(bytes).sum();
        // Three bytes are four characters of base64.
        let binary: usize = root.each("binaryData{}").iter().map(|node| bytes(node) / 4 * 3).sum();
        limit(&root, "its data", text + binary, MOST_CONFIG_MAP_BYTES, out);
    }
}

fn bytes(node: &Node<'_>) -> usize {
    node.value.as_str().map_or(0, str::len)
}

fn limit(node: &Node<'_>, what: &str, length: usize, most: usize, out: &mut Vec<Diagnostic>) {
    if length > most {
        out.push(
            node.finding(&OBJECT_TOO_LARGE, format!("is too large: {what} are {length} bytes, and may be {most}"))
                .help("shorten the texts in it, or split the stack: rules and dashboard grow with its models, flags with audiences"),
        );
    }
}
