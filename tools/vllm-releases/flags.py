"""The command line of `vllm serve` in one release, read from its sources."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import Any

from source import Class, Opaque, Release, Type

# Types of fields that take sizes such as `8k`; the function that reads them has had two names.
SIZES = {"human_readable_int", "human_readable_int_or_auto"}
# The registries whose names a parser offers: class, then folders that have held it.
REGISTRIES = {
    "ReasoningParserManager": ("vllm/reasoning", "vllm/entrypoints/openai/reasoning_parsers"),
    "ToolParserManager": ("vllm/tool_parsers", "vllm/entrypoints/openai/tool_parsers"),
}


@dataclass
class Flag:
    """One option of the parser."""

    name: str
    short: str
    kind: str
    type: str
    choices: str
    default: str
    deprecated: bool


def text(value: Any) -> str:
    """A default or a choice on one line; `?` where only the running engine knows it."""
    if isinstance(value, Opaque):
        return "{}" if value.text.endswith(("Config()", "Options()")) else "?"
    if isinstance(value, (Class, Type)):
        return "?"
    if isinstance(value, str):
        return json.dumps(value) if value in {"", "-", "?"} or value.strip() != value else value
    return json.dumps(value, separators=(",", ":"), default=lambda _: "?")


class Parser:
    """Collects what `add_argument` is called with."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.flags: dict[str, Flag] = {}
        self.arguments = "vllm.engine.arg_utils"
        self.source = ast.unparse(release.tree(self.arguments))
        self.optional_value = "{bool, str, type(None)}" in self.source
        self.sets = "contains_type(type_hints, set)" in self.source
        self.nested = "def get_type_hints" in self.source
        self.sizes = set(self._sizes())
        # Since it has this class, `--disable-x` is the other side of `--enable-x`, beside `--no-enable-x`.
        self.opposites = any(
            path.is_file() and "class EnableDisableAction" in path.read_text(encoding="utf-8")
            for path in [release.root / "vllm/utils/argparse_utils.py"]
        )

    def _sizes(self) -> list[str]:
        """Names of the fields that `get_kwargs` gives a size's type."""
        found: list[str] = []
        for node in ast.walk(self.release.tree(self.arguments)):
            if isinstance(node, ast.FunctionDef) and node.name in {"get_kwargs", "_compute_kwargs"}:
                for part in ast.walk(node):
                    if isinstance(part, (ast.Set, ast.Tuple)):
                        found += [e.value for e in part.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
                    if isinstance(part, ast.Compare) and isinstance(part.comparators[0], ast.Constant):
                        found.append(str(part.comparators[0].value))
        return found

    def registered(self, manager: str) -> list[str]:
        """Names of the built-in parsers of a kind: given to decorators, or keys of one table."""
        names: set[str] = set()
        for folder in REGISTRIES[manager]:
            for path in sorted((self.release.root / folder).glob("*.py")):
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("_PARSERS_TO_REGISTER"):
                        names |= {key.value for key in node.value.keys}
                    if isinstance(node, ast.ClassDef):
                        for mark in node.decorator_list:
                            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == f"{manager}.register_module":
                                given = ast.literal_eval((mark.args or [k.value for k in mark.keywords if k.arg == "name"])[0])
                                names |= {given} if isinstance(given, str) else set(given)
        return sorted(names)

    # Fields of a config class

    def kwargs(self, cls: Class, name: str) -> dict[str, Any]:
        """What vLLM's `get_kwargs` makes of a field."""
        owner, node = self.release.fields(cls)[name]
        hints = [self._plain(h) for h in self.release.hints(node.annotation, owner.module)]
        kwargs: dict[str, Any] = {"default": self.release.default(cls, name), "help": self.documentation(owner, node)}
        kinds = {hint.name: hint for hint in reversed(hints)}
        classes = [h.args[0] for h in hints if h.name == "class"]
        if any(is_dataclass(self.release, c) for c in classes):
            kwargs["type"] = "json"
        elif self.optional_value and set(kinds) == {"bool", "str", "None"}:
            kwargs |= {"type": "str", "nargs": "?"}
        elif "bool" in kinds:
            kwargs["action"] = "pair"
        elif "Literal" in kinds:
            options = list(kinds["Literal"].args)
            kwargs["type"] = type(options[0]).__name__
            if "str" not in kinds or "metavar" not in self.source:
                kwargs["choices"] = sorted(options) + [None] * ("None" in kinds)
        elif group := next((g for g in ("tuple", "list", "set") if g in kinds and (g != "set" or self.sets)), None):
            inner = kinds[group].args
            item = inner[0][0] if len(inner[0]) == 1 else Type("str")
            fixed = group == "tuple" and ... not in inner
            kwargs |= {"type": item.name, "nargs": len(inner) if fixed else "+"}
            if item.name == "Literal":
                kwargs |= {"type": type(item.args[0]).__name__, "choices": sorted(item.args)}
                kwargs["choices"] += [None] * ("None" in kinds)
        elif "int" in kinds:
            kwargs["type"] = "size" if name in self.sizes else "int"
        elif "float" in kinds:
            kwargs["type"] = "float"
        elif "dict" in kinds:
            kwargs["type"] = "str" if set(kinds) - {"dict", "None"} else "json"
        else:
            kwargs["type"] = "str"
        return kwargs

    def documentation(self, owner: Class, field: ast.AnnAssign) -> str:
        """The string below a field, which becomes its help."""
        after = owner.node.body[owner.node.body.index(field) + 1 :][:1]
        if after and isinstance(after[0], ast.Expr) and isinstance(after[0].value, ast.Constant):
            return str(after[0].value.value)
        return ""

    def _plain(self, hint: Type) -> Type:
        """Subclasses of `dict` are dictionaries on the command line."""
        if hint.name == "class" and any(ast.unparse(b).startswith("dict") for b in hint.args[0].node.bases):
            return Type("dict") if "is_dict_subclass" in self.source else hint
        return hint

    # Statements

    def run(self, module: str, function: ast.FunctionDef, local: dict[str, Any]) -> Any:
        """Follow a function that adds arguments."""
        for argument, default in zip(reversed(function.args.args), reversed(function.args.defaults)):
            local.setdefault(argument.arg, self.release.value(default, module, {}))
        self.block(module, function.body, local)
        return None

    def block(self, module: str, body: list[ast.stmt], local: dict[str, Any]) -> None:
        for node in body:
            match node:
                case ast.Expr(value=ast.Call() as call) | ast.Return(value=ast.Call() as call):
                    self.called(module, call, local)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if not self.called(module, call, local, name):
                    local[name] = self.value(call, module, local)
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if not isinstance(value, ast.Call):
                    local[name] = self.value(value, module, local)
                case ast.Assign(targets=[ast.Subscript() as target], value=value):
                    self.value(target.value, module, local)[self.value(target.slice, module, local)] = self.value(value, module, local)
                case ast.AugAssign(target=ast.Subscript() as target, value=value):
                    place, key = self.value(target.value, module, local), self.value(target.slice, module, local)
                    if key in place:
                        place[key] = place[key] + self.value(value, module, local)
                case ast.Delete(targets=[ast.Subscript() as target]):
                    self.value(target.value, module, local).pop(self.value(target.slice, module, local), None)
                case ast.If():
                    test = self.value(node.test, module, local)
                    if isinstance(test, Opaque):
                        raise ValueError(f"{module}: cannot decide {ast.unparse(node.test)}")
                    self.block(module, node.body if test else node.orelse, local)
                case ast.For():
                    self.loop(module, node, local)
                case ast.ImportFrom():
                    self.release.bind_import(module, node, self.release.names(module))

    def loop(self, module: str, node: ast.For, local: dict[str, Any]) -> None:
        if isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func).endswith("_kwargs.items"):
            kwargs = local[node.iter.func.value.id]
            items: list[Any] = [[name, kwargs[name]] for name in kwargs.names]
        else:
            items = self.value(node.iter, module, local)
        for item in items:
            names = [target.id for target in node.target.elts]
            self.block(module, node.body, local | dict(zip(names, item)))

    def value(self, node: ast.expr, module: str, local: dict[str, Any]) -> Any:
        source = ast.unparse(node)
        if isinstance(node, ast.Lambda):
            # Such a value is read without regard to case, and `-` for `_`.
            return "word" if ".lower()" in source else "str"
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            base = self.value(node.value, module, local)
            if isinstance(base, (dict, Kwargs)):
                return base[self.value(node.slice, module, local)]
        if isinstance(node, ast.Name) and node.id in local:
            return local[node.id]
        if isinstance(node, ast.Dict) and None in node.keys:
            merged: dict[str, Any] = {}
            for key, part in zip(node.keys, node.values):
                found = self.value(part, module, local)
                merged |= found if key is None else {self.value(key, module, local): found}
            return merged
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function.rpartition(".")[2] == "get_kwargs":
                cls = local.get("cls") if source.endswith("(cls)") else self.release.value(node.args[0], module, local)
                return Kwargs(self, cls)
            if function in {"optional_type", "parse_type"}:
                return self.type_name(node.args[0])
            if function == "value.pop":
                return local["value"].pop("flags", [])
            for manager in REGISTRIES:
                if f"{manager}." in source:
                    return self.registered(manager)
            if function.endswith("get_kwargs"):
                return Kwargs(self, None)
        if isinstance(node, ast.Attribute) and any(source.startswith(f"{m}.") for m in REGISTRIES):
            return self.registered(source.partition(".")[0])
        return self.release.value(node, module, local)

    def type_name(self, node: ast.expr) -> str:
        name = ast.unparse(node)
        if name in {"int", "float", "str", "bool"}:
            return name
        if name in SIZES:
            return "size"
        return "json" if name in {"json.loads", "loads"} or name.endswith((".from_cli", ".from_json")) else "str"

    def called(self, module: str, call: ast.Call, local: dict[str, Any], name: str | None = None) -> bool:
        """Follow a call that adds arguments; False for one that only gives a value."""
        function = ast.unparse(call.func).rpartition(".")[2]
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        if function == "add_argument":
            self.argument(module, call, local)
        elif function in {"add_cli_args", "_customize_cli_kwargs"}:
            cls = self.release.value(base, module, local) if not isinstance(base, ast.Call) else None
            if isinstance(cls, Opaque) or cls is None:
                cls = local["cls"]
            chain = self.release.bases(cls)
            if isinstance(base, ast.Call):  # super()
                chain = chain[: chain.index(local["owner"])]
            for owner in reversed(chain):
                for method in owner.node.body:
                    if isinstance(method, ast.FunctionDef) and method.name == function:
                        inner = {"cls": cls, "owner": owner}
                        if "frontend_kwargs" in local:
                            inner["frontend_kwargs"] = local["frontend_kwargs"]
                        self.run(owner.module, method, inner)
                        return True
        elif function == "make_arg_parser":
            found = self.release.lookup(module, "make_arg_parser")
            self.run(found[0], found[2][1], {})
        elif function == "remove" and base is not None:
            self.value(base, module, local).remove(self.value(call.args[0], module, local))
        else:
            return False
        return True

    def argument(self, module: str, call: ast.Call, local: dict[str, Any]) -> None:
        names: list[str] = []
        for part in call.args:
            given = self.value(part.value if isinstance(part, ast.Starred) else part, module, local)
            names += given if isinstance(given, list) else [given]
        given: dict[str, Any] = {}
        for word in call.keywords:
            if word.arg is None:
                given = self.value(word.value, module, local) | given
            elif word.arg == "type":
                known = isinstance(word.value, ast.Name) and word.value.id in local
                given["type"] = local[word.value.id].name if known else self.type_name(word.value)
            elif word.arg == "action":
                given["action"] = ast.unparse(word.value).strip("'")
            elif word.arg != "help" or "deprecated" not in given:
                given[word.arg] = self.value(word.value, module, local)
        longs = [n for n in names if n.startswith("--")]
        if longs:
            flag = described(longs[0], [n for n in names if n != longs[0]], given)
            if self.opposites and flag.kind == "pair" and flag.name.startswith(("--enable-", "--disable-")):
                flag.kind = "opposites"
            self.flags[flag.name] = flag


