"""Compares statistics with what scipy and statsmodels give for the same arguments."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

# Python's own failures exit with 1: the caller must tell them from a verdict.
REJECTED = 3
FAILED = 2
TOLERANCE = 1e-9
# Boost's noncentral t loses relative precision in tails that are as good as empty, and an end of an interval
# that happens to lie at 0 has none: what a difference is held against at least.
LEAST = {"sf": 1e-10, "d_low": 1e-2, "d_high": 1e-2}


def root(f: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(f, low, high, xtol=1e-300, rtol=8.9e-16, maxiter=500))


def nct_sf(t: float, df: float, nc: float) -> float:
    """Boost gives NaN for some tails that are as good as empty, and sometimes for the other one of them."""
    seen = float(stats.nct.sf(t, df, nc))
    if math.isnan(seen):
        seen = 1.0 - float(stats.nct.cdf(t, df, nc))
    if math.isnan(seen) and abs(nc - t) > 6:
        seen = 1.0 if nc > t else 0.0
    return seen


def t_power(d: float, first: float, second: float, alpha: float, sides: int) -> float:
    df = first + second - 2
    nc = d * math.sqrt(first * second / (first + second))
    critical = stats.t.isf(alpha / sides, df)
    # At a noncentrality of 8 the far tail is below 1e-15.
    far = nct_sf(critical, df, -nc) if sides == 2 and nc < 8 else 0.0
    return nct_sf(critical, df, nc) + far


def alternative(sides: int) -> str:
    return "two-sided" if sides == 2 else "larger"


Figures = Iterator[tuple[str, float, float]]


def t_size(d: float, ratio: float, alpha: float, power: float, sides: int) -> Figures:
    # Not by the solver of statsmodels, which misses by a tenth where its noncentral t gives NaN.
    exact = root(lambda n: t_power(d, n, n * ratio, alpha, sides) - power, max(2, 2 / ratio), 1e8)
    yield "size", exact, TOLERANCE


def t_effect(first: float, second: float, alpha: float, power: float, sides: int) -> Figures:
    unit = math.sqrt(1 / first + 1 / second)
    yield "effect", root(lambda d: t_power(d, first, second, alpha, sides) - power, 1e-9 * unit, 60 * unit), TOLERANCE


def proportions(first: float, second: float, ratio: float, alpha: float, power: float, sides: int) -> Figures:
    h = proportion_effectsize(second, first)
    yield "h", float(h), TOLERANCE
    found = NormalIndPower().power
    n = root(lambda n: found(abs(h), n, alpha, ratio, alternative(sides)) - power, 1e-9, 1e15)
    yield "size", max(n, 2, 2 / ratio), TOLERANCE


def noncentral(t: float, df: float, nc: float) -> Figures:
    yield "sf", float(stats.nct.sf(t, df, nc) if nc else stats.t.sf(t, df)), TOLERANCE


def welch(control: list[float], treatment: list[float], alpha: float) -> Figures:
    seen = stats.ttest_ind(treatment, control, equal_var=False)
    low, high = seen.confidence_interval(1 - alpha)
    for name, value in (("t", seen.statistic), ("df", seen.df), ("p", seen.pvalue), ("low", low), ("high", high)):
        yield name, float(value), TOLERANCE
    n, m = len(control), len(treatment)
    df = n + m - 2
    pooled = ((n - 1) * np.var(control, ddof=1) + (m - 1) * np.var(treatment, ddof=1)) / df
    d = float((np.mean(treatment) - np.mean(control)) / math.sqrt(pooled))
    unit = math.sqrt(1 / n + 1 / m)
    t = d / unit
    yield "d", d, TOLERANCE
    reach = 10 + abs(t)
    # The distribution mirrors: cdf(t, nc) = sf(-t, -nc).
    lower = root(lambda nc: nct_sf(t, df, nc) - alpha / 2, t - reach, t + reach)
    upper = root(lambda nc: nct_sf(-t, df, -nc) - alpha / 2, t - reach, t + reach)
    yield "d_low", lower * unit, TOLERANCE
    yield "d_high", upper * unit, TOLERANCE


def ratio(observed: list[int], weights: list[float]) -> Figures:
    expected = np.array(weights) / sum(weights) * sum(observed)
    seen = stats.chisquare(observed, expected)
    yield "chi_squared", float(seen.statistic), TOLERANCE
    yield "p", float(seen.pvalue), TOLERANCE


def corrections(p: list[float]) -> Figures:
    for name in ("bonferroni", "holm", "fdr_bh"):
        for index, value in enumerate(multipletests(p, method=name)[1]):
            yield f"{name}.{index}", float(value), TOLERANCE


KINDS: dict[str, Callable[..., Figures]] = {
    f.__name__: f for f in (t_size, t_effect, proportions, noncentral, welch, ratio, corrections)
}


def differences(number: int, case: dict[str, Any]) -> Iterator[str]:
    """Between ours and theirs in one case."""
    figures = {name: (value, tolerance) for name, value, tolerance in KINDS[case["kind"]](**case["arguments"])}
    if figures.keys() != case["result"].keys():
        yield f"{number} {case['kind']}: {sorted(case['result'])} are not {sorted(figures)}"
        return
    for name, (value, tolerance) in figures.items():
        seen = float(case["result"][name])
        apart = abs(seen - value) / max(abs(value), LEAST.get(name, 1e-300))
        WORST[case["kind"]] = max(WORST.get(case["kind"], 0.0), apart / tolerance)
        if not apart <= tolerance:
            yield f"{number} {case['kind']}.{name}: {seen!r} is not {value!r} ({apart:.1e}) of {case['arguments']}"


WORST: dict[str, float] = {}


def main() -> int:
    np.seterr(all="ignore")
    try:
        cases = json.load(sys.stdin)
        lines = [line for number, case in enumerate(cases) for line in differences(number, case)]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        print(f"scipy judge: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    for kind, share in WORST.items():
        print(f"{kind}: at most {share:.1e} of the tolerance", file=sys.stderr)
    print(*lines, sep="\n", end="\n" if lines else "")
    return REJECTED if lines else 0


if __name__ == "__main__":
    sys.exit(main())
