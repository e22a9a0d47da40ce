//! Holding a document against the schema, with findings a person can act on.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::Document;
use super::rules::{MISSING_FIELD, NOT_BUILT, OUT_OF_RANGE, UNKNOWN_CHOICE, UNKNOWN_FIELD, WRONG_TYPE};
use crate::diagnostic::{Diagnostic, Route, did_you_mean};

/// How a schema wants a value to be written.
pub(super) enum Kind<'s> {
    /// Named fields.
    Object(&'s Value),
    /// Free names, each with a value of this schema.
    Map(&'s Value),
    /// Items of this schema.
    List(&'s Value),
    /// A single value; a `flag` may stand alone for true.
    Scalar { flag: bool },
}

/// Follows `$ref`s of `schema` inside `root`.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    // Each hop of a generated schema leads to a definition, so a handful is the most there is.
    for _ in 0..16 {
        let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) else { break };
        let Some(next) = root.pointer(target) else { break };
        schema = next;
    }
    schema
}

/// The kind of value that `schema` describes.
pub(super) fn kind<'s>(root: &'s Value, schema: &'s Value) -> Kind<'s> {
    let schema = resolve(root, schema);
    match schema.get("type").and_then(Value::as_str) {
        Some("object") if schema.get("properties").is_some() => Kind::Object(schema),
        Some("object") => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => Kind::Map(values),
            _ => Kind::Object(schema),
        },
        Some("array") => Kind::List(schema.get("items").unwrap_or(&Value::Null)),
        Some("boolean") => Kind::Scalar { flag: true },
        _ => Kind::Scalar { flag: false },
    }
}

/// The schema of a field of an object.
pub(super) fn field<'s>(root: &'s Value, schema: &'s Value, name: &str) -> Option<&'s Value> {
    resolve(root, schema).get("properties")?.get(name)
}

/// The fields of an object, in the order of the schema.
pub(super) fn field_names<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s str> {
    let properties = resolve(root, schema).get("properties").and_then(Value::as_object);
    properties.map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// Reports everything in `document` that `schema` refuses, and drops it from the tree, until
/// what is left fits (or nothing is left).
pub fn validate(document: &mut Document, schema: &Value, diagnostics: &mut Vec<Diagnostic>) {
    let Ok(validator) = jsonschema::options().offline().build(schema) else { return };
    let mut reported = BTreeSet::new();
    // Every round drops at least one value, so this ends; the bound is for the schema's own faults.
    for _ in 0..256 {
        let faults = faults(&validator, document, schema);
        if faults.is_empty() {
            return;
        }
        let meant: BTreeSet<Route> = faults.iter().filter_map(|fault| fault.meant.clone()).collect();
        for fault in faults {
            // A required field that was dropped in an earlier round, or is only misspelt, was reported.
            let missing = fault.missing.as_ref().map(|name| fault.route.key(name));
            let caused = missing.is_some_and(|route| document.dropped.contains(&route) || meant.contains(&route));
            if !caused && reported.insert((fault.route.clone(), fault.diagnostic.message.clone())) {
                diagnostics.push(fault.diagnostic);
            }
            drop_value(document, &fault.drop);
            if document.value.is_null() {
                return;
            }
        }
    }
}

struct Fault {
    route: Route,
    diagnostic: Diagnostic,
    /// What to take out of the tree.
    drop: Route,
    /// The name of a required field that is not there.
    missing: Option<String>,
    /// The field that an unknown one was probably meant to be.
    meant: Option<Route>,
}

fn faults(validator: &Validator, document: &Document, schema: &Value) -> Vec<Fault> {
    let mut faults: Vec<Fault> = validator.iter_errors(&document.value).flat_map(|error| translate(&error, document, schema)).collect();
    fractions(&document.value, &Route::root(), schema, document, &mut faults);
    faults
}

/// JSON Schema takes `1.0` for a whole number; the types do not, and they cannot say where it is.
fn fractions(value: &Value, route: &Route, root: &Value, document: &Document, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| fractions(field, &route.key(name), root, document, faults)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| fractions(item, &route.index(index), root, document, faults))
        }
        Value::Number(number) if number.is_f64() && faults.iter().all(|f| f.route != *route) => {
            let schema = resolve(root, schema_at(root, route));
            if schema.get("type").and_then(Value::as_str) == Some("integer") {
                let message = format!("{} must be a whole number, not the number {number}", shown(route, &document.value, root));
                let diagnostic = Diagnostic::at_value(&WRONG_TYPE, route.clone(), message);
                let diagnostic = diagnostic.help("write it with digits only, without a point, an exponent or a leading zero");
                faults.push(Fault { route: route.clone(), drop: route.clone(), diagnostic, missing: None, meant: None });
            }
        }
        _ => {}
    }
}

