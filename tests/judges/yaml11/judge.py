"""Compares YAML files, read by YAML 1.1, with the JSON values they stand for."""

import json
import sys
from collections.abc import Hashable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

# Python's own failures exit with 1: the caller must tell them from a verdict.
REJECTED = 3
FAILED = 2
MISSING = object()
NAMES = {dict: "mapping", list: "list", str: "string", bool: "boolean", int: "integer", float: "float"}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML would keep the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        value: dict[Hashable, Any] = super().construct_mapping(node, deep)
        if len(value) != len(node.value):
            raise yaml.constructor.ConstructorError(problem="a key stands twice", problem_mark=node.start_mark)
        return value


def show(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    if value is None:
        return "null"
    name = NAMES.get(type(value), type(value).__name__)
    text = repr(value)
    return name if isinstance(value, dict | list) else f"{name} {text if len(text) <= 60 else text[:57] + '...'}"


def differences(seen: Any, wanted: Any, path: str = "") -> Iterator[str]:
    if isinstance(seen, dict) and isinstance(wanted, dict):
        for key in wanted.keys() | seen.keys():
            yield from differences(seen.get(key, MISSING), wanted.get(key, MISSING), f"{path}.{key}")
    elif isinstance(seen, list) and isinstance(wanted, list):
        for index, (one, other) in enumerate(zip_longest(seen, wanted, fillvalue=MISSING)):
            yield from differences(one, other, f"{path}[{index}]")
    # In Python True == 1 == 1.0.
    elif type(seen) is not type(wanted) or seen != wanted:
        yield f"{path.lstrip('.') or 'document'}: reads as {show(seen)}, meant is {show(wanted)}"


def title(document: Any) -> str:
    value = document if isinstance(document, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{value.get('kind', '?')}/{name or '?'}"


def judge(file: str, documents: list[Any]) -> Iterator[str]:
    seen: list[Any] = []
    stop = None
    try:
        for value in yaml.load_all(Path(file).read_bytes(), Loader):
            seen.append(value)
    except yaml.YAMLError as error:
        stop = " ".join(str(error).split())
    for number, (one, other) in enumerate(zip_longest(seen, documents, fillvalue=MISSING), start=1):
        start = f"{file}: document {number} {title(other)}"
        if stop is not None and number > len(seen):
            yield f"{start}: {stop}"
            return
        yield from (f"{start}: {reason}" for reason in sorted(differences(one, other)))
    if stop is not None:
        yield f"{file}: document {len(seen) + 1} ?/?: {stop}"


def main() -> int:
    try:
        cases = [(str(case["file"]), list(case["documents"])) for case in json.load(sys.stdin)]
        lines = [line for file, documents in cases for line in judge(file, documents)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"yaml11 judge: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    print(*lines, sep="\n", end="\n" if lines else "")
    return REJECTED if lines else 0


if __name__ == "__main__":
    sys.exit(main())
