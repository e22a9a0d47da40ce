//! Intervals and windows that rules cannot work with.

use super::{Check, Context};
use crate::diagnostic::{Diagnostic, Route, Rule, Severity};
use crate::spec::Duration;

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-O005",
    name: "unusable-interval",
    severity: Severity::Error,
    docs: "The scrape interval is not between 5 s and 75 s, the window of an objective is not between \
           1 and 90 days, a drain is not between 1 s and one hour, or a cache keeps answers for less than \
           1 s or more than a year.\n\n\
           Rates are taken over 5 minutes and more, and need 4 scrapes in that time: with fewer, one missed \
           scrape makes the alerts blind. Below 5 s, scraping costs more than it tells. A window under a day \
           is over before anybody has read the alert, and one above 90 days is longer than most Prometheus \
           servers remember. A pod that drains for more than an hour blocks the upgrade of its node. A cache \
           that keeps nothing answers nothing, whatever hits are stated.\n\n\
           ```kdl\nmonitoring { scrape-interval \"5m\" }     // at most 75s\n```\n\n\
           Write a length of time within the bounds that the message names.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let day = 86_400;
    let (shortest, longest) = (Duration::from_seconds(5), Duration::from_seconds(75));
    let interval = Route::of(["monitoring", "scrape-interval"]);
    out.extend(outside("the scrape interval", cx.spec.monitoring.scrape_interval, shortest, longest, interval));
    for (name, model) in &cx.spec.model {
        if let Some(drain) = model.drain {
            let (shortest, longest) = (Duration::from_seconds(1), Duration::from_seconds(3600));
            out.extend(outside("the drain", drain, shortest, longest, Route::of(["model", name, "drain"])));
        }
        for (objective, described) in &model.objective {
            let at = Route::of(["model", name, "objective", objective, "window"]);
            let (shortest, longest) = (Duration::from_seconds(day), Duration::from_seconds(90 * day));
            out.extend(outside(&format!("the window of `{objective}`"), described.window, shortest, longest, at));
        }
    }
    for (name, route) in &cx.spec.route {
        if let Some(cache) = &route.cache {
            let (shortest, longest) = (Duration::from_seconds(1), Duration::from_seconds(365 * day));
            let at = Route::of(["route", name, "cache", "ttl"]);
            out.extend(outside("the time for which an answer is kept", cache.ttl, shortest, longest, at));
        }
    }
}

fn outside(what: &str, value: Duration, shortest: Duration, longest: Duration, at: Route) -> Option<Diagnostic> {
    let (word, nearest) = if value < shortest {
        ("below", shortest)
    } else if value > longest {
        ("above", longest)
    } else {
        return None;
    };
    // Whole weeks and hours would be shown in another unit than people write here.
    let shown = |d: Duration| match d.milliseconds() / 1000 {
        seconds if seconds % 86_400 == 0 && seconds > 0 => format!("{}d", seconds / 86_400),
        _ => d.to_string(),
    };
    let finding = Diagnostic::at_value(&RULE, at, format!("{what} is {}, {word} {}", shown(value), shown(nearest)));
    Some(finding.label(format!("between {} and {}", shown(shortest), shown(longest))).help(format!("write `\"{}\"`", shown(nearest))))
}
