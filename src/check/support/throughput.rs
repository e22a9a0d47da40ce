//! Loads and objectives against what copies serve.

use super::traffic;
use crate::capacity::{Bound, Capacity, Counted, Flow, Scenario, Traffic, of_stack_in, one_copy};
use crate::catalog;
use crate::check::Context;
use crate::diagnostic::{Place, Route, printable, thousands};
use crate::estimate::memory::{Setup, Verdict, prove};
use crate::estimate::throughput::{Range, Throughput};
use crate::fit::Fit;
use crate::stack::{Duration, Indicator};

/// A model with a load and what one of its copies does.
pub(in crate::check) struct Served<'a> {
    /// Its memory.
    pub(in crate::check) fit: &'a Fit<'a>,
    /// Its copies and its load.
    pub(in crate::check) capacity: &'a Capacity,
    /// What reaches it.
    pub(in crate::check) traffic: &'a Traffic,
    /// What one copy does.
    pub(in crate::check) throughput: &'a Throughput,
}

/// The models whose load and throughput are known.
pub(in crate::check) fn served<'a>(cx: &Context<'a>) -> impl Iterator<Item = Served<'a>> {
    // Of a part of the traffic nothing can be said, and what left out the rest has its own finding.
    let is_whole = traffic::is_whole(cx);
    of_capacities(cx.fits, cx.capacities).filter(move |_| is_whole)
}

fn of_capacities<'a>(fits: &'a [Fit<'a>], capacities: &'a [Capacity]) -> impl Iterator<Item = Served<'a>> {
    capacities.iter().filter_map(move |capacity| {
        let fit = fits.iter().find(|fit| fit.model.name == capacity.model)?;
        Some(Served { fit, capacity, traffic: capacity.traffic.as_ref()?, throughput: capacity.throughput.as_ref()? })
    })
}

/// Whether `is_so` of the model `name` wherever between their bounds the stated shares lie: hits of caches
/// help every model, while tiers and fallbacks move load from one to another.
pub(in crate::check) fn in_every_scenario(cx: &Context<'_>, name: &str, is_so: impl Fn(&Served<'_>) -> bool) -> bool {
    let moved = [
        (Counted::Least, Counted::Least),
        (Counted::Least, Counted::Most),
        (Counted::Most, Counted::Least),
        (Counted::Most, Counted::Most),
    ];
    moved.into_iter().all(|(tiers, fallback)| {
        let scenario = Scenario { cache: Counted::Most, prefix: Counted::Most, tiers, fallback };
        let capacities = of_stack_in(cx.stack, cx.fits, scenario);
        of_capacities(cx.fits, &capacities).any(|served| served.fit.model.name == name && is_so(&served))
    })
}

