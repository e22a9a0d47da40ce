"""A stand-in for torch, good enough to import vLLM's argument and config code.

Code can *name* anything below ROOTS (types, decorators, base classes), but only
the values in `torch_values` are known. When vLLM asks for any other value, in an
`if`, a comparison or a sum, the question is refused and noted in QUESTIONS:
an invented answer could turn into a wrong verdict, a noted question cannot.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any, Callable

import typing_extensions
from torch_values import ANSWERS, VERSION

# Beside torch: kernels' language, image helpers, Mistral's tokenizers, decoders of structured output.
ROOTS = frozenset({
    "torch", "torchvision", "triton", "mistral_common",
    "xgrammar", "llguidance", "outlines_core", "lmformatenforcer",
})
# Compiled parts of vLLM's CUDA build, which its Python code imports on a GPU node.
EXTENSIONS = frozenset({
    "vllm._C_stable_libtorch", "vllm._moe_C_stable_libtorch", "vllm._qutlass_C", "vllm.cumem_allocator",
    "vllm.vllm_flash_attn._vllm_fa2_C", "vllm.vllm_flash_attn._vllm_fa3_C",
})
QUESTIONS: list[str] = []
_NODES: dict[str, Any] = {}


class StubQuestion(RuntimeError):
    """vLLM wanted a value that only the real library could give."""


def _refuse(name: str, how: str) -> Any:
    QUESTIONS.append(f"{name} ({how})")
    raise StubQuestion(f"the stub has no value for {name} ({how})")


def _foreign(name: str) -> bool:
    """Names no torch object has: protocol methods we lack, and vLLM's own marks."""
    return name.startswith("_vllm") or (name.startswith("__") and name.endswith("__"))


class StubType(type(typing_extensions.Protocol)):  # type: ignore[misc]
    """Metaclass of stub classes: a Protocol's own, so that both can be bases at once."""

    def __getattr__(cls, name: str) -> Any:
        # A class that merely inherits from a stub must not answer to every name:
        # vLLM reads a model's abilities from the attributes it lacks.
        dotted = cls.__dict__.get("stub_name")
        if dotted is None or _foreign(name):
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}")
        return _node(f"{dotted}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        dotted = cls.__dict__.get("stub_name")
        return super().__call__(*args, **kwargs) if dotted is None else StubObject(f"{dotted}()")


class Module(metaclass=StubType):
    """torch.nn.Module: nearly empty, so that what a model class has is vLLM's own."""

    def to(self, *args: Any) -> Any:
        return self

    cuda = half = float = to  # transformers wraps these four


class Stub:
    """A value of unknown content: it can be named, called and used as a decorator."""

    def __init__(self, dotted: str) -> None:
        self.__dict__["stub_name"] = dotted

    def __getattr__(self, name: str) -> Any:
        if _foreign(name):
            raise AttributeError(name)
        return _node(f"{self.__dict__['stub_name']}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Used as a decorator, hand the function back untouched.
        if len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
            return args[0]
        return Stub(f"{self.__dict__['stub_name']}()")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (_stub_class(self.__dict__["stub_name"]),)

    def __instancecheck__(self, instance: Any) -> bool:
        return False  # nothing real is an instance of a torch type

    def __getitem__(self, key: Any) -> Any:
        return self  # a generic's parameters do not matter

    def __or__(self, other: Any) -> Any:
        return Any  # only seen in annotations such as `torch.x | None`

    __ror__ = __or__

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: Any) -> None:
        return None

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<stub {self.__dict__['stub_name']}>"


def _refuser(how: str) -> Callable[..., Any]:
    return lambda self, *_: _refuse(self.__dict__["stub_name"], how)


for _how in ("bool int float index len iter contains lt le gt ge eq ne neg and add radd sub rsub "
             "mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow").split():
    setattr(Stub, f"__{_how}__", _refuser(_how))


class StubObject(Stub):
    """An instance of a stub class; like most objects it is true."""

    def __bool__(self) -> bool:
        return True


class StubModule(types.ModuleType):
    """What `import torch.anything` yields."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return VERSION
        if _foreign(name):
            raise AttributeError(name)
        return _node(f"{self.__name__}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Stub(self.__name__)(*args, **kwargs)


class Finder:
    """Meta-path hook: answers for EXTENSIONS, and for ROOTS and everything below them."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] not in ROOTS and name not in EXTENSIONS:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        return StubModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = f"<stub {module.__name__}>"


def _stub_class(dotted: str) -> type:
    key = f"class {dotted}"
    if key not in _NODES:
        parent, _, name = dotted.rpartition(".")
        body = {"stub_name": dotted, "__module__": parent, "_is_protocol": False}
        _NODES[key] = StubType(name, (), body)
    return _NODES[key]


def _node(dotted: str) -> Any:
    """The one object that stands for a dotted name."""
    if dotted in ANSWERS:
        return ANSWERS[dotted]
    if dotted in sys.modules:
        return sys.modules[dotted]
    if dotted.rpartition(".")[2][:1].isupper():
        return _stub_class(dotted)
    return _NODES.setdefault(dotted, Stub(dotted))


def install() -> None:
    """Put the stand-in first, so that not even an installed torch is imported."""
    ANSWERS["torch.nn.Module"] = Module
    sys.meta_path.insert(0, Finder())
