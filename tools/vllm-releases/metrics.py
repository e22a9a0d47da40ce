"""The Prometheus metrics of one release, read from its sources without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from flags import text
from source import Opaque, Release

# Modules that make metrics in every server; connectors between servers make more.
MODULES = ("vllm.v1.metrics.loggers", "vllm.v1.metrics.perf", "vllm.v1.spec_decode.metrics")
KINDS = {"gauge": "gauge", "counter": "counter", "histogram": "histogram"}
HIDDEN = "show_hidden_metrics"


@dataclass
class Metric:
    """A metric under its name on the wire."""

    name: str
    kind: str
    labels: str
    buckets: str
    # Empty for one that is always there; else `hidden`, or the condition in the engine's words.
    shown: str


@dataclass
class Scope:
    """What a function has bound so far, and under which conditions it runs."""

    local: dict[str, Any] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()


class Reader:
    """Walks the functions that make metrics."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.metrics: dict[str, Metric] = {}
        # The labels of every metric, which the first module hands to the others.
        self.labels: list[str] = []

    def module(self, name: str) -> None:
        tree = self.release.tree(name)
        for cls in tree.body if tree else []:
            if isinstance(cls, ast.ClassDef):
                for function in cls.body:
                    if isinstance(function, ast.FunctionDef):
                        given = {a.arg: Opaque(a.arg) for a in function.args.args}
                        if "labelnames" in given and self.labels:
                            given["labelnames"] = self.labels
                        self.block(name, function.body, Scope(given))

    def block(self, module: str, body: list[ast.stmt], scope: Scope) -> None:
        for node in body:
            if isinstance(node, ast.If):
                test = plain(ast.unparse(node.test))
                # An early return leaves the rest to the other case.
                if all(isinstance(n, (ast.Return, ast.Expr)) for n in node.body) and isinstance(node.body[-1], ast.Return):
                    scope.conditions += (negated(test),)
                    continue
                self.block(module, node.body, Scope(scope.local, (*scope.conditions, test)))
                self.block(module, node.orelse, Scope(scope.local, (*scope.conditions, negated(test))))
                continue
            if isinstance(node, ast.For):
                self.block(module, node.body, scope)
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.ListComp):
                    self.listed(module, part, scope)
                elif isinstance(part, ast.Call):
                    self.call(module, part, scope)
            targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
            value = getattr(node, "value", None)
            for target in targets:
                if value is not None and isinstance(target, ast.Name):
                    scope.local[target.id] = self.value(value, module, scope)
                    if target.id == "labelnames" and isinstance(scope.local[target.id], list):
                        self.labels = scope.local[target.id]
                elif value is not None and ast.unparse(target).startswith("self."):
                    scope.local[ast.unparse(target)] = self.value(value, module, scope)

    def value(self, node: ast.expr, module: str, scope: Scope) -> Any:
        if isinstance(node, ast.Attribute) and ast.unparse(node) in scope.local:
            return scope.local[ast.unparse(node)]
        if isinstance(node, ast.List):
            return [self.value(e, module, scope) for e in node.elts]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "histogram_buckets":
            family = ast.literal_eval(node.args[0])
            found = self.release.lookup("vllm.v1.metrics.buckets", "_STATIC_FAMILY_DEFAULTS")
            table = self.release.value(found[2], found[0], {})
            return table.get(family, Opaque("build_1_2_5_buckets(max_model_len)"))
        return self.release.value(node, module, scope.local)

    def listed(self, module: str, node: ast.ListComp, scope: Scope) -> None:
        """Metrics made in a loop over names and documentation."""
        generator = node.generators[0]
        items = self.value(generator.iter, module, scope)
        if isinstance(items, list) and isinstance(generator.target, ast.Tuple):
            names = [t.id for t in generator.target.elts]
            for item in items:
                inner = Scope(scope.local | dict(zip(names, item)), scope.conditions)
                for part in ast.walk(node.elt):
                    if isinstance(part, ast.Call):
                        self.call(module, part, inner)

    def call(self, module: str, node: ast.Call, scope: Scope) -> None:
        function = ast.unparse(node.func).rpartition(".")[2].lower().strip("_").removesuffix("_cls")
        words = {k.arg: k.value for k in node.keywords}
        if function not in KINDS or "name" not in words:
            return
        name = self.value(words["name"], module, scope)
        if not isinstance(name, str) or not name.startswith("vllm:"):
            return
        if function == "counter":
            # The client library ends every counter so on the wire.
            name = f"{name.removesuffix('_total')}_total"
        labels = self.value(words["labelnames"], module, scope)
        shown = list(labels) if isinstance(labels, list) else ["*"]
        shown = ["*" if isinstance(label, Opaque) else label for label in shown]
        buckets = self.value(words["buckets"], module, scope) if "buckets" in words else ""
        if isinstance(buckets, Opaque):
            buckets = buckets.text.partition("(")[0].removeprefix("build_")
        elif buckets != "":
            buckets = ",".join(text(float(b)) for b in buckets)
        condition = " and ".join(scope.conditions)
        if HIDDEN in condition:
            condition = "hidden"
        if name == "vllm:cache_config_info":
            condition = ""
        if name not in self.metrics or not condition:
            self.metrics[name] = Metric(name, KINDS[function], ",".join(shown), buckets, condition)


def negated(condition: str) -> str:
    return condition.removeprefix("not ") if condition.startswith("not ") else f"not ({condition})"


def plain(condition: str) -> str:
    """A condition without the names of the objects that lead to it."""
    for word in ("self.", "vllm_config.", "observability_config."):
        condition = condition.replace(word, "")
    return " ".join(condition.split())


def metrics(release: Release) -> dict[str, Metric]:
    """Every metric of the engine, by its name on the wire."""
    reader = Reader(release)
    for module in MODULES:
        reader.module(module)
    return reader.metrics
