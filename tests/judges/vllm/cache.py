#!/usr/bin/env python3
"""Ask vLLM's own code how it lays out a cache, and whether it would give up.

stdin:  a JSON list of cases
stdout: one JSON object a line: {"name", "error", "block_tokens", and unless there is an error
        "bytes_per_block", "blocks", "groups", "tokens", "concurrency", "max_model_len"}

A case has "name", "stages" (lists of layers, each {"kind": "full" | "mla" | "window" | "chunk" |
"delta" | "mamba2" and its sizes}), "available" (bytes for each stage), "max_model_len" (-1: the
engine's choice up to "context"), "max_num_seqs", "max_num_batched_tokens", "tp", "dcp", "async",
"block_size", "element_bytes", "prefixes" and "groups" (whether layers of several kinds share the
pool). Everything else is vLLM's: the sizes of heads and states on one GPU, blocks beside states,
groups, blocks, what is logged, and each message. Exit status: 0 the judge ran, 2 it could not.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import stub
import world

MODES = {False: "none", True: "align"}


class Recorder:
    """Stands in for a module's logger and keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda text, *args, **_: self.lines.append(text % args if args else text)


def known(cls: type, **fields: Any) -> Any:
    """An instance with those of the fields that this version has."""
    return cls(**{name: value for name, value in fields.items() if name in inspect.signature(cls).parameters})


def first(*modules: str) -> Any:
    """The first of the modules that this version has."""
    for name in modules[:-1]:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    return importlib.import_module(modules[-1])


