//! The budget of the stack, and alerts on what is spent of it.

use rust_decimal::Decimal;

use super::cost::STACK_PER_HOUR;
use super::month::{FORECAST, MONTH_TO_DATE};
use super::prices::{PoolPrices, constant, currency, money_labels};
use super::rule::{Alert, Cases, Description, Firing, Group, Input, Recording, Rule, Severity};
use super::scope::{Scope, owner_label};
use super::{expected, four_digits};
use crate::cost::{Cost, HOURS_PER_MONTH};
use crate::diagnostic::Route;
use crate::emit::promql::Selector;
use crate::stack::{Budget, Stack};

const HOUR: u64 = 3600;
/// Rate of spending, by that of a budget spent evenly, at which somebody is woken: the budget is gone in
/// half a month.
const RUNAWAY: Decimal = Decimal::TWO;
/// Room above the greatest cost as compiled: pods of a rollout stand beside those that they replace.
const ABOVE_MAXIMUM: Decimal = Decimal::from_parts(125, 0, 0, false, 2);
/// Days at the begin of a month of which nobody would forecast the rest.
const QUIET_DAYS: u32 = 3;
/// Hours of January, in which every test begins.
const HOURS_OF_JANUARY: u32 = 744;

/// The run rate of the stack and, with a budget, alerts on it.
pub(super) fn group(stack: &Stack, cost: Option<&Cost>) -> Group {
    let money = Selector::stack(stack).equal("currency", currency(stack));
    let mut rules = vec![Rule::Record(Recording {
        name: "llmc:cost_monthly:run_rate",
        expr: format!("{HOURS_PER_MONTH} * sum(avg_over_time({}[1h]))", money.of(STACK_PER_HOUR)),
        labels: money_labels(stack, &[]),
    })];
    if let Some(budget) = &stack.budget {
        rules.push(constant("llmc:budget_monthly:constant", budget.monthly.0, money_labels(stack, &[])));
        if let Some(alerts) = Alerts::of(stack, budget, cost) {
            rules.extend(alerts.all().map(|alert| Rule::Alert(Box::new(alert))));
        }
    }
    Group { name: format!("{}.budget", stack.name), interval_seconds: None, about: Route::of(["budget"]), rules }
}

/// What the alerts share.
struct Alerts<'a> {
    stack: &'a Stack,
    budget: &'a Budget,
    cost: Option<&'a Cost>,
    /// A pod's GPUs, for tests, and the prices of its pool.
    held: String,
    prices: PoolPrices,
    /// What the reserved GPUs of all other pools cost in an hour.
    reserved_elsewhere: Decimal,
}

impl<'a> Alerts<'a> {
    /// `None` when nothing that is measured costs anything, or the budget is nothing.
    fn of(stack: &'a Stack, budget: &'a Budget, cost: Option<&'a Cost>) -> Option<Self> {
        let (scope, prices) = stack.models.values().find_map(|model| {
            let prices = PoolPrices::of(stack.pools.get(&model.pool)?)?;
            (prices.beyond > Decimal::ZERO).then(|| (Scope::of(stack, model), prices))
        })?;
        let others = stack.pools.values().filter(|pool| pool.name != scope.model.pool);
        let reserved_elsewhere =
            others.filter_map(PoolPrices::of).try_fold(Decimal::ZERO, |sum, prices| sum.checked_add(prices.reserved_hour()?))?;
        let held = scope.pod("kube_pod_container_resource_requests", &[("resource", "nvidia_com_gpu"), ("node", "gpu-1")]);
        (budget.monthly.0 > Decimal::ZERO).then_some(Self { stack, budget, cost, held, prices, reserved_elsewhere })
    }

    fn all(&self) -> impl Iterator<Item = Alert> {
        let shares: Vec<Decimal> = self.budget.alert_at.iter().filter_map(|s| Decimal::from_str_exact(&s.to_string()).ok()).collect();
        let rates = shares.iter().filter_map(|share| self.run_rate(*share));
        let used = shares.iter().filter_map(|share| self.used(*share));
        let alerts: Vec<Alert> = rates.chain(used).chain(self.forecast()).chain(self.runaway()).collect();
        alerts.into_iter()
    }

    /// `name` as a share of the budget.
    fn share_of_budget(&self, name: &str) -> String {
        let money = Selector::stack(self.stack).equal("currency", currency(self.stack));
        format!("{} / ({} > 0)", money.of(name), money.of("llmc:budget_monthly:constant"))
    }

    /// GPUs of the tests' pod with which the stack spends `share` of the budget in `hours`; `None` where it
    /// never spends so little, since its reserved GPUs are paid always.
    fn gpus(&self, share: Decimal, hours: u32) -> Option<Decimal> {
        let hour = self.budget.monthly.0.checked_mul(share)?.checked_div(hours.into())?;
        let gpus = self.prices.gpus_of_pool(hour.checked_sub(self.reserved_elsewhere)?)?;
        Some(gpus.round_dp(9).normalize())
    }

