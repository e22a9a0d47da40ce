"""Asks rego-cpp for the values of Rego rules."""

import json
import sys
from pathlib import Path

from regopy import Interpreter, RegoError

# Python's own failures exit with 1: the caller must tell them from a verdict.
REJECTED = 3
FAILED = 2


def value(files: list[str], case: dict) -> object:
    interpreter = Interpreter()
    for file in files:
        interpreter.add_module(Path(file).name, Path(file).read_text(encoding="utf-8"))
    if case.get("data") is not None:
        interpreter.add_data(case["data"])
    interpreter.set_input(case["input"])
    result = json.loads(str(interpreter.query(case["query"])))
    expressions = result.get("expressions")
    # A rule without a value gives no expression.
    return expressions[0] if expressions else None


def main() -> int:
    try:
        asked = json.load(sys.stdin)
        files, cases = [str(file) for file in asked["files"]], list(asked["cases"])
    except (ValueError, KeyError, TypeError) as error:
        print(f"rego judge: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    for case in cases:
        try:
            print(json.dumps(value(files, case), sort_keys=True))
        except RegoError as error:
            print(f"{case['query']}: {' '.join(str(error).split())[:500]}")
            return REJECTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
