"""The model classes that one release implements itself and generates text with."""

from __future__ import annotations

import ast

from source import Release

# The tables of `models/registry.py`; the others pool, guess ahead, or wrap what `transformers` implements.
TABLES = ("_TEXT_GENERATION_MODELS", "_MULTIMODAL_MODELS")


def classes(release: Release) -> list[str]:
    """Names as `architectures` of a `config.json` has them, sorted."""
    tree = release.tree("vllm.model_executor.models.registry")
    found: set[str] = set()
    for node in tree.body if tree else []:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id in TABLES and isinstance(node.value, ast.Dict):
            found.update(key.value for key in node.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    if len(found) < 50:
        raise SystemExit(f"{release.root}: the model classes are somewhere else")
    return sorted(found)
