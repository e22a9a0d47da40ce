//! What rules about prices share.

use crate::check::Context;
use crate::diagnostic::{Place, Route};
use crate::spec::Day;
use crate::stack::{PriceOrigin, PriceUse};

/// What a price is for, in words: `an hour of a GPU of `a100``.
pub(in crate::check) fn words(price: &PriceUse) -> String {
    let name = &price.name;
    match price.fields.first().copied().unwrap_or_default() {
        "reserved" => format!("an hour of a reserved GPU of `{name}`"),
        "spot" => format!("an hour of a spot GPU of `{name}`"),
        "input-price-per-million" => format!("a million input tokens of `{name}`"),
        "cached-input-price-per-million" => format!("a million cached input tokens of `{name}`"),
        "output-price-per-million" => format!("a million output tokens of `{name}`"),
        "cpu-hour" => "an hour of a CPU".to_owned(),
        "memory-gib-hour" => "an hour of a GiB of memory".to_owned(),
        "storage-gib-month" => "a month of a GiB of a volume".to_owned(),
        _ => format!("an hour of a GPU of `{name}`"),
    }
}

/// The block that may state `price`.
pub(in crate::check) fn block(price: &PriceUse) -> Route {
    let block = Route::of([price.block]);
    if price.name.is_empty() { block } else { block.key(&price.name) }
}

/// Where `price` stands: in the spec or its file of prices, else what needs it.
pub(in crate::check) fn place(cx: &Context<'_>, price: &PriceUse) -> Place {
    match (price.origin, &cx.stack.price_file) {
        (Some(PriceOrigin::Spec), _) => Place::Value(price.fields.iter().fold(block(price), |at, field| at.key(field))),
        (Some(PriceOrigin::File), Some(file)) => {
            Place::Text { file: file.file.clone(), range: file.range(&price.keys.iter().map(String::as_str).collect::<Vec<_>>()) }
        }
        _ => needed_by(price),
    }
}

/// What of the spec needs `price`.
pub(in crate::check) fn needed_by(price: &PriceUse) -> Place {
    match price.block {
        "pool" => Place::Value(block(price).key("gpu")),
        _ => Place::Key(block(price)),
    }
}

/// Whether something of the stack is paid by `price`: a model runs in the pool, a route reaches the model.
pub(in crate::check) fn is_paid(cx: &Context<'_>, price: &PriceUse) -> bool {
    let name = price.name.as_str();
    let spec = cx.spec;
    match price.block {
        "pool" => spec.model.values().any(|m| m.place.pool == name) || spec.pool.get(name).is_some_and(|p| p.reserved.is_some()),
        "external" => spec.route.values().any(|route| route.models().any(|model| model == name)),
        _ => true,
    }
}

/// The day on which the stack is checked; none where nobody knows it, which is said as 1970-01-01.
pub(in crate::check) fn today(cx: &Context<'_>) -> Option<Day> {
    (cx.today != Day::from_unix_seconds(0)).then_some(cx.today)
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(in crate::check) fn listed(mut words: Vec<String>) -> String {
    words.dedup();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