class Kwargs:
    """The keyword arguments of a config class's fields, each made when it is asked for."""

    def __init__(self, parser: Parser, cls: Class) -> None:
        self.parser, self.cls, self.made = parser, cls, {}
        self.names = list(parser.release.fields(cls))

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self.made:
            self.made[name] = self.parser.kwargs(self.cls, name)
        return self.made[name]

    def __contains__(self, name: str) -> bool:
        return name in self.names


def is_dataclass(release: Release, cls: Class) -> bool:
    marks = [ast.unparse(m) for part in release.bases(cls) for m in part.node.decorator_list]
    return any(m.startswith(("config", "dataclass", "dataclasses.dataclass", "pydantic.dataclasses")) for m in marks)


def described(name: str, others: list[str], given: dict[str, Any]) -> Flag:
    """The row of an option."""
    action, nargs, kind_of = given.get("action"), given.get("nargs"), given.get("type", "str")
    default = given.get("default")
    if isinstance(kind_of, (Type, Opaque)):
        kind_of = kind_of.name if isinstance(kind_of, Type) else "size" if kind_of.text in SIZES else "str"
        kind_of = "json" if isinstance(given["type"], Opaque) and "json.loads" in given["type"].text else kind_of
    if kind_of not in {"int", "float", "str", "bool", "json", "size", "word"}:
        kind_of = "str"
    if action in {"pair", "argparse.BooleanOptionalAction"}:
        kind, kind_of = "pair", ""
    elif action in {"store_true", "store_false"}:
        kind, kind_of = "switch", ""
        default = given.get("default", action == "store_false")
    elif action == "append":
        kind = "repeated"
    elif nargs in {"+", "*"}:
        kind = "list"
    elif isinstance(nargs, int) and nargs > 0:
        kind = f"list:{nargs}"
    else:
        kind = "optional" if nargs == "?" else "value"
        kind_of = "bool" if action == "StoreBoolean" else kind_of
    choices = given.get("choices") or []
    # A choice with a comma in it is two of the others put together.
    words = [text(c) for c in choices if c is not None and c != "None" and not (isinstance(c, str) and "," in c)]
    shown = "" if default is None else "-" if isinstance(default, Opaque) and default.text == "argparse.SUPPRESS" else text(default)
    help_text = given.get("help") if isinstance(given.get("help"), str) else ""
    deprecated = given.get("deprecated") is True or "deprecated" in help_text[:120].lower()
    return Flag(name, ",".join(sorted(others)), kind, kind_of, ",".join(words), shown, deprecated)


def flags(release: Release) -> dict[str, Flag]:
    """Every option of `vllm serve`, without `--help` and the positional model."""
    parser = Parser(release)
    serve = "vllm.entrypoints.cli.serve"
    for node in ast.walk(release.tree(serve)):
        if isinstance(node, ast.FunctionDef) and node.name == "subparser_init":
            parser.run(serve, node, {})
    return parser.flags


def words(release: Release) -> dict[str, list[str]]:
    """Words that flags take and that the parser leaves to be refused later, or not at all."""
    parser = Parser(release)
    found = {"--tool-call-parser": parser.registered("ToolParserManager"), "--reasoning-parser": parser.registered("ReasoningParserManager")}
    module = "vllm.model_executor.layers.quantization"
    known = release.lookup(module, "QUANTIZATION_METHODS")
    found["--quantization"] = sorted(set(release.value(known[2], known[0], {})))
    # Since this list can grow while the engine starts, the parser takes any word.
    known = release.lookup("vllm.config.cache", "KV_CACHE_DTYPES")
    if known:
        found["--kv-cache-dtype"] = sorted(release.value(known[2], known[0], {}))
    return found
