//! The nearest changes after which a stack is within its budget, each proven by pricing the stack again.

use rust_decimal::Decimal;

use super::super::Context;
use super::budget::Bound;
use crate::catalog;
use crate::pricing::{self, Priced};
use crate::spec::{Model, Spec, Spot};

/// Most models and pools for which something is tried, those with the most GPUs first.
const MOST_BLOCKS: usize = 8;
/// Most changes that are named.
const MOST_NAMED: usize = 4;
/// Shares of spot that are tried, in tenths.
const TENTHS: u32 = 10;

/// A change that fits.
pub(super) struct Remedy {
    /// What to write.
    pub(super) words: String,
    /// What the stack costs then.
    pub(super) amount: Decimal,
}

/// Tries specs.
struct Search<'a> {
    cx: &'a Context<'a>,
    bound: Bound,
    limit: Decimal,
}

/// Changes of one thing each after which `bound` is within `limit`, a kind after the other; none where no
/// single one is enough.
pub(super) fn nearest(cx: &Context<'_>, bound: Bound, limit: Decimal) -> Vec<Remedy> {
    let search = Search { cx, bound, limit };
    let mut models: Vec<(&String, &Model)> = cx.spec.model.iter().collect();
    models.sort_by_key(|(_, model)| std::cmp::Reverse(u64::from(model.replicas.min) * u64::from(model.place.tensor_parallel)));
    models.truncate(MOST_BLOCKS);
    let mut found = Vec::new();
    for (name, model) in &models {
        found.extend(search.copies(name, model));
    }
    for (name, model) in &models {
        found.extend(search.rollouts(name, model));
    }
    for name in cx.spec.pool.keys().filter(|name| models.iter().any(|(_, model)| model.place.pool == **name)) {
        found.extend(search.spot(name));
        found.extend(search.gpu(name));
    }
    found.truncate(MOST_NAMED);
    found
}

impl Search<'_> {
    /// What the spec with `change` costs, where that is within the limit, everything has a price and the
    /// load is served.
    fn fits(&self, change: &dyn Fn(&mut Spec)) -> Option<(Decimal, Priced)> {
        let mut spec = self.cx.spec.clone();
        change(&mut spec);
        let priced = pricing::price(&spec, self.cx.texts).ok()?;
        let amount = self.bound.of(&priced.cost.monthly);
        let is_known = priced.unpriced.iter().all(|what| pricing::unpriced(self.cx.stack).contains(what));
        (amount <= self.limit && is_known && priced.serves).then_some((amount, priced))
    }

    /// The greatest number below `from`, down to `least`, with which the spec fits; the cost falls with it.
    fn greatest(&self, least: u32, from: u32, change: &dyn Fn(&mut Spec, u32)) -> Option<(u32, Decimal)> {
        let try_one = |number: u32| Some((number, self.fits(&|spec| change(spec, number))?.0));
        let mut found = try_one(least).filter(|_| least < from)?;
        let (mut low, mut high) = (least, from);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match try_one(middle) {
                Some(fits) => (low, found) = (middle, fits),
                None => high = middle,
            }
        }
        Some(found)
    }

    /// Fewer copies: the greatest number, and where that is not enough the least too.
    fn copies(&self, name: &str, model: &Model) -> Option<Remedy> {
        let (min, max) = (model.replicas.min, model.replicas.max.unwrap_or(model.replicas.min));
        let fewer = |spec: &mut Spec, copies: u32| {
            if let Some(model) = spec.model.get_mut(name) {
                model.replicas.max = model.replicas.max.map(|max| max.min(copies));
                model.replicas.min = model.replicas.min.min(copies);
            }
        };
        // Without a copy nobody is served.
        let (copies, amount) = self.greatest(1, max.max(min), &fewer)?;
        let what = if copies >= min { format!("max={copies}") } else { format!("min={copies}, and no more than {copies}") };
        Some(Remedy { words: format!("`replicas {what}` of the model `{name}` fits"), amount })
    }

    fn rollouts(&self, name: &str, model: &Model) -> Option<Remedy> {
        let fewer = |spec: &mut Spec, rollouts: u32| {
            if let Some(model) = spec.model.get_mut(name) {
                model.replicas.rollouts_per_month = rollouts;
            }
        };
        let (rollouts, amount) = self.greatest(0, model.replicas.rollouts_per_month, &fewer)?;
        Some(Remedy { words: format!("`rollouts-per-month={rollouts}` of the model `{name}` fits"), amount })
    }

    /// A share of spot GPUs, where their price is known.
    fn spot(&self, name: &str) -> Option<Remedy> {
        let pool = self.cx.spec.pool.get(name)?;
        let price = pool.spot.as_ref().and_then(|spot| spot.price_per_gpu_hour);
        let now = pool.spot.as_ref().map_or(0.0, |spot| spot.share);
        let with = |tenths: u32| {
            let share = f64::from(tenths) / f64::from(TENTHS);
            let set = |spec: &mut Spec| {
                if let Some(pool) = spec.pool.get_mut(name) {
                    pool.spot = Some(Spot { share, price_per_gpu_hour: price });
                }
            };
            Some((share, self.fits(&set).filter(|_| share > now)?.0))
        };
        let (share, amount) = (1..=TENTHS).find_map(with)?;
        Some(Remedy { words: format!("`spot share={share}` of the pool `{name}` fits, on GPUs that may be taken back"), amount })
    }

    /// The GPU of the catalogue that costs least of those that fit, at the price of the list.
    fn gpu(&self, name: &str) -> Option<Remedy> {
        let pool = self.cx.spec.pool.get(name)?;
        let with = |gpu: &'static str| {
            let set = |spec: &mut Spec| {
                if let Some(pool) = spec.pool.get_mut(name) {
                    (pool.gpu, pool.gpu_memory_gib) = (gpu.to_owned(), None);
                    // What the spec says of the old GPU holds for no other.
                    (pool.price_per_gpu_hour, pool.priced_on, pool.reserved, pool.spot) = (None, None, None, None);
                }
            };
            let (amount, priced) = self.fits(&set)?;
            // Every price must be known and every engine proven to start, and not only as before.
            (priced.unpriced.is_empty() && priced.starts).then_some((amount, gpu))
        };
        // Labels of nodes that the spec names hold for no other GPU.
        let is_free = pool.node_selector.is_empty();
        let others = catalog::gpu_names().filter(|gpu| is_free && *gpu != pool.gpu);
        let (amount, gpu) = others.filter_map(with).min()?;
        Some(Remedy { words: format!("`gpu \"{gpu}\"` in the pool `{name}` fits, at the price of the list"), amount })
    }
}
