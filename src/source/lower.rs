//! A KDL document to the tree that the schema describes.
//!
//! The schema decides how a node is read, so no block has a decoder of its own:
//! * at a map, the first argument is the key (`pool "a100" { … }`), or, without one, the children
//!   are the entries (`node-selector { "a" "b" }`);
//! * at an object, properties and children are fields, and an argument fills the field that the
//!   schema names in `x-argument`;
//! * at a list, arguments, `-` children and repeated nodes are the items;
//! * at a scalar, the one argument is the value; a flag without an argument is true.

use std::ops::Range;

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use serde_json::{Map, Number, Value};

use super::rules::{DUPLICATE, MISSING_FIELD, NO_STACK, WRONG_TYPE};
use super::shape::{self, Kind};
use super::{Document, Spans};
use crate::diagnostic::{Diagnostic, Place, Route};

/// Lowers `kdl`, whose one node is the root object of `schema`; `None` if that node is missing. Where the
/// schema names no argument for a root node, the nodes themselves are the fields.
pub(super) fn lower(kdl: &KdlDocument, schema: &Value, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let mut lowering = Lowering { schema, document: Document::default(), diagnostics };
    lowering.refuse_annotations(kdl);
    let Some(root_name) = schema.get("x-argument").and_then(Value::as_str) else {
        let mut root = KdlNode::new("list");
        root.set_children(kdl.clone());
        lowering.span(&Route::root(), 0..0, 0..0);
        lowering.document.value = lowering.object(Entries::of(&root), schema, &Route::root());
        return Some(lowering.document);
    };
    let (roots, others): (Vec<_>, Vec<_>) = kdl.nodes().iter().partition(|n| n.name().value() == root_name);
    for node in others {
        let message = format!("`{}` stands outside the `{root_name}` block", node.name().value());
        let finding = lowering.at(&NO_STACK, name_range(node), message);
        lowering.diagnostics.push(finding.help(format!("one file holds one `{root_name} \"name\" {{ … }}`; move this into it")));
    }
    match roots.as_slice() {
        [] => {
            let finding = lowering.at(&NO_STACK, 0..0, format!("the file declares no `{root_name}`"));
            lowering.diagnostics.push(finding.help(format!("write `{root_name} \"name\" {{ … }}`, or start from `llmc init NAME`")));
            return None;
        }
        [root, rest @ ..] => {
            for node in rest {
                let finding = lowering.at(&NO_STACK, name_range(node), format!("a second `{root_name}` in one file"));
                lowering.diagnostics.push(finding.help("give each stack a folder and a file of its own"));
            }
            lowering.span(&Route::root(), name_range(root), name_range(root));
            lowering.document.value = lowering.object(Entries::of(root), schema, &Route::root());
        }
    }
    Some(lowering.document)
}

struct Lowering<'a> {
    schema: &'a Value,
    document: Document,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// What is left of a node once its key is taken.
#[derive(Clone, Copy)]
struct Entries<'k> {
    node: &'k KdlNode,
    /// Arguments before this one are already used.
    from: usize,
}

impl<'k> Entries<'k> {
    fn of(node: &'k KdlNode) -> Self {
        Self { node, from: 0 }
    }

    fn arguments(self) -> impl Iterator<Item = &'k KdlEntry> {
        self.node.entries().iter().filter(|e| e.name().is_none()).skip(self.from)
    }

    fn properties(self) -> impl Iterator<Item = (&'k str, &'k KdlEntry)> {
        self.node.entries().iter().filter_map(|e| e.name().map(|name| (name.value(), e)))
    }

    fn children(self) -> &'k [KdlNode] {
        self.node.children().map(KdlDocument::nodes).unwrap_or_default()
    }
}

