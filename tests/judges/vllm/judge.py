#!/usr/bin/env python3
"""Ask vLLM's own code whether it would take an argument list of `vllm serve`.

stdin:  a JSON list of {"name", "args": [str], "config": {...}|null, "engine_config": bool}
stdout: one JSON object a line: {"name", "accepted", "stage", "error"}

`args` are a container's args, the image's entrypoint being `vllm serve`. `config` is the
model's config.json, needed for `engine_config`. A case may have "gpus", how many the pod
has (8), and "stand_ins", which maps further names in args to contents: a draft model's id
to its config, a pod's path to text.

The stages "parse", "validate" and "engine-config" are verdicts of vLLM, on H100s that it is
made to believe in. "judge" means that there is none: the torch stand-in, a missing file or
package, or this script was in the way. Exit status: 0 the judge ran, 2 it could not.
"""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import os
import re
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Iterator

import stub
import world

CASE_SECONDS = 120
TINY = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "vocab_size": 512,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512,
}
# What the judge must answer before it is trusted with anything else.
SELF_CHECK = (
    (["tiny", "--max-model-len", "512"], True, "engine-config"),
    (["tiny", "--max-model-len", "513"], False, "engine-config"),
    (["tiny", "--enable-auto-tool-choice"], False, "validate"),
    (["tiny", "--max-model-le", "512"], False, "parse"),
    (["tiny", "--tensor-parallel-size", "16"], False, "engine-config"),
)


class Judge:
    def __init__(self, scratch: Path) -> None:
        stub.install()
        self.gpus = world.pretend_gpus()
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
        from vllm.usage.usage_lib import UsageContext
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        self.scratch = scratch
        self.engine_args, self.context = AsyncEngineArgs, UsageContext.OPENAI_API_SERVER
        self.validate = validate_parsed_serve_args
        # Prefixes of option names are off at both levels: a cut-off flag is an error.
        self.parser = FlexibleArgumentParser(prog="vllm", allow_abbrev=False)
        commands = self.parser.add_subparsers(dest="subparser")
        make_arg_parser(commands.add_parser("serve", allow_abbrev=False))
        world.fit_vllm()

    def stages(self, case: dict[str, Any], folder: Path) -> Iterator[str]:
        """Yield the name of each stage, then do its work."""
        yield "parse"
        args = world.with_stand_ins(case["args"], case.get("stand_ins") or {}, folder)
        arguments = self.parser.parse_args(["serve", *args])
        world.need(arguments.chat_template)
        yield "validate"
        self.validate(arguments)
        if not case.get("engine_config"):
            return
        yield "judge"
        if not case.get("config"):
            raise ValueError("engine_config needs the model's config")
        arguments.model = str(world.put(case["config"], folder / "model"))
        if arguments.tokenizer is not None:
            arguments.tokenizer = arguments.model
        self.gpus.count = case.get("gpus", self.gpus.count)
        yield "engine-config"
        self.engine_args.from_cli_args(arguments).create_engine_config(usage_context=self.context)

    def verdict(self, case: dict[str, Any]) -> dict[str, Any]:
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        stage, error, noise = "judge", None, io.StringIO()
        # vLLM keeps what it learns of a model's class here: a later case must ask anew.
        os.environ["VLLM_CACHE_ROOT"] = str(folder / "cache")
        stub.QUESTIONS.clear()
        try:
            with contextlib.redirect_stderr(noise), contextlib.redirect_stdout(io.StringIO()):
                for stage in self.stages(case, folder):
                    pass
        except SystemExit as stop:
            message = noise.getvalue().partition(": error: ")[2].strip()
            error = message if stop.code else "prints text and exits instead of serving"
        except Exception as failure:
            error = describe(failure)
            if not (meant_by_vllm(failure) or (stage == "parse" and isinstance(failure, IndexError))):
                stage = "judge"
        if stub.QUESTIONS:
            stage, error = "judge", f"unanswered: {'; '.join(stub.QUESTIONS)}: {error}"
        if error is not None:
            error = error.replace(str(folder), "<pod>")
        return {"name": case["name"], "accepted": error is None, "stage": stage, "error": error}

    def in_child(self, case: dict[str, Any]) -> dict[str, Any]:
        """Judge in a fork: vLLM changes its defaults and environment while it works."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(CASE_SECONDS)
                os.close(reader)
                with os.fdopen(writer, "w") as out:
                    json.dump(self.verdict(case), out)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader) as answer:
            text = answer.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return json.loads(text)
        error = f"the case ended the judge's child with status {status}"
        return {"name": case["name"], "accepted": False, "stage": "judge", "error": error}

    def check_itself(self) -> None:
        for args, accepted, stage in SELF_CHECK:
            case = {"name": "self check", "args": args, "config": TINY, "engine_config": True}
            got = self.in_child(case)
            if (got["accepted"], got["stage"]) != (accepted, stage):
                raise RuntimeError(f"{args}: expected accepted={accepted} at {stage}, got {got}")


def parts(failure: BaseException) -> list[BaseException]:
    """The errors inside a pydantic error that were raised by Python code; else the error itself."""
    if not hasattr(failure, "errors"):
        return [failure]
    inner = [item.get("ctx", {}).get("error") for item in failure.errors()]
    return [error for error in inner if isinstance(error, BaseException)]


def describe(failure: BaseException) -> str:
    if not hasattr(failure, "errors"):
        return f"{type(failure).__name__}: {failure}"
    told = [": ".join([*map(str, item["loc"]), item["msg"]]) for item in failure.errors()]
    return f"{failure.title}: {'; '.join(told)}"


def meant_by_vllm(failure: BaseException) -> bool:
    """True for an error raised on purpose, False for an accident or for want of a file or package."""
    for part in parts(failure):
        link: BaseException | None = part
        while link is not None:
            if isinstance(link, (OSError, ImportError, AttributeError, stub.StubQuestion)):
                return False
            if re.search("No module named|pip install|current platform", str(link)):
                return False
            link = link.__cause__
        frames = traceback.extract_tb(part.__traceback__)
        source = linecache.getline(frames[-1].filename, frames[-1].lineno or 0) if frames else ""
        if not source.lstrip().startswith(("raise", "assert")):
            return False
    return True


def main() -> int:
    cases = json.load(sys.stdin)
    for case in cases:
        if not isinstance(case["name"], str) or not all(isinstance(arg, str) for arg in case["args"]):
            raise TypeError(f"not a case: {case}")
    # vLLM logs to stdout; keep that stream for the verdicts alone.
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="vllm-judge-") as scratch:
        world.prepare_environment(Path(scratch))
        judge = Judge(Path(scratch))
        judge.check_itself()
        for case in cases:
            print(json.dumps(judge.in_child(case)), file=results, flush=True)
    return 0


if __name__ == "__main__":
    world.run("vllm judge", main)
