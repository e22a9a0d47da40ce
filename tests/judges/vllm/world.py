"""What a pod has and the judge lacks: environment, GPUs, model folders, files, a tokenizer."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, Callable, NoReturn

import stub


def prepare_environment(scratch: Path) -> None:
    """Must run before vLLM is imported: it reads its environment once."""
    foreign = ("VLLM_", "HF_", "HUGGING", "TRANSFORMERS_", "CUDA_")
    for key in [key for key in os.environ if key.startswith(foreign)]:
        del os.environ[key]  # the caller's settings must not colour a verdict
    os.environ |= {
        "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": "CRITICAL",
        "VLLM_CONFIG_ROOT": str(scratch / "settings"),
        "HF_HOME": str(scratch / "hf"), "TRANSFORMERS_VERBOSITY": "critical",
        # Safe only because every model is replaced by a local folder.
        "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
    }


def run(judge: str, main: Callable[[], int]) -> NoReturn:
    """Ends with 2 where the judge itself fails: that is no verdict."""
    try:
        sys.exit(main())
    except Exception:
        traceback.print_exc()
        print(f"{judge}: could not run", file=sys.stderr)
        sys.exit(2)


def put(content: dict[str, Any] | str, place: Path) -> Path:
    """Write a model folder (a dict is its config.json) or a plain file (a str)."""
    if isinstance(content, str):
        place.write_text(content)
    else:
        place.mkdir()
        (place / "config.json").write_text(json.dumps(content))
    return place


def with_stand_ins(args: list[str], stand_ins: dict[str, Any], scratch: Path) -> list[str]:
    """Replace names in args, whole or as a JSON string inside one, by what stands in for them."""
    for number, (name, content) in enumerate(stand_ins.items()):
        path = str(put(content, scratch / f"stand-in-{number}"))
        args = [path if arg == name else arg.replace(json.dumps(name), json.dumps(path)) for arg in args]
    return args


class AnyVocabulary(dict):
    """Has every token: whether a model's real vocabulary does is not judged here."""

    def __missing__(self, token: str) -> int:
        return self.setdefault(token, len(self) + 1)

    def __contains__(self, token: object) -> bool:
        return True

    def get(self, token: str, default: Any = None) -> int:
        return self[token]


class AnyTokenizer:
    """Stands in where a reasoning parser looks up the ids of its marks."""

    def __init__(self, **_: Any) -> None:
        self.vocabulary = AnyVocabulary()

    def get_vocab(self) -> AnyVocabulary:
        return self.vocabulary

    def convert_tokens_to_ids(self, token: str) -> int:
        return self.vocabulary[token]

    def encode(self, text: str, **_: Any) -> list[int]:
        return [self.vocabulary[text]]


def need(name: str | None) -> None:
    """Note an absolute path that only the pod has, lest its absence look like a verdict."""
    if name is not None and name.startswith("/") and not Path(name).exists():
        stub.QUESTIONS.append(f"file {name}, not among the stand-ins")


def pretend_gpus() -> Any:
    """Make vLLM believe in a node of H100s; return the class whose `count` says how many."""
    from vllm import platforms

    # The wheel is the CPU build and would choose the CPU.
    platforms.vllm_version_matches_substr = lambda part: False
    from vllm.platforms.cuda import NonNvmlCudaPlatform

    class Gpus(NonNvmlCudaPlatform):
        count = 8

        @classmethod
        def device_count(cls) -> int:
            return cls.count

        def is_cumem_allocator_available(self) -> bool:
            return True  # the GPU image has it; asking it would load CUDA's libraries

    if platforms._current_platform is not None:
        raise RuntimeError("vLLM chose a platform before it was told of the GPUs")
    platforms._current_platform = Gpus()
    return Gpus


def fit_vllm() -> None:
    """Replace the three places where vLLM would leave this process or need a model's files."""
    # Llama, as most of what it imports every model's class imports: once here, not once a case.
    from vllm.config import reasoning
    from vllm.model_executor.models import llama, registry  # noqa: F401
    from vllm.transformers_utils import config

    reasoning.cached_tokenizer_from_config = AnyTokenizer
    exists = config.file_or_path_exists

    def exists_here(model: Any, *args: Any, **kwargs: Any) -> bool:
        if not Path(model).exists():  # vLLM would call it a wrong model id
            stub.QUESTIONS.append(f"model {model}, not among the stand-ins")
        return exists(model, *args, **kwargs)

    config.file_or_path_exists = exists_here

    load = registry._LazyRegisteredModel.load_model_cls

    def load_and_note(model: Any) -> Any:
        try:
            return load(model)
        except Exception as error:  # vLLM would hide it behind a ValueError
            stub.QUESTIONS.append(f"class {model.class_name}, not importable: {error!r}")
            raise

    registry._LazyRegisteredModel.load_model_cls = load_and_note
    # vLLM inspects a model's class in a process of its own, which lacks the stand-in.
    registry._run_in_subprocess = lambda inspect: inspect()