/// A field of an object as written: a property, or the nodes of that name.
enum Written<'k> {
    Property(&'k KdlEntry),
    Nodes(Vec<&'k KdlNode>),
}

impl Lowering<'_> {
    fn at(&self, rule: &'static crate::diagnostic::Rule, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(rule, Place::Text { file: String::new(), range }, message)
    }

    fn span(&mut self, route: &Route, key: Range<usize>, value: Range<usize>) {
        self.document.spans.insert(route.clone(), Spans { key, value });
    }

    /// No field reads an annotation such as `(u8)1`, so one would say something that has no effect.
    fn refuse_annotations(&mut self, kdl: &KdlDocument) {
        for node in kdl.nodes() {
            for annotation in node.ty().into_iter().chain(node.entries().iter().filter_map(KdlEntry::ty)) {
                let span = annotation.span();
                let range = span.offset()..span.offset() + span.len();
                let finding = self.at(&WRONG_TYPE, range, format!("the type annotation `({})` has no meaning here", annotation.value()));
                self.diagnostics.push(finding.help("remove it with its parentheses; the field decides the type"));
            }
            node.children().into_iter().for_each(|children| self.refuse_annotations(children));
        }
    }

    fn object(&mut self, entries: Entries<'_>, schema: &Value, route: &Route) -> Value {
        let mut map = Map::new();
        let argument_field = schema.get("x-argument").and_then(Value::as_str);
        for (index, argument) in entries.arguments().enumerate() {
            match argument_field.filter(|_| index == 0) {
                Some(field) => {
                    let below = route.key(field);
                    self.span(&below, entry_range(argument), entry_range(argument));
                    map.insert(field.to_owned(), scalar(argument.value()));
                }
                None => {
                    let name = entries.node.name().value();
                    let message = match entries.from + usize::from(argument_field.is_some()) {
                        0 => format!("`{name}` takes no argument"),
                        1 => format!("`{name}` takes one argument, this is one more"),
                        most => format!("`{name}` takes {most} arguments, this is one more"),
                    };
                    let finding = self.at(&WRONG_TYPE, entry_range(argument), message);
                    let fields = shape::field_names(self.schema, schema).join("`, `");
                    self.diagnostics.push(finding.help(format!("its fields are `{fields}`")));
                }
            }
        }
        for (name, written) in self.fields(entries) {
            if map.contains_key(name) {
                self.duplicate(name, &written);
                continue;
            }
            let below = route.key(name);
            let value = match (shape::field(self.schema, schema, name), written) {
                (Some(field), Written::Property(entry)) => self.property(entry, field, &below),
                (Some(field), Written::Nodes(nodes)) => self.nodes(&nodes, field, &below),
                // An unknown field keeps its name and place; the schema refuses it with suggestions.
                (None, Written::Property(entry)) => {
                    self.span(&below, name_part(entry), entry_range(entry));
                    scalar(entry.value())
                }
                (None, Written::Nodes(nodes)) => {
                    let range = nodes.first().map_or(0..0, |n| name_range(n));
                    self.span(&below, range.clone(), range);
                    Value::Null
                }
            };
            map.insert(name.to_owned(), value);
        }
        Value::Object(map)
    }

    /// Groups properties and children by name, in the order of their first use.
    fn fields<'k>(&mut self, entries: Entries<'k>) -> Vec<(&'k str, Written<'k>)> {
        let mut fields: Vec<(&str, Written<'_>)> = Vec::new();
        for (name, entry) in entries.properties() {
            if fields.iter().any(|(known, _)| *known == name) {
                self.duplicate(name, &Written::Property(entry));
            } else {
                fields.push((name, Written::Property(entry)));
            }
        }
        for node in entries.children() {
            let name = node.name().value();
            match fields.iter_mut().find(|(known, _)| *known == name) {
                None => fields.push((name, Written::Nodes(vec![node]))),
                Some((_, Written::Nodes(nodes))) => nodes.push(node),
                Some((_, Written::Property(_))) => self.duplicate(name, &Written::Nodes(vec![node])),
            }
        }
        fields
    }

    fn duplicate(&mut self, name: &str, written: &Written<'_>) {
        let range = match written {
            Written::Property(entry) => name_part(entry),
            Written::Nodes(nodes) => nodes.first().map_or(0..0, |n| name_range(n)),
        };
        let finding = self.at(&DUPLICATE, range, format!("`{name}` is given twice"));
        self.diagnostics.push(finding.help("keep one of them"));
    }

    fn property(&mut self, entry: &KdlEntry, schema: &Value, route: &Route) -> Value {
        self.span(route, name_part(entry), entry_range(entry));
        match shape::kind(self.schema, schema) {
            Kind::List(_) => {
                self.span(&route.index(0), entry_range(entry), entry_range(entry));
                Value::Array(vec![scalar(entry.value())])
            }
            Kind::Object(object) => match object.get("x-argument").and_then(Value::as_str) {
                Some(field) => {
                    self.span(&route.key(field), entry_range(entry), entry_range(entry));
                    Value::Object(Map::from_iter([(field.to_owned(), scalar(entry.value()))]))
                }
                None => scalar(entry.value()),
            },
            Kind::Map(_) | Kind::Scalar { .. } => scalar(entry.value()),
        }
    }

    fn nodes(&mut self, nodes: &[&KdlNode], schema: &Value, route: &Route) -> Value {
        let Some(first) = nodes.first() else { return Value::Null };
        self.span(route, name_range(first), name_range(first));
        match shape::kind(self.schema, schema) {
            Kind::Map(values) => self.map(nodes, values, route),
            Kind::List(items) => self.list(nodes, items, route),
            Kind::Object(_) | Kind::Scalar { .. } => {
                for node in &nodes[1..] {
                    let finding = self.at(&DUPLICATE, name_range(node), format!("`{}` is given twice", node.name().value()));
                    let finding = finding.related(Place::Text { file: String::new(), range: name_range(first) }, "first given here");
                    self.diagnostics.push(finding.help("keep one of them"));
                }
                self.value(Entries::of(first), schema, route)
            }
        }
    }

    /// The value of one node for an object or a scalar.
    fn value(&mut self, entries: Entries<'_>, schema: &Value, route: &Route) -> Value {
        match shape::kind(self.schema, schema) {
            Kind::Object(object) => self.object(entries, object, route),
            Kind::Map(values) => self.map_entries(entries.children(), values, route),
            Kind::List(items) => {
                let mut list = Vec::new();
                self.list_items(entries, items, route, &mut list);
                Value::Array(list)
            }
            Kind::Scalar { flag } => self.scalar_node(entries, flag, route),
        }
    }

    fn scalar_node(&mut self, entries: Entries<'_>, flag: bool, route: &Route) -> Value {
        let mut arguments = entries.arguments();
        let value = arguments.next();
        let name = entries.node.name().value();
        let extra = arguments.next().map(entry_range);
        let extra = extra.or_else(|| entries.properties().next().map(|(_, e)| name_part(e)));
        let extra = extra.or_else(|| entries.children().first().map(name_range));
        if let Some(range) = extra {
            let finding = self.at(&WRONG_TYPE, range, format!("`{name}` takes one value and nothing else"));
            self.diagnostics.push(finding.help(format!("write `{name} VALUE`")));
        }
        match value {
            Some(entry) => {
                let key = self.document.spans.get(route).map_or_else(|| name_range(entries.node), |s| s.key.clone());
                self.span(route, key, entry_range(entry));
                scalar(entry.value())
            }
            None if flag => Value::Bool(true),
            None => Value::Null,
        }
    }

    fn map(&mut self, nodes: &[&KdlNode], values: &Value, route: &Route) -> Value {
        let mut map = Map::new();
        for node in nodes {
            let Some(key) = node.entries().iter().find(|e| e.name().is_none()) else {
                let entries = Entries::of(node);
                if self.lacks_name(entries, values) {
                    let name = node.name().value();
                    let finding = self.at(&MISSING_FIELD, name_range(node), format!("this `{name}` has no name"));
                    self.diagnostics.push(finding.help(format!("write `{name} \"name\" {{ … }}`")));
                    continue;
                }
                for (name, entry) in entries.properties() {
                    let value = self.property(entry, values, &route.key(name));
                    self.insert(&mut map, name, value, name_part(entry));
                }
                for child in entries.children() {
                    self.map_child(&mut map, child, values, route);
                }
                continue;
            };
            let Some(name) = key.value().as_string() else {
                let finding = self.at(&WRONG_TYPE, entry_range(key), format!("the name of a `{}` must be a string", node.name().value()));
                self.diagnostics.push(finding.help(format!("write it in quotes: `{} \"{}\"`", node.name().value(), key.value())));
                continue;
            };
            if map.contains_key(name) {
                self.insert(&mut map, name, Value::Null, entry_range(key));
                continue;
            }
            let below = route.key(name);
            self.span(&below, entry_range(key), entry_range(key));
            let value = self.value(Entries { node, from: 1 }, values, &below);
            map.insert(name.to_owned(), value);
        }
        Value::Object(map)
    }

    /// Whether the entries of a node without a name are the fields of one value, not named values.
    fn lacks_name(&self, entries: Entries<'_>, values: &Value) -> bool {
        let is_field = |name: &str| shape::field(self.schema, values, name).is_some();
        let mut children = entries.children().iter();
        entries.properties().any(|(name, _)| is_field(name))
            || children.any(|child| is_field(child.name().value()) && Entries::of(child).arguments().next().is_some())
    }

    fn map_entries(&mut self, children: &[KdlNode], values: &Value, route: &Route) -> Value {
        let mut map = Map::new();
        for child in children {
            self.map_child(&mut map, child, values, route);
        }
        Value::Object(map)
    }

    fn map_child(&mut self, map: &mut Map<String, Value>, child: &KdlNode, values: &Value, route: &Route) {
        let name = child.name().value();
        if map.contains_key(name) {
            self.insert(map, name, Value::Null, name_range(child));
            return;
        }
        let below = route.key(name);
        self.span(&below, name_range(child), name_range(child));
        let value = self.value(Entries::of(child), values, &below);
        map.insert(name.to_owned(), value);
    }

    fn insert(&mut self, map: &mut Map<String, Value>, name: &str, value: Value, range: Range<usize>) {
        if map.contains_key(name) {
            let finding = self.at(&DUPLICATE, range, format!("the name `{name}` is given twice"));
            self.diagnostics.push(finding.help("names are unique; rename or remove one of them"));
        } else {
            map.insert(name.to_owned(), value);
        }
    }

    fn list(&mut self, nodes: &[&KdlNode], items: &Value, route: &Route) -> Value {
        let mut list = Vec::new();
        for node in nodes {
            if matches!(shape::kind(self.schema, items), Kind::Object(_)) {
                let below = route.index(list.len());
                self.span(&below, name_range(node), name_range(node));
                let value = self.value(Entries::of(node), items, &below);
                list.push(value);
            } else {
                self.list_items(Entries::of(node), items, route, &mut list);
            }
        }
        Value::Array(list)
    }

    /// The arguments and `-` children of one node as items.
    fn list_items(&mut self, entries: Entries<'_>, items: &Value, route: &Route, list: &mut Vec<Value>) {
        for argument in entries.arguments() {
            self.span(&route.index(list.len()), entry_range(argument), entry_range(argument));
            list.push(scalar(argument.value()));
        }
        for (name, entry) in entries.properties() {
            let finding =
                self.at(&WRONG_TYPE, name_part(entry), format!("`{}` is a list and has no field `{name}`", entries.node.name().value()));
            self.diagnostics.push(finding.help("write its items one after the other"));
        }
        for child in entries.children() {
            if child.name().value() == "-" {
                let below = route.index(list.len());
                self.span(&below, name_range(child), name_range(child));
                let value = self.value(Entries::of(child), items, &below);
                list.push(value);
            } else {
                let message = format!("`{}` is a list; `{}` is not an item of it", entries.node.name().value(), child.name().value());
                let finding = self.at(&WRONG_TYPE, name_range(child), message);
                self.diagnostics.push(finding.help("write its items as arguments, or each as a child named `-`"));
            }
        }
    }
}

fn name_range(node: &KdlNode) -> Range<usize> {
    let span = node.name().span();
    span.offset()..span.offset() + span.len()
}

fn entry_range(entry: &KdlEntry) -> Range<usize> {
    let span = entry.span();
    span.offset()..span.offset() + span.len()
}

/// The name of a property, or the whole of an argument.
fn name_part(entry: &KdlEntry) -> Range<usize> {
    entry.name().map_or_else(|| entry_range(entry), |name| name.span().offset()..name.span().offset() + name.span().len())
}

fn scalar(value: &KdlValue) -> Value {
    match value {
        KdlValue::String(text) => Value::String(text.clone()),
        KdlValue::Bool(flag) => Value::Bool(*flag),
        KdlValue::Null => Value::Null,
        KdlValue::Integer(number) => match (i64::try_from(*number), u64::try_from(*number)) {
            (Ok(n), _) => Value::Number(n.into()),
            (_, Ok(n)) => Value::Number(n.into()),
            // Beyond 64 bits every field's bounds refuse it, so rounding loses nothing.
            _ => float(*number as f64),
        },
        KdlValue::Float(number) => float(*number),
    }
}

/// A number, or its name where it is infinite or none, which no schema accepts as a number.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}