    /// A share of the budget below `share` that the stack can spend in `hours`: nine tenths, or what it
    /// pays for its reserved GPUs; `None` where these alone reach `share`, so no alert on it is ever silent.
    fn below(&self, share: Decimal, hours: u32) -> Option<Decimal> {
        let reserved = self.reserved_elsewhere.checked_add(self.prices.reserved_hour()?)?.checked_mul(hours.into())?;
        // A little more, so that rounding never makes it less.
        let reserved = reserved.checked_div(self.budget.monthly.0)?.checked_mul(Decimal::new(10_001, 4))?;
        let below = share.checked_mul(Decimal::new(9, 1))?.max(reserved);
        (below < share).then_some(below)
    }

    /// The pod with each of these shares of the budget in `hours` for so many samples.
    fn spends(&self, steps: &[(Decimal, u32)], hours: u32) -> Option<(String, String)> {
        let values: Option<Vec<String>> =
            steps.iter().map(|(share, samples)| Some(format!("{}x{}", self.gpus(*share, hours)?, samples - 1))).collect();
        Some((self.held.clone(), values?.join(" ")))
    }

    /// What `amount` is of the budget, in percent.
    fn percent(&self, amount: Decimal) -> Option<Decimal> {
        Some(amount.checked_div(self.budget.monthly.0)?.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(1).normalize())
    }

