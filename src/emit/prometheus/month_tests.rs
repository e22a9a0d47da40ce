//! A simulated month, as unit tests of promtool.
//!
//! Tests begin on 1 January 1970 at midnight, which has 744 hours. Amounts are held against a tolerance:
//! versions of Prometheus differ in whether a range holds the sample at its beginning.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::month::{FORECAST, MONTH_TO_DATE};
use super::prices::{PoolPrices, currency};
use super::rule::Input;
use super::scope::{Scope, stack_labels};
use super::unit_tests::input_series;
use crate::emit::promql::Selector;
use crate::stack::Stack;

/// GPUs that the tests' pod holds, and that it holds after it has grown.
const GPUS: u32 = 4;
const MORE_GPUS: u32 = 12;
/// Hours of January, and of February 1970.
const JANUARY: u32 = 744;
const FEBRUARY: u32 = 672;

/// What the tests are about: a model's pod, and what the stack costs with it.
struct Month<'a> {
    scope: Scope<'a>,
    prices: PoolPrices,
    /// What the reserved GPUs of all pools cost in an hour.
    reserved: Decimal,
    reserved_elsewhere: Decimal,
}

/// An amount that a series must have after so many hours, more or less.
struct Expected {
    hours: u32,
    series: &'static str,
    value: Decimal,
    tolerance: Decimal,
}

/// The tests; `None` where nothing costs anything, or too much for a number.
pub(super) fn tests(stack: &Stack) -> Option<Vec<Value>> {
    let month = Month::of(stack)?;
    [month.whole()?, month.scale_up()?, month.gap()?, month.new_price()?].into_iter().map(Some).collect()
}

impl<'a> Month<'a> {
    fn of(stack: &'a Stack) -> Option<Self> {
        let (scope, prices) = stack.models.values().find_map(|model| {
            let prices = PoolPrices::of(stack.pools.get(&model.pool)?)?;
            (prices.beyond > Decimal::ZERO).then(|| (Scope::of(stack, model), prices))
        })?;
        let sum_of = |counts: &dyn Fn(&str) -> bool| {
            let pools = stack.pools.values().filter(|pool| counts(&pool.name)).filter_map(PoolPrices::of);
            pools.into_iter().try_fold(Decimal::ZERO, |sum, prices| sum.checked_add(prices.reserved_hour()?))
        };
        let (reserved, reserved_elsewhere) = (sum_of(&|_| true)?, sum_of(&|name| name != scope.model.pool)?);
        Some(Self { scope, prices, reserved, reserved_elsewhere })
    }

    /// What the stack costs in an hour when the pod holds `gpus`.
    fn hour(&self, gpus: u32) -> Option<Decimal> {
        self.prices.pool_hour(gpus)?.checked_add(self.reserved_elsewhere)
    }

    fn held(&self) -> String {
        self.scope.pod("kube_pod_container_resource_requests", &[("resource", "nvidia_com_gpu"), ("node", "gpu-1")])
    }

    fn expect(&self, hours: u32, series: &'static str, parts: &[(Decimal, u32)], tolerated_hours: Decimal) -> Option<Expected> {
        let value = parts.iter().try_fold(Decimal::ZERO, |sum, (hour, count)| sum.checked_add(hour.checked_mul((*count).into())?))?;
        let tolerance = self.hour(MORE_GPUS)?.checked_mul(tolerated_hours)?;
        Some(Expected { hours, series, value, tolerance })
    }

    fn test(&self, name: &str, input: &[(String, String)], expected: &[Option<Expected>]) -> Option<Value> {
        let selector = Selector::stack(self.scope.stack);
        let checks: Option<Vec<Value>> = expected
            .iter()
            .map(|expected| {
                let Expected { hours, series, value, tolerance } = expected.as_ref()?;
                let (value, tolerance) = (value.normalize(), tolerance.round_dp(12).normalize());
                Some(json!({
                    "expr": format!("abs({} - {value}) <= bool {tolerance}", selector.of(series)),
                    "eval_time": format!("{hours}h"),
                    "exp_samples": [{ "labels": self.labels(series), "value": 1 }],
                }))
            })
            .collect();
        Some(json!({
            "name": format!("a month: {name}"),
            "interval": "1h",
            "input_series": input_series(&Input::hourly(0, input.iter().cloned())),
            "promql_expr_test": checks?,
        }))
    }

