"""Reads the Python sources of one vLLM release without running them.

A `Release` finds what a name means across modules; `Release.value` computes an expression as far as
it is made of constants, and gives an `Opaque` for the rest.
"""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Opaque:
    """Something that only the running engine knows; `text` is its source."""

    text: str


@dataclass(frozen=True)
class Class:
    """A class, and the module that defines it."""

    module: str
    node: ast.ClassDef


@dataclass(frozen=True)
class Type:
    """A type hint: `args` are values of a Literal, or hints."""

    name: str
    args: tuple[Any, ...] = ()


BUILTIN_TYPES = {"int", "str", "float", "bool", "dict", "list", "tuple", "set"}
GENERIC = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Sequence": "list", "Mapping": "dict"}
# What the engine's own platform would say on a node with NVIDIA GPUs, and how it was started.
KNOWN = {"current_platform.device_type": "cuda", "sys.argv": ["vllm", "serve"], "envs.VLLM_SERVER_DEV_MODE": False}


class Release:
    """The sources of one release."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, dict[str, tuple[str, Any]] | None] = {}
        self.trees: dict[str, ast.Module] = {}

    def path(self, module: str) -> Path | None:
        base = self.root / module.replace(".", "/")
        for path in (base.with_suffix(".py") if base.suffix == "" else Path(f"{base}.py"), base / "__init__.py"):
            if path.is_file():
                return path
        return None

    def tree(self, module: str) -> ast.Module | None:
        if module not in self.trees:
            path = self.path(module)
            if path is None:
                return None
            self.trees[module] = ast.parse(path.read_text(encoding="utf-8"))
        return self.trees[module]

    def names(self, module: str) -> dict[str, tuple[str, Any]] | None:
        """What the module's names are bound to when it runs: imports, classes, functions, values."""
        if module not in self.modules:
            tree = self.tree(module)
            found: dict[str, tuple[str, Any]] | None = None
            if tree is not None:
                found = {}
                self._bind(module, tree.body, found)
            self.modules[module] = found
        return self.modules[module]

    def _bind(self, module: str, body: list[ast.stmt], found: dict[str, tuple[str, Any]]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = ("class", Class(module, node))
            elif isinstance(node, ast.FunctionDef):
                found[node.name] = ("function", (module, node))
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found[target.id] = ("value", node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
                found[node.target.id] = ("value", node.value)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self.bind_import(module, node, found)
            elif isinstance(node, ast.If):
                checking = ast.unparse(node.test).endswith("TYPE_CHECKING")
                self._bind(module, node.body, found)
                if checking or node.orelse:
                    # While it runs, the second branch decides.
                    self._bind(module, node.orelse, found)
            elif isinstance(node, ast.Try):
                self._bind(module, node.body, found)

    def bind_import(self, module: str, node: ast.Import | ast.ImportFrom, found: dict[str, tuple[str, Any]]) -> None:
        if isinstance(node, ast.Import):
            for name in node.names:
                bound = name.asname or name.name.partition(".")[0]
                found[bound] = ("module", name.name if name.asname else bound)
            return
        source = node.module or ""
        if node.level:
            path = self.path(module)
            package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            source = f"{package}.{source}" if source else package
        for name in node.names:
            if name.name == "*":
                if self.names(source) is not None:
                    found.update({n: ("import", (source, n)) for n in self.names(source) if not n.startswith("_")})
            else:
                found[name.asname or name.name] = ("import", (source, name.name))

    def lookup(self, module: str, name: str, seen: frozenset[Any] = frozenset()) -> tuple[str, str, Any] | None:
        """Defining module, kind and content of a name."""
        if (module, name) in seen:
            return None
        names = self.names(module)
        if names is None or name not in names:
            # A submodule can be meant, or a name that a package loads lazily.
            return ("", "module", f"{module}.{name}") if self.path(f"{module}.{name}") else None
        kind, content = names[name]
        if kind == "import":
            found = self.lookup(*content, seen | {(module, name)})
            return found if found is not None else (content[0], "foreign", content[1])
        return (module, kind, content)

    def class_of(self, module: str, name: str) -> Class | None:
        found = self.lookup(module, name)
        return found[2] if found and found[1] == "class" else None

    def bases(self, cls: Class) -> list[Class]:
        """The class after its bases, oldest first."""
        chain: list[Class] = []
        for base in cls.node.bases:
            if isinstance(base, ast.Name) and (found := self.class_of(cls.module, base.id)):
                chain += self.bases(found)
        return [*chain, cls]

    def fields(self, cls: Class) -> dict[str, tuple[Class, ast.AnnAssign]]:
        """The annotated names of a class with the class that each comes from, in order."""
        found: dict[str, tuple[Class, ast.AnnAssign]] = {}
        for part in self.bases(cls):
            for node in part.node.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    hint = ast.unparse(node.annotation)
                    if not hint.startswith(("ClassVar", "InitVar")):
                        found[node.target.id] = (part, node)
        return found

    # Types

    def hints(self, node: ast.expr, module: str) -> list[Type]:
        """The parts of a union, each a type."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return [Type("None")]
            if isinstance(node.value, str):
                return self.hints(ast.parse(node.value, mode="eval").body, module)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.hints(node.left, module) + self.hints(node.right, module)
        if isinstance(node, ast.Subscript):
            name = ast.unparse(node.value).rpartition(".")[2]
            inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
            if name == "Optional":
                return [*self.hints(inner[0], module), Type("None")]
            if name == "Union":
                return [hint for part in inner for hint in self.hints(part, module)]
            if name in {"Annotated", "SkipValidation"}:
                return self.hints(inner[0], module)
            if name == "Literal":
                return [Type("Literal", tuple(self.literal(inner, module)))]
            if name in BUILTIN_TYPES | set(GENERIC):
                name = GENERIC.get(name, name)
                return [Type(name, tuple(tuple(self.hints(part, module)) if not is_dots(part) else ... for part in inner))]
            return [Type(name)]
        if isinstance(node, ast.Name):
            if node.id in BUILTIN_TYPES:
                return [Type(node.id)]
            found = self.lookup(module, node.id)
            if found and found[1] == "class":
                return [Type("class", (found[2],))]
            if found and found[1] == "foreign" and found[0].startswith("vllm"):
                raise LookupError(f"{module}: {node.id} of {found[0]} is not found")
            if found and found[1] == "value" and isinstance(found[2], (ast.Name, ast.Subscript, ast.BinOp, ast.Attribute)):
                return self.hints(found[2], found[0])
            return [Type(node.id)]
        return [Type(ast.unparse(node))]

    def literal(self, inner: list[ast.expr], module: str) -> list[Any]:
        values: list[Any] = []
        for part in inner:
            if isinstance(part, (ast.Name, ast.Subscript)):
                for hint in self.hints(part, module):
                    values += hint.args
            else:
                values.append(self.value(part, module, {}))
        return list(dict.fromkeys(values))

    # Values

    def value(self, node: ast.expr, module: str, local: dict[str, Any]) -> Any:
        """The value of an expression; `Opaque` where it is not made of constants."""
        try:
            return self._value(node, module, local)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
            return Opaque(ast.unparse(node))

    def _value(self, node: ast.expr, module: str, local: dict[str, Any]) -> Any:
        def go(part: ast.expr) -> Any:
            return self._value(part, module, local)

        text = ast.unparse(node)
        if text in KNOWN:
            return KNOWN[text]
        match node:
            case ast.Constant():
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return list(itertools.chain.from_iterable(go(e.value) if isinstance(e, ast.Starred) else [go(e)] for e in node.elts))
            case ast.Dict():
                merged: dict[Any, Any] = {}
                for key, part in zip(node.keys, node.values):
                    merged |= go(part) if key is None else {go(key): go(part)}
                return merged
            case ast.Name():
                if node.id in local:
                    return local[node.id]
                if node.id in BUILTIN_TYPES:
                    return Type(node.id)
                found = self.lookup(module, node.id)
                if found and found[1] == "value":
                    return self.value(found[2], found[0], {})
                return found[2] if found and found[1] == "class" else Opaque(text)
            case ast.Attribute():
                return self.attribute(node, module, local)
            case ast.Subscript():
                inner, key = go(node.value), go(node.slice) if not isinstance(node.slice, ast.Slice) else None
                if isinstance(inner, Opaque):
                    return Opaque(text)
                return inner[int(go(node.slice.lower)) :] if isinstance(node.slice, ast.Slice) else inner[key]
            case ast.BinOp():
                return operate(node.op, go(node.left), go(node.right))
            case ast.UnaryOp(op=ast.USub()):
                return -go(node.operand)
            case ast.UnaryOp(op=ast.Not()):
                return not truth(go(node.operand))
            case ast.BoolOp():
                results = [truth(go(part)) for part in node.values]
                return all(results) if isinstance(node.op, ast.And) else any(results)
            case ast.Compare(ops=[op], comparators=[right]):
                return compare(op, go(node.left), go(right))
            case ast.IfExp():
                return go(node.body) if truth(go(node.test)) else go(node.orelse)
            case ast.JoinedStr():
                return "".join(str(go(p.value)) if isinstance(p, ast.FormattedValue) else p.value for p in node.values)
            case ast.ListComp(generators=[one]) | ast.GeneratorExp(generators=[one]):
                items = go(one.iter)
                if isinstance(items, Class):
                    items = [Opaque(""), *self.members(items)][1:]
                name = one.target.id
                return [self._value(node.elt, module, local | {name: item}) for item in items]
            case ast.Call():
                return self.call(node, module, local)
        return Opaque(text)

    def members(self, cls: Class) -> list[dict[str, Any]]:
        """The members of an Enum."""
        body = [n for n in cls.node.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
        return [{"name": n.targets[0].id, "value": self.value(n.value, cls.module, {})} for n in body]

    def attribute(self, node: ast.Attribute, module: str, local: dict[str, Any]) -> Any:
        base = self.value(node.value, module, local)
        if isinstance(base, dict) and node.attr in base:
            return base[node.attr]
        if node.attr == "value" and isinstance(base, (str, int)):
            return base  # a member of an Enum, which stands here for its value
        if isinstance(base, Class):
            for member in self.members(base):
                if member["name"] == node.attr:
                    return member["value"]
            return self.default(base, node.attr)
        if isinstance(node.value, ast.Name):
            found = self.lookup(module, node.value.id)
            if found and found[1] == "module":
                target = self.lookup(found[2], node.attr)
                if target and target[1] == "value":
                    return self.value(target[2], target[0], {})
                if target and target[1] == "class":
                    return target[2]
                annotated = self._annotated(found[2], node.attr)
                return Opaque(ast.unparse(node)) if annotated is None else self.value(annotated, found[2], {})
        return Opaque(ast.unparse(node))

    def _annotated(self, module: str, name: str) -> ast.expr | None:
        tree = self.tree(module)
        for node in ast.walk(tree) if tree else []:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return node.value
        return None

    def default(self, cls: Class, name: str) -> Any:
        """The default of a field of a dataclass."""
        owner, node = self.fields(cls)[name]
        return Opaque(name) if node.value is None else self.field_default(node.value, owner.module)

    def field_default(self, node: ast.expr, module: str) -> Any:
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"field", "Field"}:
            words = {k.arg: k.value for k in node.keywords}
            if "default" in words:
                return self.field_default(words["default"], module)
            if "default_factory" in words:
                return self.made(words["default_factory"], module)
            return self.field_default(node.args[0], module) if node.args else Opaque(ast.unparse(node))
        return self.value(node, module, {})

    def made(self, factory: ast.expr, module: str) -> Any:
        if isinstance(factory, ast.Lambda):
            return self.value(factory.body, module, {})
        name = ast.unparse(factory).partition("[")[0]
        if name in {"dict", "list", "set", "tuple"}:
            return {} if name == "dict" else []
        return Opaque(f"{name}()")

    def call(self, node: ast.Call, module: str, local: dict[str, Any]) -> Any:
        function = ast.unparse(node.func).rpartition(".")[2]
        args = [self.value(a.value if isinstance(a, ast.Starred) else a, module, local) for a in node.args]
        if function == "get_field":
            return self.default(args[0], args[1])
        if function == "get_args" and isinstance(node.args[0], (ast.Name, ast.Attribute)):
            return [v for hint in self.hints(node.args[0], module) for v in hint.args]
        if function in {"list", "sorted", "tuple", "set"} and args and isinstance(args[0], (list, dict)):
            return sorted(args[0]) if function == "sorted" else list(args[0])
        if function == "int" and ast.unparse(node.args[0]) == "ssl.CERT_NONE":
            return 0
        if function in {"int", "float", "str"} and args and not isinstance(args[0], Opaque):
            return {"int": int, "float": float, "str": str}[function](args[0])
        if function == "permutations":
            return [list(p) for p in itertools.permutations(args[0], self.value(node.keywords[0].value, module, local))]
        if isinstance(node.func, ast.Attribute):
            base = self.value(node.func.value, module, local)
            if function == "join":
                return base.join(args[0])
            if function == "keys":
                return list(base)
            if function == "replace" and isinstance(base, str):
                return base.replace(*args)
        return Opaque(ast.unparse(node))


def is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def truth(value: Any) -> bool:
    if isinstance(value, Opaque):
        raise TypeError(f"not known: {value.text}")
    return bool(value)


def operate(op: ast.operator, left: Any, right: Any) -> Any:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow():
            return left**right
        case ast.LShift():
            return left << right
    raise TypeError("operator")


def compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        raise TypeError("not known")
    match op:
        case ast.In():
            return left in right
        case ast.NotIn():
            return left not in right
        case ast.Eq():
            return left == right
        case ast.Is():
            return left is right
        case ast.IsNot():
            return left is not right
    raise TypeError("comparison")
