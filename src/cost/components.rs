//! What runs beside the models: servers of guardrails, caches of answers, volumes.

use rust_decimal::Decimal;

use super::bill::{Item, Kind, Monthly};
use super::{HOURS_PER_MONTH, Overflow, money};
use crate::stack::{Price, Resources, Stack};
use crate::syntax::Quantity;

/// Bytes of a GiB.
const BYTES_PER_GIB: u64 = 1 << 30;
/// Parts of a unit that [`Quantity::nanos`] counts.
const NANO_DECIMALS: u32 = 9;

/// CPU and memory of one server for a month, and what is not known of it.
pub(super) struct Server {
    pub(super) amount: Decimal,
    pub(super) unknown: Vec<String>,
}

/// What `copies` servers with `resources` cost for a month; none where that is larger than a decimal.
pub(super) fn servers(stack: &Stack, resources: &Resources, copies: u32) -> Option<Server> {
    let mut unknown = Vec::new();
    let mut part = |text: &str, what: &str, per: u64, price: Option<&Price>, priced: &str| {
        let units = Quantity::parse(text).ok().and_then(|q| Decimal::try_from_i128_with_scale(q.nanos(), NANO_DECIMALS).ok());
        let (Some(units), Some(price)) = (units, price) else {
            unknown.push(if units.is_none() { format!("its {what}, `{text}`") } else { format!("the price of {priced}") });
            return Some(Decimal::ZERO);
        };
        let units = units.checked_div(Decimal::from(per))?;
        money::product([units, Decimal::from(copies), Decimal::from(HOURS_PER_MONTH), price.amount.0])
    };
    let cpu = part(&resources.cpu, "CPU", 1, stack.prices.cpu_hour.as_ref(), "a CPU hour")?;
    let memory = part(&resources.memory, "memory", BYTES_PER_GIB, stack.prices.memory_gib_hour.as_ref(), "a GiB hour of memory")?;
    Some(Server { amount: cpu.checked_add(memory)?, unknown })
}

fn item(kind: Kind, name: &str, server: Option<Server>, how: String) -> Result<Item, Overflow> {
    let Server { amount, unknown } = server.ok_or_else(|| Overflow::of(kind, name))?;
    let monthly = Monthly::always(money::cents(amount));
    let unknown = (!unknown.is_empty()).then(|| unknown.join(" and "));
    Ok(Item { kind, name: name.to_owned(), monthly, how, unknown })
}

/// The servers of guardrails that a route uses, and what serves caches of answers.
pub(super) fn items(stack: &Stack, items: &mut Vec<Item>) -> Result<(), Overflow> {
    for guardrails in stack.guardrails.values() {
        let Resources { cpu, memory } = &guardrails.resources;
        let how = format!("{} x {cpu} CPU and {memory} x {HOURS_PER_MONTH} h", guardrails.replicas);
        let server = servers(stack, &guardrails.resources, guardrails.replicas);
        items.push(item(Kind::Guardrails, &guardrails.name, server, how)?);
    }
    for route in stack.routes.values() {
        let Some(resources) = route.traffic.cache.as_ref().and_then(|cache| cache.resources.as_ref()) else { continue };
        let how = format!("{} CPU and {} x {HOURS_PER_MONTH} h", resources.cpu, resources.memory);
        items.push(item(Kind::SemanticCache, &route.name, servers(stack, resources, 1), how)?);
    }
    for model in stack.models.values() {
        let gib = model.cache.size_gib;
        let price = stack.prices.storage_gib_month.as_ref();
        let amount = match price {
            Some(price) => Decimal::from(gib).checked_mul(price.amount.0),
            None => Some(Decimal::ZERO),
        };
        let unknown = if price.is_none() { vec!["the price of a GiB of a volume for a month".to_owned()] } else { Vec::new() };
        let server = amount.map(|amount| Server { amount, unknown });
        items.push(item(Kind::Storage, &model.name, server, format!("a volume of {gib} GiB"))?);
    }
    Ok(())
}