    fn labels(&self, series: &str) -> String {
        let mut labels = stack_labels(self.scope.stack);
        if series.starts_with("llmc:cost") {
            labels.insert("currency".into(), currency(self.scope.stack).into());
        }
        super::unit_tests::braces(&labels)
    }

    /// The days add up, the month ends, and the next one begins with nothing.
    fn whole(&self) -> Option<Value> {
        let hour = self.hour(GPUS)?;
        let (exact, held) = (Decimal::new(1, 4), self.held());
        let values = format!("{GPUS}x770");
        let input = [
            (held.clone(), values.clone()),
            // The same pod as a second copy of kube-state-metrics sees it, and a stack of that name elsewhere.
            (held.replace("10.0.0.9:", "10.0.0.10:"), values.clone()),
            (held.replace("namespace=", "cluster=\"other\",exported_namespace="), values),
        ];
        let at = |hours, series, count| self.expect(hours, series, &[(hour, count)], exact);
        self.test(
            "as many GPUs all along",
            &input,
            &[
                at(24, MONTH_TO_DATE, 24),
                at(24 * 15, MONTH_TO_DATE, 24 * 15),
                at(24 * 15, FORECAST, JANUARY),
                at(JANUARY, MONTH_TO_DATE, JANUARY),
                at(JANUARY + 1, MONTH_TO_DATE, 1),
                at(JANUARY + 24, MONTH_TO_DATE, 24),
                at(JANUARY + 24, FORECAST, FEBRUARY),
                self.share(24 * 15, Decimal::ONE),
            ],
        )
    }

    /// The share of the month's hours that is measured.
    fn share(&self, hours: u32, share: Decimal) -> Option<Expected> {
        Some(Expected { hours, series: "llmc:hours_measured:month_to_date", value: share, tolerance: Decimal::new(1, 2) })
    }

    /// More GPUs from the eleventh day on: the past stays, the forecast moves within a day.
    fn scale_up(&self) -> Option<Value> {
        let (before, after) = (self.hour(GPUS)?, self.hour(MORE_GPUS)?);
        let about = Decimal::new(15, 1);
        // Half a day after the change, half of the last day was dearer.
        let halfway = [(before, 240), (after, 12), (before.checked_add(after)?.checked_div(Decimal::TWO)?, JANUARY - 252)];
        self.test(
            "more GPUs from the eleventh day on",
            &[(self.held(), format!("{GPUS}x239 {MORE_GPUS}x70"))],
            &[
                self.expect(239, FORECAST, &[(before, JANUARY)], Decimal::new(1, 4)),
                self.expect(252, FORECAST, &halfway, Decimal::from(24)),
                self.expect(300, MONTH_TO_DATE, &[(before, 240), (after, 60)], about),
                self.expect(300, FORECAST, &[(before, 240), (after, JANUARY - 240)], about),
            ],
        )
    }

    /// Two days that nobody measured are missing, and it says so; reserved GPUs are paid in them too.
    fn gap(&self) -> Option<Value> {
        let hour = self.hour(GPUS)?;
        let measured = if self.reserved > Decimal::ZERO { Decimal::ONE } else { Decimal::new(8, 1) };
        let spent = [(hour, 192), (self.reserved, 48)];
        self.test(
            "two days without kube-state-metrics",
            &[(self.held(), format!("{GPUS}x119 _x48 {GPUS}x80"))],
            &[
                self.expect(240, MONTH_TO_DATE, &spent, Decimal::new(15, 1)),
                self.share(240, measured),
                self.expect(240, FORECAST, &[spent[0], spent[1], (hour, JANUARY - 240)], Decimal::new(15, 1)),
            ],
        )
    }

    /// Hours that were written while everything cost twice as much keep what they cost then.
    fn new_price(&self) -> Option<Value> {
        let hour = self.hour(GPUS)?;
        let before = hour.checked_mul(Decimal::TWO)?;
        let written = Selector::stack(self.scope.stack).equal("currency", currency(self.scope.stack)).equal("month", "1");
        let written = written.equal("rules", "before").of("llmc:cost_per_hour:mean1h");
        let spent = [(before, 120), (self.reserved, 120), (hour, 96)];
        self.test(
            "half the price from the sixth day on",
            &[(written, format!("_ {}x119", before.normalize())), (self.held(), format!("_x120 {GPUS}x130"))],
            &[
                self.expect(216, MONTH_TO_DATE, &spent, Decimal::new(15, 1)),
                self.expect(216, FORECAST, &[spent[0], spent[1], (hour, JANUARY - 120)], Decimal::new(15, 1)),
            ],
        )
    }
}
