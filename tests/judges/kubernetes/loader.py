"""Reads YAML as an API server does: no duplicate keys, nothing but JSON values."""

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class Loader(Base):  # type: ignore[misc, valid-type]
    """PyYAML's safe loader keeps the last of two equal keys and builds dates."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise refusal(key_node, f"the key {key!r} is not a string")
            if key in seen:
                raise refusal(key_node, f"the key {key!r} stands twice")
            seen.add(key)
        value: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return value

    def construct_date(self, node: yaml.ScalarNode) -> Any:
        raise refusal(node, f"{node.value} without quotes is a date, not a string")


Loader.add_constructor(TIMESTAMP, Loader.construct_date)


def refusal(node: yaml.Node, reason: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=reason, problem_mark=node.start_mark)


def documents(text: bytes) -> Iterator[Any]:
    loader = Loader(text)
    try:
        while loader.check_data():
            yield loader.get_data()
    finally:
        loader.dispose()


def describe(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    return f"{problem} (line {mark.line + 1})" if mark else problem