fn drop_value(document: &mut Document, route: &Route) {
    let Some(parent) = route.parent() else {
        document.value = Value::Null;
        return;
    };
    document.dropped.insert(route.clone());
    match document.value.pointer_mut(parent.as_str()) {
        Some(Value::Object(map)) => {
            map.shift_remove(&route.last());
        }
        // An item cannot be taken out without moving the others, whose routes would then lie.
        Some(Value::Array(_)) => drop_value(document, &parent),
        _ => {}
    }
}

fn translate(error: &ValidationError<'_>, document: &Document, root: &Value) -> Vec<Fault> {
    let route = Route::from_pointer(error.instance_path().as_str());
    let name = shown(&route, &document.value, root);
    let schema = schema_at(root, &route);
    let one = |diagnostic: Diagnostic| vec![Fault { route: route.clone(), drop: route.clone(), diagnostic, missing: None, meant: None }];
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|field| unknown_field(field, &route, schema, root)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let field = property.as_str().unwrap_or_default().to_owned();
            let mut diagnostic = Diagnostic::at_key(&MISSING_FIELD, route.clone(), format!("{name} lacks the required field `{field}`"));
            if let Some(text) = self::field(root, schema, &field).and_then(|s| describe(root, s)) {
                diagnostic = diagnostic.help(format!("`{field}`: {text}"));
            }
            // The root cannot be dropped without losing every other finding.
            let at_root = route == Route::root();
            let drop = if at_root { route.key(&field) } else { route.clone() };
            let fault = Fault { route: route.clone(), drop, diagnostic, missing: Some(field), meant: None };
            vec![fault]
        }
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(t) => t.to_string(),
                TypeKind::Multiple(types) => types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or "),
            };
            let message = format!("{name} must be {}, not {}", with_article(&expected), what(value));
            let mut diagnostic = Diagnostic::at_value(&WRONG_TYPE, route.clone(), message);
            if let Some(text) = describe(root, schema) {
                diagnostic = diagnostic.help(text);
            }
            one(diagnostic)
        }
        ValidationErrorKind::Enum { options } => {
            let choices: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            one(unknown_choice(&route, &name, value, &choices))
        }
        ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } => {
            let choices = constants(resolve(root, schema));
            one(unknown_choice(&route, &name, value, &choices))
        }
        ValidationErrorKind::Minimum { limit } => one(range(&route, format!("{name} is {value}, below the least allowed value {limit}"))),
        ValidationErrorKind::Maximum { limit } => {
            one(range(&route, format!("{name} is {value}, above the greatest allowed value {limit}")))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => one(range(&route, format!("{name} is {value}, but must be above {limit}"))),
        ValidationErrorKind::ExclusiveMaximum { limit } => one(range(&route, format!("{name} is {value}, but must be below {limit}"))),
        ValidationErrorKind::Pattern { pattern } => {
            let mut diagnostic = range(&route, format!("{name} does not have the form that it must have"));
            diagnostic = diagnostic.label(format!("must match `{pattern}`"));
            if let Some(text) = describe(root, schema) {
                diagnostic = diagnostic.help(text);
            }
            one(diagnostic)
        }
        ValidationErrorKind::MinLength { .. } | ValidationErrorKind::MinItems { .. } => one(range(&route, format!("{name} is empty"))),
        ValidationErrorKind::MaxLength { limit } => one(range(&route, format!("{name} is longer than {limit} characters"))),
        ValidationErrorKind::MaxItems { limit } => one(range(&route, format!("{name} has more than {limit} items"))),
        _ if document.value.is_null() => Vec::new(),
        _ => one(Diagnostic::at_value(&WRONG_TYPE, route.clone(), format!("{name}: {}", error.masked()))),
    }
}