impl Served<'_> {
    /// Requests in each second of a busy hour.
    pub(in crate::check) fn rate(&self) -> f64 {
        self.traffic.requests_per_second()
    }

    /// Requests that the most copies finish in each second.
    pub(in crate::check) fn most(&self, bound: Bound) -> f64 {
        f64::from(self.fit.model.replicas.max) * self.throughput.requests_per_second.at(bound)
    }

    /// Whether the load is above what the most copies can physically finish. With something unknown about
    /// the memory, the cache is not that of this engine, and nothing can be said.
    pub(in crate::check) fn is_overloaded(&self) -> bool {
        self.fit.is_known() && self.rate() > self.most(Bound::High)
    }

    /// The most copies, in words.
    pub(in crate::check) fn copies(&self) -> String {
        match self.fit.model.replicas.max {
            1 => "its one copy".to_owned(),
            copies => format!("its {copies} copies"),
        }
    }

    /// A request of mean length, in words.
    pub(in crate::check) fn request(&self) -> String {
        let tokens = |tokens: f64| thousands(tokens.round() as u64);
        format!("{} prompt and {} answer tokens", tokens(self.traffic.input_tokens()), tokens(self.traffic.output_tokens()))
    }

    /// Objectives of single tokens that most requests are to meet, each with what is known of that time.
    /// Those for less than half of them are left out, as short prompts are faster than the mean.
    pub(in crate::check) fn objectives(&self) -> impl Iterator<Item = (Indicator, &'static str, Range, Duration)> {
        let times = [
            (Indicator::Ttft, "the first token", self.throughput.ttft_seconds),
            (Indicator::Tpot, "each further token", self.throughput.tpot_seconds),
        ];
        times.into_iter().filter_map(|(indicator, what, range)| {
            let objective = self.fit.model.objectives.get(&indicator).filter(|objective| objective.target >= 0.5)?;
            Some((indicator, what, range, objective.below?))
        })
    }

    /// The objectives that no engine meets, even for one request alone.
    pub(in crate::check) fn unattainable(&self) -> impl Iterator<Item = (Indicator, &'static str, Range, Duration)> {
        self.objectives().filter(|(.., range, below)| below.seconds() < range.low)
    }

    /// Where the load is stated: at the model, else at the first route to it that states one.
    pub(in crate::check) fn place(&self, cx: &Context<'_>) -> Place {
        let name = self.fit.model.name.as_str();
        if cx.spec.model.get(name).is_some_and(|model| model.load.is_some()) {
            return Place::Value(Route::of(["model", name, "load", "requests-per-second"]));
        }
        let stated = |route: &&String| cx.spec.route.get(*route).is_some_and(|route| route.load.is_some());
        let route = self.traffic.flows.iter().filter_map(|flow| flow.route.as_ref()).find(stated);
        match route {
            Some(route) => Place::Value(Route::of(["route", route, "load", "requests-per-second"])),
            None => Place::Key(Route::of(["model", name])),
        }
    }

    /// Figures of one copy and what would serve the load, the least change first.
    pub(in crate::check) fn help(&self) -> Vec<String> {
        let one = self.throughput.requests_per_second;
        let mut help = vec![format!(
            "one copy is expected to finish {} requests per second ({} to {}) with {} at once",
            rate(one.expected),
            rate(one.low),
            rate(one.high),
            thousands(self.throughput.batch.expected.round() as u64)
        )];
        if self.traffic.flows.len() > 1 {
            let flow = |flow: &Flow| format!("{} are of {}", rate(flow.requests_per_second), printable(&flow.from()));
            help.push(format!("of these requests {}", self.traffic.flows.iter().map(flow).collect::<Vec<_>>().join(", ")));
        }
        // Beside an objective that nothing meets, a copy is left with one request at once.
        if let Some((indicator, ..)) = self.unattainable().next() {
            help.push(format!(
                "correct the objective `{}` first: nothing meets it, so these figures are of one request at once",
                indicator.name()
            ));
            return help;
        }
        let replicas = &self.fit.model.replicas;
        if let Some(copies) = self.capacity.copies_needed(Bound::Expected).filter(|copies| *copies > u64::from(replicas.max)) {
            let (gpus, has) = (copies.saturating_mul(self.fit.model.tensor_parallel.into()), self.fit.pool.gpus());
            let of = if gpus > has { format!(", of which `{}` has {}", self.fit.pool.name, thousands(has)) } else { String::new() };
            help.push(format!("`replicas max={copies}` is expected to serve it, on {} GPUs{of}", thousands(gpus)));
        }
        help.extend(self.other_hardware());
        // Self checks come with the stated load, so that is what scales.
        if let Some(load) = &self.fit.model.load {
            let holds = load.requests_per_second * self.most(Bound::Expected) / self.rate();
            let verb = if replicas.max == 1 { "is" } else { "are" };
            // What rounds to nothing is no load to state: other requests take the copies.
            if let Some(holds) = stated(holds) {
                help.push(format!("`requests-per-second={holds}` is what {} {verb} expected to serve", self.copies()));
            }
        }
        help
    }

    /// The least tensor parallelism and the GPU with the least memory that are expected to serve the load.
    fn other_hardware(&self) -> Vec<String> {
        let Some(setup) = &self.fit.setup else { return Vec::new() };
        let serves = |setup: &Setup<'_>, gpu: &catalog::Gpu| {
            let proof = prove(setup);
            let one = one_copy(self.fit.model, setup, &proof, gpu, self.traffic).ok()?;
            let expected = f64::from(self.fit.model.replicas.max) * one.requests_per_second.expected;
            (proof.verdict != Verdict::ProvenToRefuse && expected >= self.rate()).then_some(expected)
        };
        let mut found = Vec::new();
        let wider = [2, 4, 8].into_iter().filter(|gpus| *gpus > setup.tensor_parallel && *gpus <= self.fit.pool.gpus_per_node.into());
        let wider = wider.map(|tensor_parallel| Setup { tensor_parallel, ..setup.clone() });
        if let Some(setup) = wider.into_iter().find(|setup| serves(setup, self.fit.pool.gpu).is_some()) {
            found.push(format!("`tensor-parallel={}` is expected to serve it with as many copies", setup.tensor_parallel));
        }
        let other = |gpu: &'static catalog::Gpu| {
            let setup = Setup { gpu: gpu.into(), ..setup.clone() };
            Some((serves(&setup, gpu)?, gpu))
        };
        let nearest = catalog::gpus().iter().filter(|gpu| !gpu.unified_memory).filter_map(other).min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, gpu)) = nearest {
            found.push(format!("`gpu \"{}\"` is expected to serve it with as many copies", gpu.name));
        }
        found
    }
}

/// A rate for people: three digits, or whole thousands.
pub(in crate::check) fn rate(rate: f64) -> String {
    match rate {
        rate if rate >= 1000.0 => thousands(rate.round() as u64),
        rate if rate >= 100.0 => format!("{rate:.0}"),
        rate if rate >= 10.0 || rate == rate.round() => format!("{rate:.1}"),
        rate if rate >= 0.01 => format!("{rate:.2}"),
        rate => format!("{rate:.1e}"),
    }
}

/// A rate as a spec may state it, rounded down so that it holds; none where nothing is left of it.
fn stated(rate: f64) -> Option<String> {
    let digits = if rate >= 10.0 { 1.0 } else { 100.0 };
    let rounded = (rate * digits).floor() / digits;
    (rounded > 0.0).then(|| rounded.to_string())
}

/// A time for people.
pub(in crate::check) fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds >= 10.0 => format!("{seconds:.0} s"),
        seconds if seconds >= 1.0 => format!("{seconds:.1} s"),
        seconds if seconds >= 0.01 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{:.1} ms", seconds * 1e3),
    }
}