    /// What the description says about what is not counted.
    fn not_measured(&self) -> &'static str {
        if self.stack.externals.is_empty() {
            "Volumes are not in it."
        } else {
            "Tokens of other providers are not in it, nor are volumes: nothing in the cluster measures them."
        }
    }

    fn alert(&self, name: String, expr: String, when: (Severity, u64), summary: String, text: Description, cases: Cases) -> Alert {
        let mut labels = money_labels(self.stack, &[]);
        labels.extend(owner_label(self.stack));
        let (severity, for_seconds) = when;
        Alert { name, expr, for_seconds, severity, labels, summary, description: text, cases }
    }

    /// That the GPUs of now, kept for a month, take `share` of the budget.
    fn run_rate(&self, share: Decimal) -> Option<Alert> {
        let (stack, budget) = (self.stack, self.budget);
        let above = share.checked_mul(Decimal::new(11, 1))?;
        let percent = (share * Decimal::ONE_HUNDRED).normalize();
        let input = |share| Some(Input::after(75, [self.spends(&[(share, 81)], HOURS_PER_MONTH)?]));
        let always = self.cost.and_then(|cost| self.percent(cost.monthly.minimum)).filter(|minimum| *minimum >= percent);
        let always = always.map(|minimum| {
            format!(" At the least number of copies the spec already comes to {minimum} %, so this fires for as long as that is so.")
        });
        Some(self.alert(
            format!("BudgetRunRateAbove{percent}Percent"),
            format!("{} > {}", self.share_of_budget("llmc:cost_monthly:run_rate"), share.normalize()),
            (Severity::Ticket, HOUR),
            format!("{} runs at more than {percent} % of its budget", stack.name),
            Description::percentage(
                format!("What {} holds, kept for a month of {HOURS_PER_MONTH} hours, costs ", stack.name),
                format!(
                    " of its budget of {} {} (alert at {percent} %). {}{}",
                    budget.monthly,
                    budget.currency,
                    self.not_measured(),
                    always.unwrap_or_default()
                ),
            ),
            Cases {
                fires: Firing { input: input(above)?, value: share_text(above)? },
                good: input(self.below(share, HOURS_PER_MONTH)?)?,
                idle: Input::after(75, [expected::nothing_held(stack)?]),
                also_silent: Vec::new(),
            },
        ))
    }

    /// That `share` of the budget is spent.
    fn used(&self, share: Decimal) -> Option<Alert> {
        let (stack, budget) = (self.stack, self.budget);
        let above = share.checked_mul(Decimal::new(11, 1))?;
        let percent = (share * Decimal::ONE_HUNDRED).normalize();
        // Two whole hours are over when it is looked at.
        let input = |share| Some(Input::after(135, [self.spends(&[(share, 150)], 2)?]));
        let planned = self.cost.and_then(expected::measured).and_then(|measured| self.percent(measured)).filter(|p| *p >= percent);
        let planned = planned.map(|p| format!(" As compiled a month comes to {p} %, so this is reached every month."));
        Some(self.alert(
            format!("BudgetUsedAbove{percent}Percent"),
            format!("{} > {}", self.share_of_budget(MONTH_TO_DATE), share.normalize()),
            (if share < Decimal::ONE { Severity::Ticket } else { Severity::Page }, 600),
            format!("{} has spent more than {percent} % of its budget", stack.name),
            Description::percentage(
                format!("Since the month began (UTC), {} has spent ", stack.name),
                format!(
                    " of its monthly budget of {} {} (alert at {percent} %). {}{}",
                    budget.monthly,
                    budget.currency,
                    self.not_measured(),
                    planned.unwrap_or_default()
                ),
            ),
            Cases {
                fires: Firing { input: input(above)?, value: share_text(above)? },
                good: input(self.below(share, 2)?)?,
                idle: Input::after(135, [expected::nothing_held(stack)?]),
                also_silent: Vec::new(),
            },
        ))
    }

    /// That the month will take more than the budget.
    fn forecast(&self) -> Option<Alert> {
        let (stack, budget) = (self.stack, self.budget);
        let spends = |hours, steps: &[(Decimal, u32)]| Some(Input::hourly(hours, [self.spends(steps, HOURS_OF_JANUARY)?]));
        let (above, below) = (Decimal::new(11, 1), self.below(Decimal::ONE, HOURS_OF_JANUARY)?);
        let planned = self.cost.and_then(expected::measured).and_then(|measured| self.percent(measured));
        let planned = planned.map_or_else(String::new, |p| format!(" As compiled it comes to {p} %."));
        let quiet = QUIET_DAYS * 24;
        Some(self.alert(
            "BudgetForecastExceeded".into(),
            format!("{} > 1 and on () (day_of_month(vector(time())) > {QUIET_DAYS})", self.share_of_budget(FORECAST)),
            (Severity::Ticket, 6 * HOUR),
            format!("{} will spend more than its budget", stack.name),
            Description::percentage(
                format!("If the last day goes on, {} will have spent ", stack.name),
                format!(
                    " of its monthly budget of {} {} at the end of the month (UTC).{planned} {}",
                    budget.monthly,
                    budget.currency,
                    self.not_measured()
                ),
            ),
            Cases {
                fires: Firing { input: spends(quiet + 8, &[(above, 90)])?, value: share_text(above)? },
                good: spends(quiet + 8, &[(below, 90)])?,
                idle: Input::hourly(quiet + 8, [expected::nothing_held(stack)?]),
                also_silent: vec![
                    ("the first days of a month", spends(quiet - 1, &[(above, 90)])?),
                    ("a dear hour", spends(quiet + 8, &[(below, 70), (Decimal::TWO, 1), (below, 19)])?),
                ],
            },
        ))
    }

    /// That money burns so fast that no plan explains it.
    fn runaway(&self) -> Option<Alert> {
        let (stack, budget) = (self.stack, self.budget);
        let maximum = self.cost.and_then(|cost| cost.monthly.maximum.checked_mul(ABOVE_MAXIMUM)?.checked_div(budget.monthly.0));
        let factor = maximum.map_or(RUNAWAY, |maximum| maximum.round_dp(2).max(RUNAWAY)).normalize();
        let below = self.below(factor, HOURS_PER_MONTH)?;
        let times = |hundredths: i64| factor.checked_mul(Decimal::new(hundredths, 2));
        let spends = |steps: &[(Decimal, u32)]| Some(Input::after(75, [self.spends(steps, HOURS_PER_MONTH)?]));
        let money = Selector::stack(stack).equal("currency", currency(stack));
        let days = Decimal::from(HOURS_PER_MONTH).checked_div(factor)?.checked_div(Decimal::from(24))?.round_dp(0).normalize();
        Some(self.alert(
            "BudgetRunaway".into(),
            format!(
                "{} > {factor} and on () ({HOURS_PER_MONTH} * sum(avg_over_time({}[5m])) / (sum({}) > 0) > {factor})",
                self.share_of_budget("llmc:cost_monthly:run_rate"),
                money.of(STACK_PER_HOUR),
                money.of("llmc:budget_monthly:constant"),
            ),
            (Severity::Page, 120),
            format!("{} spends its budget in {days} days", stack.name),
            Description::percentage(
                format!("At the rate of the last hour, which goes on, a month of {} costs ", stack.name),
                format!(
                    " of its budget of {} {}. That is more than the spec allows at the greatest number of copies: look for pods that \
                     nobody asked for. {}",
                    budget.monthly,
                    budget.currency,
                    self.not_measured()
                ),
            ),
            Cases {
                fires: Firing { input: spends(&[(times(110)?, 90)])?, value: share_text(times(110)?)? },
                good: spends(&[(below, 90)])?,
                idle: Input::after(75, [expected::nothing_held(stack)?]),
                also_silent: vec![
                    ("a burst that is over", spends(&[(times(300)?, 60), (below, 30)])?),
                    ("a blip", spends(&[(below, 75), (times(120)?, 20)])?),
                ],
            },
        ))
    }
}

/// A share as `humanizePercentage` prints it.
fn share_text(share: Decimal) -> Option<String> {
    Some(format!("{}%", four_digits(f64::try_from(share.checked_mul(Decimal::ONE_HUNDRED)?).ok()?)))
}