/// What people call the value at `route` of `document`.
fn shown(route: &Route, document: &Value, root: &Value) -> String {
    let list = route.parent().filter(|parent| document.pointer(parent.as_str()).is_some_and(Value::is_array));
    match (route.last().parse::<usize>(), list, route.parent()) {
        (Ok(index), Some(list), _) => format!("item {} of `{}`", index + 1, list.last()),
        (_, _, None) => format!("the {}", title(root)),
        _ => format!("`{}`", route.last()),
    }
}

/// What people call the whole of a document: `stack`, `price list`.
fn title(root: &Value) -> &str {
    let title = root.get("title").and_then(Value::as_str).unwrap_or("document");
    title.strip_prefix("llmc ").unwrap_or(title)
}

/// The schema of the value at `route`, following fields, maps and lists from the root.
fn schema_at<'s>(root: &'s Value, route: &Route) -> &'s Value {
    let mut schema = resolve(root, root);
    for key in route.as_str().split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        schema = match kind(root, schema) {
            Kind::Object(object) => field(root, object, &key).unwrap_or(&Value::Null),
            Kind::Map(values) => values,
            Kind::List(items) => items,
            Kind::Scalar { .. } => &Value::Null,
        };
    }
    schema
}

fn unknown_field(name: &str, route: &Route, schema: &Value, root: &Value) -> Fault {
    let below = route.key(name);
    let fields = field_names(root, schema);
    let planned = resolve(root, schema).get("x-planned").and_then(Value::as_array).into_iter().flatten();
    let near = did_you_mean(name, fields.iter().copied());
    let meant = near.map(|near| route.key(near));
    let diagnostic = if planned.filter_map(Value::as_str).any(|p| p == name) {
        Diagnostic::at_key(&NOT_BUILT, below.clone(), format!("`{name}` is not compiled by this version of llmc"))
            .label("would have no effect")
            .help("remove it; it is refused so that nobody relies on a block that does nothing")
    } else {
        let owner = if *route == Route::root() { format!("a {}", title(root)) } else { format!("`{}`", route.last()) };
        let diagnostic = Diagnostic::at_key(&UNKNOWN_FIELD, below.clone(), format!("{owner} has no field `{name}`"));
        match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("its fields are `{}`", fields.join("`, `"))),
        }
    };
    Fault { route: below.clone(), drop: below, diagnostic, missing: None, meant }
}

fn unknown_choice(route: &Route, name: &str, value: &Value, choices: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::at_value(&UNKNOWN_CHOICE, route.clone(), format!("{name} cannot be {value}"));
    let diagnostic = diagnostic.help(format!("it is one of `{}`", choices.join("`, `")));
    match value.as_str().and_then(|v| did_you_mean(v, choices.iter().copied())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

/// The words that an enumeration allows, also where each has a description of its own.
fn constants(schema: &Value) -> Vec<&str> {
    let variants = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array).into_iter().flatten();
    variants
        .flat_map(|v| {
            let single = v.get("const").and_then(Value::as_str);
            let many = v.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            single.into_iter().chain(many)
        })
        .collect()
}

fn range(route: &Route, message: String) -> Diagnostic {
    Diagnostic::at_value(&OUT_OF_RANGE, route.clone(), message)
}

/// The first sentence of a field's description.
fn describe(root: &Value, schema: &Value) -> Option<String> {
    let own = schema.get("description").or_else(|| resolve(root, schema).get("description"))?;
    let text = own.as_str()?.split("\n\n").next()?.replace('\n', " ");
    Some(text)
}

fn with_article(kind: &str) -> String {
    match kind {
        "object" => "a block".into(),
        "array" => "a list".into(),
        "integer" => "a whole number".into(),
        other => format!("a {other}"),
    }
}

fn what(value: &Value) -> String {
    match value {
        Value::Null => "empty".into(),
        Value::Bool(_) => "a flag".into(),
        Value::Number(n) => format!("the number {n}"),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a block".into(),
    }
}
