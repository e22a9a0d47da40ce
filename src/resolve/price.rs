//! Prices, each in the currency of the stack: what the spec states, else what the file of prices says that
//! it names, else what llmc's own list says.

use std::path::Path;

use rust_decimal::RoundingStrategy;

use crate::catalog;
use crate::diagnostic::{Diagnostic, Place, Route as Field, printable, redact};
use crate::source::{self, Syntax, rules};
use crate::spec::{self, Day, GpuPrice, Money, PriceList, Spec, TokenPrice, UnitPrice};
use crate::stack::{GpuPrices, Price, PriceFault, PriceFile, PriceOrigin, PriceUse, Provider, TokenPrices, UnitPrices, as_written};

use super::Texts;

/// Words for a price that the spec itself states.
const SPEC: &str = "the spec";

/// Digits behind the point that a converted price is rounded to, half away from zero. A price that is not
/// converted is never rounded.
const CONVERTED_DIGITS: u32 = 12;

/// The file of prices that a spec names.
pub(super) enum File {
    /// It names none.
    None,
    /// It has a fault, which was reported.
    Broken,
    /// What it says.
    Read(Box<PriceFile>),
}

impl Texts<'_> {
    /// The file of prices that `spec` names; what is wrong with it is reported where it stands.
    pub(super) fn prices(&mut self, spec: &Spec) -> File {
        let Some(name) = &spec.prices.file else { return File::None };
        let place = Place::Value(Field::of(["prices", "file"]));
        let Some(text) = self.file(name, &place) else { return File::Broken };
        // A check says what is wrong with another ending.
        let Some(syntax) = Syntax::of(Path::new(name)) else { return File::Broken };
        let Some(document) = source::read_beside(name, &text, syntax, spec::price_list_schema(), self.diagnostics) else {
            return File::Broken;
        };
        if document.value.is_null() {
            return File::Broken;
        }
        let keys = |route: &Field| route.as_str().split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        let places = document.spans.iter().map(|(route, spans)| (keys(route), (spans.key.clone(), spans.value.clone()))).collect();
        let mut file = PriceFile { file: name.clone(), list: PriceList::default(), places, secrets: document.secrets };
        match source::typed(&document.value) {
            Ok(list) => file.list = list,
            Err((route, message)) => {
                let keys: Vec<String> = keys(&route);
                let range = file.range(&keys.iter().map(String::as_str).collect::<Vec<_>>());
                let place = Place::Text { file: name.clone(), range };
                self.diagnostics.push(Diagnostic::new(&rules::OUT_OF_RANGE, place, message));
                return File::Broken;
            }
        }
        File::Read(Box::new(file))
    }
}

/// Finds prices, and remembers where it found them.
pub(super) struct Finder<'a> {
    spec: &'a Spec,
    file: &'a File,
    /// Every price that was asked for.
    pub(super) uses: Vec<PriceUse>,
}

/// A price before it is converted.
struct Found {
    amount: Money,
    date: Option<Day>,
    source: String,
    origin: PriceOrigin,
    keys: Vec<String>,
    currency: String,
}

impl<'a> Finder<'a> {
    pub(super) fn new(spec: &'a Spec, file: &'a File) -> Self {
        Self { spec, file, uses: Vec::new() }
    }

    /// The amount in the currency of the stack.
    fn converted(&self, stated: Money, currency: &str) -> Result<Money, PriceFault> {
        if currency == self.spec.currency() {
            return Ok(stated);
        }
        let rate = self.spec.prices.rate.get(currency).filter(|rate| !rate.value.0.is_zero());
        let rate = rate.ok_or_else(|| PriceFault::NoRate { currency: currency.to_owned() })?;
        let amount = stated.0.checked_mul(rate.value.0).ok_or(PriceFault::TooLarge)?;
        let rounded = amount.round_dp_with_strategy(CONVERTED_DIGITS, RoundingStrategy::MidpointAwayFromZero);
        if rounded.is_zero() && !stated.0.is_zero() { Err(PriceFault::TooSmall) } else { Ok(Money(rounded)) }
    }

