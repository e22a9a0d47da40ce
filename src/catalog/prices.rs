//! llmc's own list of prices.

use std::sync::LazyLock;

use crate::spec::PriceList;

/// In the form of a user's price file; who says so stands in it.
const LIST: &str = include_str!("prices.yaml");

// A test reads it whole, so it is never empty.
static PRICES: LazyLock<PriceList> = LazyLock::new(|| serde_saphyr::from_str(LIST).unwrap_or_default());

/// What llmc knows about prices: each as one provider published it on its day.
pub fn prices() -> &'static PriceList {
    &PRICES
}

#[cfg(test)]
mod tests {
    use super::{LIST, PriceList, prices};
    use crate::catalog;
    use crate::spec::{Day, GpuPrice, Money};

    #[test]
    fn the_list_is_read_whole_and_knows_its_gpus() {
        let list: PriceList = serde_saphyr::from_str(LIST).expect("a price list");
        assert!(list.gpu.len() >= 15 && list.tokens.len() >= 4, "{} GPUs, {} models", list.gpu.len(), list.tokens.len());
        let unknown: Vec<_> = list.gpu.keys().filter(|name| catalog::gpu(name).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let GpuPrice { on_demand, date, .. } = &list.gpu["a100-80gb-sxm"];
        assert_eq!((on_demand.map(|m| m.to_string()).as_deref(), date.to_string().as_str()), (Some("3.43088125"), "2026-07-20"));
        assert!(list.cpu_hour.is_some() && list.memory_gib_hour.is_some() && list.storage_gib_month.is_some());
        assert_eq!(list.currency, "USD");
    }

    /// What the head of the list says about GPUs without a price.
    #[test]
    fn the_list_names_every_gpu_that_it_has_no_price_of() {
        let head = LIST.split("currency:").next().unwrap();
        for name in catalog::gpu_names() {
            assert_eq!(head.contains(name), !prices().gpu.contains_key(name), "{name}");
        }
    }

    #[test]
    fn prices_are_positive_and_cheaper_with_less_certainty() {
        let (from, to) = (Day::parse("2026-01-01").unwrap(), Day::parse("2026-11-23").unwrap());
        let mut days = Vec::new();
        for (name, price) in &prices().gpu {
            let on_demand = price.on_demand.unwrap_or_else(|| panic!("{name} has no price on demand"));
            let others: Vec<Money> = price.reserved.into_iter().chain(price.spot).collect();
            assert!(others.iter().all(|other| *other <= on_demand), "{name}");
            let all = others.into_iter().chain([on_demand]);
            // Nobody rents out a GPU for a cent or for a hundred dollars an hour.
            assert!(all.map(|m| m.0.to_string().parse::<f64>().unwrap()).all(|dollars| (0.1..50.0).contains(&dollars)), "{name}");
            days.push((name, price.date));
        }
        for (name, price) in &prices().tokens {
            let cached = price.cached_input.unwrap_or(price.input);
            assert!(cached <= price.input && price.input < price.output && !cached.0.is_zero(), "{name}");
            days.push((name, price.date));
        }
        let units = [&prices().cpu_hour, &prices().memory_gib_hour, &prices().storage_gib_month];
        let name = "a unit".to_owned();
        for unit in units.into_iter().flatten() {
            assert!(!unit.price.0.is_zero());
            days.push((&name, unit.date));
        }
        let late: Vec<_> = days.into_iter().filter(|(_, date)| !(from..=to).contains(date)).collect();
        assert!(late.is_empty(), "{late:?}");
    }

    #[test]
    fn every_source_says_who_read_it() {
        let head = LIST.split("currency:").next().unwrap();
        let sources: Vec<&str> = LIST.lines().filter(|line| line.trim_start().starts_with("source:")).collect();
        assert!(sources.len() > 25);
        for line in sources {
            let mark = line.split_once(" # ").map_or("", |(_, mark)| mark);
            assert!(mark.starts_with('[') && head.contains(mark), "the head of the list does not explain the mark of {line}");
        }
    }
}
