#!/usr/bin/env python3
"""Print what the parser of one vLLM release takes: judge.py FOLDER

FOLDER holds the Python files of the release's wheel. Its own code makes the parser of `vllm serve`;
stand-ins take the place of torch, of compiled parts, and of packages that this does not concern.

stdout: a JSON list of {"flags", "kind", "type", "nargs", "choices", "default", "deprecated"}, where
`default` is null for none and {"other": text} for a value that is not plain.
Exit status: 0 printed, 2 could not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "vllm"))
import stub  # noqa: E402
import world  # noqa: E402

# Packages that older or newer releases import and that parse nothing.
OTHERS = frozenset({
    "transformers", "ray", "gguf", "cv2", "outlines", "depyf", "tiktoken", "lark", "mcp", "opentelemetry", "scipy",
    "diskcache", "anthropic", "model_hosting_container_standards", "watchfiles", "compressed_tensors", "uvloop",
    "prometheus_fastapi_instrumentator", "numba", "openai_harmony", "jinja2", "setproctitle", "orjson", "msgpack", "llmcompressor", "tokenizers", "huggingface_hub", "safetensors",
})
# The server behind the parser.
SERVER = frozenset({
    "vllm.entrypoints.openai.api_server", "vllm.entrypoints.launcher", "vllm.v1.engine.core", "vllm.v1.executor", "vllm.v1.executor.abstract", "vllm.v1.executor.multiproc_executor",
    "vllm.v1.executor.ray_utils",
    "vllm._C", "vllm._moe_C", "vllm._custom_ops", "vllm.commit_id",
})


def plain(value: Any) -> Any:
    """A default as JSON, or how it names itself."""
    if value is argparse.SUPPRESS:
        return {"other": "SUPPRESS"}
    if hasattr(value, "value") and isinstance(value, str):
        return value.value
    if isinstance(value, (set, frozenset, tuple)):
        value = sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return {"other": type(value).__name__}


def described(action: argparse.Action) -> dict[str, Any]:
    """What an action takes."""
    return {
        "flags": action.option_strings,
        "kind": type(action).__name__,
        "type": getattr(action.type, "__name__", None if action.type is None else type(action.type).__name__),
        "nargs": action.nargs,
        "choices": None if action.choices is None else [plain(choice) for choice in action.choices],
        "default": plain(action.default),
        "deprecated": bool(getattr(action, "deprecated", False)),
    }


def serve_parser() -> argparse.ArgumentParser:
    """The parser of `vllm serve`, made by the release."""
    for name in ("vllm.utils.argparse_utils", "vllm.utils"):
        try:
            flexible = importlib.import_module(name).FlexibleArgumentParser
            break
        except (ImportError, AttributeError):
            continue
    serve = importlib.import_module("vllm.entrypoints.cli.serve")
    commands = flexible(prog="vllm").add_subparsers(dest="subparser")
    return serve.ServeSubcommand().subparser_init(commands)


def loosen() -> None:
    """Let stand-ins be generic, and fields of data classes: no value of theirs is ever read here."""
    from pydantic_core import core_schema

    stub.StubType.__getitem__ = lambda cls, parameters: cls
    stub.StubType.register = lambda cls, *_, **__: None
    stub.StubType.__get_pydantic_core_schema__ = lambda cls, source, handler: core_schema.any_schema()


def pretend_gpus() -> None:
    """Say that the node has NVIDIA GPUs, whatever build the wheel is of."""
    from vllm import platforms
    from vllm.platforms.interface import Platform, PlatformEnum

    class Gpus(Platform):
        _enum, device_name, device_type, dispatch_key = PlatformEnum.CUDA, "cuda", "cuda", "CUDA"

    platforms._current_platform = Gpus()


def main() -> int:
    folder = Path(sys.argv[1])
    if not (folder / "vllm").is_dir():
        print(f"{folder} holds no release", file=sys.stderr)
        return 2
    sys.path.insert(0, str(folder))
    sys.argv = ["vllm", "serve"]
    # The engine logs to standard output; keep that stream for the answer.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    stub.ROOTS |= OTHERS
    stub.EXTENSIONS |= SERVER
    with tempfile.TemporaryDirectory(prefix="releases-judge-") as scratch:
        world.prepare_environment(Path(scratch))
        stub.install()
        loosen()
        pretend_gpus()
        actions = [a for a in serve_parser()._actions if a.option_strings and a.dest != "help"]
    json.dump([described(action) for action in actions], results)
    results.flush()
    return 0


if __name__ == "__main__":
    world.run("releases judge", main)