    /// Writes down where `found` is from, as the price that `fields` of the block may state.
    fn take(&mut self, block: (&'static str, &str), fields: &'static [&'static str], found: Option<Found>) -> Option<Price> {
        let (block, name) = (block.0, block.1.to_owned());
        let Some(found) = found else {
            let fault = Some(if matches!(self.file, File::Broken) { PriceFault::Unreadable } else { PriceFault::Unknown });
            let currency = self.spec.currency().to_owned();
            self.uses.push(PriceUse { block, name, fields, origin: None, keys: Vec::new(), stated: None, date: None, currency, fault });
            return None;
        };
        let Found { amount, date, source, origin, keys, currency } = found;
        let converted = self.converted(amount, &currency);
        let fault = converted.as_ref().err().cloned();
        self.uses.push(PriceUse { block, name, fields, origin: Some(origin), keys, stated: Some(amount), date, currency, fault });
        converted.ok().map(|amount| Price { amount, date, source })
    }

    /// What the spec states.
    fn stated(&self, amount: Option<Money>, date: Option<Day>, currency: Option<&String>) -> Option<Found> {
        let currency = currency.map_or_else(|| self.spec.currency(), String::as_str).to_owned();
        amount.map(|amount| Found { amount, date, source: SPEC.to_owned(), origin: PriceOrigin::Spec, keys: Vec::new(), currency })
    }

    /// What the first list says in which `pick` finds it: the file, then llmc's own unless `own` is false.
    /// A file with a fault may have had it, so then llmc's own is not asked.
    fn listed<'l>(&self, keys: &[&str], own: bool, pick: impl Fn(&'l PriceList) -> Option<(Money, Day, &'l str)>) -> Option<Found>
    where
        'a: 'l,
    {
        let found = |list: &'l PriceList, origin, words: &dyn Fn(Day) -> String| {
            let (amount, date, source) = pick(list)?;
            let source = format!("{}: {}", words(date), redact(&printable(source)));
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Some(Found { amount, date: Some(date), source, origin, keys, currency: list.currency.clone() })
        };
        match self.file {
            File::Broken => return None,
            File::Read(file) => {
                let words = |_: Day| redact(&printable(&file.file));
                if let Some(found) = found(&file.list, PriceOrigin::File, &words) {
                    return Some(found);
                }
            }
            File::None => {}
        }
        if !own {
            return None;
        }
        found(catalog::prices(), PriceOrigin::List, &|date| format!("llmc's list of {date}"))
    }

    pub(super) fn pool(&mut self, name: &str, pool: &spec::Pool) -> GpuPrices {
        let block = ("pool", name);
        let mut price = |fields: &'static [&'static str], stated: Option<Money>, kind: &str, of: fn(&GpuPrice) -> Option<Money>| {
            let found = self.stated(stated, pool.priced_on, pool.currency.as_ref()).or_else(|| {
                self.listed(&["gpu", &pool.gpu, kind], true, |list| {
                    let line = list.gpu.get(&pool.gpu)?;
                    Some((of(line)?, line.date, &line.source))
                })
            });
            self.take(block, fields, found)
        };
        GpuPrices {
            on_demand: price(&["price-per-gpu-hour"], pool.price_per_gpu_hour, "on-demand", |line| line.on_demand),
            reserved: pool.reserved.as_ref().and_then(|reserved| {
                let fields = &["reserved", "price-per-gpu-hour"];
                Some((reserved.gpus, price(fields, reserved.price_per_gpu_hour, "reserved", |line| line.reserved)?))
            }),
            spot: pool.spot.as_ref().and_then(|spot| {
                let price = price(&["spot", "price-per-gpu-hour"], spot.price_per_gpu_hour, "spot", |line| line.spot)?;
                Some((as_written(spot.share)?, price))
            }),
        }
    }

    /// `base_url` is where the model is reached; llmc's own list has the prices of the provider itself.
    pub(super) fn external(&mut self, name: &str, external: &spec::External) -> TokenPrices {
        let model = external.model.as_deref().unwrap_or(name);
        let own = external.base_url.is_none() && external.provider == Provider::Openai;
        let mut price = |fields: &'static [&'static str], stated: Option<Money>, kind: &str, of: fn(&TokenPrice) -> Money| {
            let found = self.stated(stated, external.priced_on, external.currency.as_ref()).or_else(|| {
                self.listed(&["tokens", model, kind], own, |list| {
                    let line = list.tokens.get(model)?;
                    Some((of(line), line.date, &line.source))
                })
            });
            self.take(("external", name), fields, found)
        };
        let input = external.input_price_per_million;
        let cached = external.cached_input_price_per_million.or(input);
        TokenPrices {
            input: price(&["input-price-per-million"], input, "input", |line| line.input),
            cached_input: price(&["cached-input-price-per-million"], cached, "cached-input", |line| {
                line.cached_input.unwrap_or(line.input)
            }),
            output: price(&["output-price-per-million"], external.output_price_per_million, "output", |line| line.output),
        }
    }

    /// Prices that belong to no block, as far as something of the stack is paid by them.
    pub(super) fn units(&mut self) -> UnitPrices {
        let prices = &self.spec.prices;
        let caches = self.spec.route.values().filter_map(|route| route.cache.as_ref());
        let has_servers = !self.spec.guardrails.is_empty() || caches.into_iter().any(|cache| cache.resources.is_some());
        let has_volumes = !self.spec.model.is_empty();
        let mut price =
            |needed: bool, field: &'static [&'static str; 1], stated: Option<Money>, of: fn(&PriceList) -> &Option<UnitPrice>| {
                let found = self.stated(stated, None, None).or_else(|| {
                    self.listed(&[field[0], "price"], true, |list| {
                        let line = of(list).as_ref()?;
                        Some((line.price, line.date, &line.source))
                    })
                });
                if needed { self.take(("prices", ""), field, found) } else { None }
            };
        UnitPrices {
            cpu_hour: price(has_servers, &["cpu-hour"], prices.cpu_hour, |list| &list.cpu_hour),
            memory_gib_hour: price(has_servers, &["memory-gib-hour"], prices.memory_gib_hour, |list| &list.memory_gib_hour),
            storage_gib_month: price(has_volumes, &["storage-gib-month"], prices.storage_gib_month, |list| &list.storage_gib_month),
            max_age: prices.max_age,
        }
    }
}