class Engine:
    def __init__(self) -> None:
        stub.install()
        world.pretend_gpus()
        import torch
        from vllm.v1 import kv_cache_interface as specs
        from vllm.v1.core import kv_cache_utils as utils

        # The places differ among releases; a manager registers the specs that it manages.
        first("vllm.v1.core.single_type_kv_cache_manager", "vllm.v1.core.specialized_manager", "vllm.v1.core")
        config = first("vllm.config.vllm", "vllm.config")
        planning = first("vllm.v1.core.kv_cache_planning", "vllm.v1.core.kv_cache_utils")
        # vLLM asks an empty tensor for the size of its elements.
        specs.get_dtype_size = lambda dtype: dtype.itemsize
        self.types = {1: torch.float8_e4m3fn, 2: torch.bfloat16, 4: torch.float32}
        self.config, self.specs, self.utils, self.planning = config, specs, utils, planning

    def vllm_config(self, case: dict[str, Any]) -> Any:
        """The parts of a VllmConfig that decide the cache; properties of it are vLLM's own."""
        own = self.config.VllmConfig
        names = ("max_in_flight_tokens", "max_concurrent_batches")
        config = type("Config", (SimpleNamespace,), {name: getattr(own, name) for name in names if hasattr(own, name)})
        stated = case["max_model_len"]
        layouts = sys.modules.get("vllm.v1.kv_cache_layout")
        layout = layouts and layouts.KVCacheLayout.LBNHC  # what kernels that ask for nothing get
        return config(
            model_config=SimpleNamespace(
                max_model_len=case["context"] if stated == -1 else stated, original_max_model_len=stated,
                architecture="judge", use_mla=False, dtype=self.types[2], get_mamba_chunk_size=lambda: 64,
                supports_kv_cache_grouping=False, is_hybrid=True,
            ),
            scheduler_config=SimpleNamespace(
                disable_hybrid_kv_cache_manager=not case["groups"], async_scheduling=case["async"],
                max_num_batched_tokens=case["max_num_batched_tokens"],
            ),
            parallel_config=SimpleNamespace(
                tensor_parallel_size=case["tp"], pipeline_parallel_size=len(case["stages"]),
                decode_context_parallel_size=case["dcp"], prefill_context_parallel_size=1,
            ),
            cache_config=SimpleNamespace(
                block_size=case["block_size"], num_gpu_blocks_override=None, prefix_cache_retention_interval=None,
                calculate_kv_scales=False,
                mamba_cache_mode=MODES[case["prefixes"]], mamba_block_size=None, mamba_page_size_padded=None,
                user_specified_mamba_block_size=False, enable_prefix_caching=case["prefixes"],
                cache_dtype="auto" if case["element_bytes"] == 2 else "fp8", kv_cache_dtype_skip_layers=[],
                get_resolved_kv_cache_layout=lambda: layout,
            ),
            attention_config=SimpleNamespace(hisparse_config=None, backend=None),
            device_config=SimpleNamespace(device_type="cuda"), compilation_config=SimpleNamespace(static_forward_context={}),
            speculative_config=None, kv_transfer_config=None, use_v2_model_runner=False, num_prefill_lookahead_tokens=0,
        )

    def state(self, layer: dict[str, Any], tp: int) -> dict[str, Any]:
        from vllm.model_executor.layers.mamba.mamba_utils import MambaStateDtypeCalculator as Types
        from vllm.model_executor.layers.mamba.mamba_utils import MambaStateShapeCalculator as Shapes

        recurrent = {1: "auto", 2: "auto", 4: "float32"}[layer["state_bytes"]]
        if layer["kind"] == "delta":
            types = Types.gated_delta_net_state_dtype
            shapes = Shapes.gated_delta_net_state_shape(
                tp, layer["key_heads"], layer["value_heads"], layer["key_dim"], layer["value_dim"], layer["kernel"])
        else:
            types = Types.mamba2_state_dtype
            shapes = Shapes.mamba2_state_shape(
                tp_world_size=tp, intermediate_size=layer["heads"] * layer["head_dim"], n_groups=layer["groups"],
                num_heads=layer["heads"], head_dim=layer["head_dim"], state_size=layer["state"], conv_kernel=layer["kernel"])
        # The recurrent part of a gated delta net has a type of its own since 0.17.0.
        asked = ["auto", recurrent][: len(inspect.signature(types).parameters) - 1]
        return {"shapes": tuple(map(tuple, shapes)), "dtypes": tuple(types(self.types[2], *asked))}

    @staticmethod
    def kernel_sizes(*_: Any) -> list[Any]:
        """Sizes of blocks that FlashAttention takes."""
        return [sys.modules["vllm.v1.attention.backend"].MultipleOf(16)]

    def align(self, config: Any, case: dict[str, Any]) -> None:
        """Let vLLM choose the blocks of attention beside states."""
        from vllm.model_executor import models
        from vllm.platforms import interface

        layers = [layer for stage in case["stages"] for layer in stage]
        states = [layer for layer in layers if layer["kind"] in ("delta", "mamba2")]
        attention = next((layer for layer in layers if layer["kind"] not in ("delta", "mamba2")), None)
        config.cache_config.mamba_block_size = config.model_config.max_model_len
        if not states or attention is None:
            return
        state = self.state(states[0], case["tp"])
        model = SimpleNamespace(
            get_mamba_state_shape_from_config=lambda _: state["shapes"], get_mamba_state_dtype_from_config=lambda _: state["dtypes"])
        models.ModelRegistry.resolve_model_cls = lambda *_, **__: (model, None)
        config.model_config.get_num_kv_heads = lambda _: max(1, attention["kv_heads"] // case["tp"])
        config.model_config.get_head_size = lambda: attention["head_dim"]
        backend = SimpleNamespace(get_supported_kernel_block_sizes=self.kernel_sizes, customize_spec=lambda spec: spec)
        self.config.set_current_vllm_config = lambda *_, **__: stub.Stub("context")
        if not hasattr(interface.Platform, "_align_hybrid_block_size"):  # until 0.19.1
            from vllm.model_executor.models import config as models_config

            models_config.ModelRegistry = models.ModelRegistry
            models_config.MambaModelConfig.verify_and_update_config = classmethod(lambda *_: None)
            models_config.current_platform = SimpleNamespace(
                is_device_capability=lambda *_: False, is_device_capability_family=lambda *_: False)
            models_config.HybridAttentionMambaModelConfig.verify_and_update_config(config)
            return
        platform = type("Platform", (interface.Platform,), {"_find_non_ssm_backends": classmethod(lambda *_: [backend])})
        platform._align_hybrid_block_size(config, backend)

    def window_block(self, one: Any, cache: Any) -> int:
        """Tokens of a block of a window, which `Attention.get_kv_cache_spec` chooses since 0.25.0."""
        try:
            from vllm.model_executor.layers.attention.attention import _largest_kernel_block_within as largest
        except ImportError:
            return cache.block_size
        backend = SimpleNamespace(get_supported_kernel_block_sizes=self.kernel_sizes)
        # The budget may be left out until 0.29.0, and is.
        optional = "None" in str(inspect.signature(largest).parameters["page_budget"].annotation)
        return largest(backend, one.page_size_bytes, None if optional else one.page_size_bytes * cache.block_size, cache.block_size)

    def spec(self, layer: dict[str, Any], config: Any, case: dict[str, Any]) -> Any:
        specs, cache = self.specs, config.cache_config
        if layer["kind"] in ("delta", "mamba2"):
            return known(specs.MambaSpec, block_size=cache.mamba_block_size, page_size_padded=cache.mamba_page_size_padded,
                         mamba_cache_mode=cache.mamba_cache_mode, **self.state(layer, case["tp"]))
        common: dict[str, Any] = {"block_size": cache.block_size, "dtype": self.types[case["element_bytes"]], "use_mla": False}
        common["indexes_kv_by_block_stride"] = True  # as the kernels of NVIDIA's GPUs do
        if layer["kind"] == "mla":
            latent = specs.__dict__.get("MLAAttentionSpec", specs.FullAttentionSpec)
            dtype = self.types[layer.get("element_bytes", case["element_bytes"])]
            # An indexer's cache has a type of its own, which tells it apart from the latent vectors.
            kind = None if "element_bytes" in layer else cache.cache_dtype
            own = {"num_kv_heads": 1, "head_size": layer["head_dim"], "use_mla": True, "dtype": dtype, "cache_dtype_str": kind}
            return known(latent, **common | own)
        common |= {"num_kv_heads": max(1, layer["kv_heads"] // case["tp"]), "head_size": layer["head_dim"]}
        if layer["kind"] == "window":
            common["block_size"] = self.window_block(known(specs.SlidingWindowSpec, **common | {"block_size": 1}, sliding_window=1), cache)
            return known(specs.SlidingWindowSpec, **common, sliding_window=layer["tokens"])
        if layer["kind"] == "chunk" and hasattr(specs, "ChunkedLocalAttentionSpec"):
            return known(specs.ChunkedLocalAttentionSpec, **common, attention_chunk_size=layer["tokens"])
        return known(specs.FullAttentionSpec, **common, head_size_v=layer.get("value_dim"))

    def configs(self, config: Any, stages: list[dict[str, Any]], available: list[int]) -> list[Any]:
        planning = self.planning
        if hasattr(planning, "get_global_kv_cache_groups"):
            return planning.get_kv_cache_configs(config, stages, available, planning.get_global_kv_cache_groups(config, stages))
        if hasattr(planning, "get_kv_cache_configs"):
            return planning.get_kv_cache_configs(config, stages, available)
        made = [planning.get_kv_cache_config(config, specs, bytes_) for specs, bytes_ in zip(stages, available)]
        planning.unify_kv_cache_configs(made)
        return made

    def states_fit(self, cache: Any, requests: int) -> None:
        """vLLM's check of requests against states, where the version has it."""
        compilation = first("vllm.config.compilation", "vllm.config")
        resolve = getattr(compilation.CompilationConfig, "resolve_cudagraph_mode_and_sizes", None)
        if resolve is not None and "max_num_reqs" in inspect.signature(resolve).parameters:
            from vllm.v1.attention.backend import AttentionCGSupport

            settings = SimpleNamespace(cudagraph_mode=compilation.CUDAGraphMode.FULL_AND_PIECEWISE)
            resolve(settings, AttentionCGSupport.ALWAYS, None, kv_cache_config=cache, max_num_reqs=requests)

    def answer(self, case: dict[str, Any]) -> dict[str, Any]:
        config = self.vllm_config(case)
        self.align(config, case)
        answer: dict[str, Any] = {"name": case["name"], "error": None, "block_tokens": config.cache_config.block_size}
        stages: list[dict[str, Any]] = []
        for at, stage in enumerate(case["stages"]):
            stages.append({f"{at}.{number}": self.spec(layer, config, case) for number, layer in enumerate(stage)})
        recorder = Recorder()
        self.utils.logger = self.planning.logger = recorder
        try:
            made = self.configs(config, stages, case["available"])
            if hasattr(self.utils, "update_kv_cache_capacity"):
                self.utils.update_kv_cache_capacity(config, self.utils.generate_scheduler_kv_cache_config(made))
            self.states_fit(made[0], case["max_num_seqs"])
        except (ValueError, NotImplementedError) as refusal:
            return answer | {"error": str(refusal) or type(refusal).__name__}
        cache = min(made, key=lambda one: one.num_blocks)
        tensors = getattr(cache, "kv_cache_tensors", None) or list(cache.tensors.values())
        shared = hasattr(tensors[0], "layer_stride")
        total = max(one.size for one in tensors) if shared else sum(one.size for one in tensors)
        tokens = [match for line in recorder.lines if (match := re.search(r"KV cache size: ([\d,]+) tokens", line))]
        answer["tokens"] = int(tokens[0].group(1).replace(",", ""))
        if hasattr(self.utils, "get_max_concurrency_for_kv_cache_config"):
            answer["concurrency"] = self.utils.get_max_concurrency_for_kv_cache_config(config, cache)
        else:  # until 0.9.0 the log has the quotient alone
            answer["concurrency"] = answer["tokens"] / config.model_config.max_model_len
        return answer | {
            "bytes_per_block": total // cache.num_blocks if cache.num_blocks else None, "blocks": cache.num_blocks,
            "groups": len(cache.kv_cache_groups), "max_model_len": config.model_config.max_model_len,
        }


def main() -> int:
    cases = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="vllm-cache-") as scratch:
        world.prepare_environment(Path(scratch))
        engine = Engine()
        for case in cases:
            answer = engine.answer(case)
            if stub.QUESTIONS:
                raise RuntimeError(f"unanswered: {stub.QUESTIONS}")
            print(json.dumps(answer), file=results, flush=True)
    return 0


if __name__ == "__main__":
    world.run("vllm judge", main)
