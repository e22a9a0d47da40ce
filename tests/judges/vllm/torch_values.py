"""The few torch and triton values that the stand-in knows: those of a node with H100s.

It refuses to make up any other.
"""

from __future__ import annotations

import inspect
import types
from typing import Any, Callable

VERSION = "2.13.0"

_FLOATS = {  # bits and greatest finite value, as IEEE 754 and the OCP 8-bit formats define them
    "float64": (64, 1.7976931348623157e308),
    "float32": (32, 3.4028234663852886e38),
    "float16": (16, 65504.0),
    "bfloat16": (16, 3.3895313892515355e38),
    "float8_e4m3fn": (8, 448.0),
    "float8_e4m3fnuz": (8, 240.0),
    "float8_e5m2": (8, 57344.0),
}
_INTS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "bool": 8}
_ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}


class dtype:
    """torch.dtype: a real class, since pydantic checks instances of it."""

    is_complex = False

    def __init__(self, name: str, bits: int) -> None:
        self.name, self.itemsize = name, bits // 8
        self.is_floating_point = name in _FLOATS

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # a copy is the same object, as with the real ones


class device:
    """torch.device: vLLM only stores one for its CPU platform."""

    def __init__(self, kind: str, index: int | None = None) -> None:
        self.type, self.index = kind, index

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"


class Size(tuple):
    """torch.Size."""


def _finfo(kind: dtype) -> types.SimpleNamespace:
    bits, top = _FLOATS[kind.name]
    return types.SimpleNamespace(bits=bits, max=top, min=-top)


def _iinfo(kind: dtype) -> types.SimpleNamespace:
    bits = _INTS[kind.name]
    low, top = (0, 2**bits - 1) if kind.name == "uint8" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return types.SimpleNamespace(bits=bits, max=top, min=low)


def _infer_schema(function: Callable[..., Any], **_: Any) -> str:
    """vLLM counts the outputs of its operators' schemas while it is imported."""
    outputs = str(inspect.signature(function).return_annotation).count("Tensor")
    return f"() -> ({', '.join(['Tensor'] * outputs)})"


class constexpr:
    """triton.language.constexpr: outside a kernel the plain value does."""

    def __new__(cls, value: Any) -> Any:
        return value


def _kernel_config(
    kwargs: dict[str, Any], num_warps: int = 4, num_stages: int = 3, **_: Any
) -> types.SimpleNamespace:
    return types.SimpleNamespace(kwargs=kwargs, num_warps=num_warps, num_stages=num_stages)


def _custom_op(*_: Any, **__: Any) -> Callable[..., Any]:
    def mark(function: Any) -> Any:
        function.register_fake = function.register_kernel = lambda *_: function
        return function

    return mark


def _answers() -> dict[str, Any]:
    known: dict[str, Any] = {name: dtype(name, bits) for name, (bits, _) in _FLOATS.items()}
    known |= {name: dtype(name, bits) for name, bits in _INTS.items()}
    known |= {alias: known[name] for alias, name in _ALIASES.items()}
    known |= {
        "dtype": dtype, "device": device, "Size": Size, "finfo": _finfo, "iinfo": _iinfo,
        "version.cuda": "13.0", "version.hip": None, "library.infer_schema": _infer_schema,
        "library.custom_op": _custom_op, "_inductor.config.deterministic": False,
        "accelerator.current_accelerator": lambda *_: None, "cpu.device_count": lambda: 1,
        "cuda.device_count": lambda: 8,
    }
    known |= {
        "cuda.get_device_name": lambda *_: "NVIDIA H100 80GB HBM3",
        "cuda.get_device_capability": lambda *_: (9, 0),
        "cuda.get_device_properties": lambda *_: types.SimpleNamespace(
            total_memory=80 * 2**30, multi_processor_count=132
        ),
    }
    # Yes and no, in a process that has not touched a device yet.
    known |= dict.fromkeys([
        "cuda.is_available", "distributed.is_available", "distributed.is_nccl_available",
        "distributed.distributed_c10d.is_nccl_available",
        "ops._C.cutlass_scaled_mm_supports_fp8", "ops._C.cutlass_scaled_mm_supports_block_fp8",
    ], lambda *_: True)
    known |= dict.fromkeys([
        "xpu.is_available", "backends.mps.is_available", "compiler.is_compiling",
        "distributed.is_initialized", "distributed.is_xccl_available",
        "cpu._is_avx512_supported", "cpu._is_avx512_bf16_supported", "cpu._is_amx_tile_supported",
    ], lambda *_: False)
    driver = types.SimpleNamespace(is_active=lambda: True)
    return {f"torch.{name}": value for name, value in known.items()} | {
        "triton.backends.backends": {"nvidia": types.SimpleNamespace(driver=driver)},
        "triton.runtime.driver.active.get_current_target": lambda: types.SimpleNamespace(backend="cuda"),
        "triton.runtime.driver.active.utils.get_device_properties": lambda _: {
            "max_shared_mem": 232448, "multiprocessor_count": 132,
        },
        "triton.language.constexpr": constexpr,
        "triton.Config": _kernel_config,
    }


ANSWERS = _answers()
