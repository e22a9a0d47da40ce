"""Faults of a configuration directory that the library itself lets pass in silence.

Everything here looks at files or at the loaded configuration; nothing is called.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import nemoguardrails
import yaml
from nemoguardrails import LLMRails, RailsConfig

# What the library's own client understands; anything else goes into every request as it is.
CLIENT_PARAMETERS = {"base_url", "api_key", "timeout", "connect_timeout", "max_retries",
                     "default_headers", "default_query"}
# The variable without which a prompt never sees what it should judge.
PROMPT_VARIABLES = {"self_check_input": {"user_input"}, "self_check_output": {"bot_response"},
                    "self_check_facts": {"evidence", "response"},
                    "self_check_hallucination": {"paragraph", "statement"}}
# Adapters take settings of their own, so these stay open.
OPEN_MODELS = {"LogAdapterConfig"}
Finding = tuple[str, str]


def yaml_files(directory: Path) -> Iterator[Path]:
    """The YAML files that the library reads, in a fixed order."""
    for root, _, names in sorted(os.walk(directory, followlinks=True)):
        for name in sorted(names):
            if name.endswith((".yml", ".yaml")):
                yield Path(root, name)


@cache
def strict_schema() -> dict[str, Any]:
    """The library's schema with every unlisted key refused."""
    schema = RailsConfig.model_json_schema()

    def close(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict) and node.get("title") not in OPEN_MODELS:
                node["additionalProperties"] = False
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)

    close(schema)
    return schema


def merged(directory: Path) -> tuple[dict[str, Any], list[Finding]]:
    """All YAML of the directory as one document, and what is lost or ambiguous in joining it."""
    whole: dict[str, Any] = {}
    findings: list[Finding] = []
    for path in yaml_files(directory):
        name = str(path.relative_to(directory))
        if name.startswith("kb"):
            findings.append(("error", f"{name}: a name that begins with kb is never read as configuration"))
            continue
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            findings.append(("error", f"{name}: not a mapping"))
            continue
        for key, value in document.items():
            if isinstance(value, list) and isinstance(whole.get(key, []), list):
                whole[key] = whole.get(key, []) + value
            elif key in whole:
                findings.append(("error", f"{name}: `{key}` stands in two files, and one is dropped"))
            else:
                whole[key] = value
    return whole, findings


def schema_findings(document: dict[str, Any]) -> Iterator[Finding]:
    """Unknown, misplaced and mistyped keys."""
    validator = jsonschema.Draft202012Validator(strict_schema())
    for error in sorted(validator.iter_errors(document), key=lambda e: e.json_path):
        # An optional section fails as "none of these"; best_match names the key inside it.
        leaf = jsonschema.exceptions.best_match([error]) or error
        yield "error", f"{leaf.json_path}: {leaf.message[:300]}"


@cache
def library_flows() -> frozenset[str]:
    """The names of the Colang 1.0 flows that come with the library."""
    found: set[str] = set()
    for path in Path(nemoguardrails.__file__).parent.joinpath("library").rglob("*.v1.co"):
        text = path.read_text("utf-8")
        found.update(re.findall(r"^define (?:\w+ )*?(?:sub)?flow (.+)$", text, re.MULTILINE))
    return frozenset(found)


def config_findings(config: RailsConfig) -> Iterator[Finding]:
    """Rails, prompts, patterns and models that do not do what they look like."""
    own = {flow.get("id") for flow in config.flows if isinstance(flow, dict)}
    sections = {"input": config.rails.input.flows, "output": config.rails.output.flows,
                "retrieval": config.rails.retrieval.flows}
    for direction, flows in sections.items():
        for flow, count in Counter(flows).items():
            name = flow.split("$")[0].split("(")[0].strip()
            if name not in own and name not in library_flows():
                yield "error", f"rails.{direction}: no such flow: `{flow}`"
            if re.search(r" (check|on) (input|output|retrieval)$", name) and not name.endswith(direction):
                yield "error", f"rails.{direction}: `{flow}` is made for another direction"
            if count > 1:
                yield "error", f"rails.{direction}: `{flow}` is listed {count} times"
    yield from regex_findings(config, sections)
    yield from prompt_findings(config)
    for model in config.models:
        yield from model_findings(model)
    if Counter(model.type for model in config.models)["main"] != 1:
        yield "error", "there must be exactly one model of type `main`"
    if config.enable_rails_exceptions:
        yield "error", "enable_rails_exceptions turns every refusal of the server into an HTTP 500"
    if config.rails.output.streaming.enabled and config.rails.output.streaming.stream_first:
        yield "error", "streaming.stream_first sends text to the user before it is checked"
    for name, texts in config.bot_messages.items():
        if len(texts) != 1:
            yield "error", f"bot message `{name}` has {len(texts)} texts, and one is chosen by chance"


def regex_findings(config: RailsConfig, sections: dict[str, list[str]]) -> Iterator[Finding]:
    """A regex rail without patterns lets everything through; patterns without the rail do nothing."""
    options = config.rails.config.regex_detection
    for direction, flows in sections.items():
        patterns = getattr(options, direction).patterns if options else []
        listed = f"regex check {direction}" in flows
        if listed and not patterns:
            yield "error", f"`regex check {direction}` has no patterns"
        if patterns and not listed:
            yield "error", f"regex_detection.{direction} has patterns, but its rail is not listed"


def prompt_findings(config: RailsConfig) -> Iterator[Finding]:
    """Twice defined tasks, templates that do not parse, and templates blind to their subject."""
    tasks: Counter[tuple[str, str]] = Counter()
    for prompt in config.prompts or []:
        tasks[prompt.task, str(prompt.models)] += 1
        templates = [prompt.content] if prompt.content else []
        templates += [m if isinstance(m, str) else m.content for m in prompt.messages or []]
        used: set[str] = set()
        for template in templates:
            try:
                parsed = jinja2.Environment().parse(template)
            except jinja2.TemplateSyntaxError as error:
                yield "error", f"prompt `{prompt.task}`: {error}"
                break
            # Not find_undeclared_variables: it wants the library's own filters.
            used |= {node.name for node in parsed.find_all(jinja2.nodes.Name)}
        for missing in PROMPT_VARIABLES.get(prompt.task.split(" ")[0], set()) - used:
            yield "error", f"prompt `{prompt.task}` never shows `{missing}`, so it cannot judge it"
        if prompt.task.startswith("self_check_") and not prompt.max_tokens:
            yield "warning", f"prompt `{prompt.task}` has no max_tokens"
    for (task, _), count in tasks.items():
        if count > 1:
            yield "error", f"prompt `{task}` is defined {count} times; the last one read wins"


def model_findings(model: Any) -> Iterator[Finding]:
    """Addresses that would fail, or reach somebody else."""
    url = model.parameters.get("base_url")
    if not url:
        yield "error", f"model `{model.type}`: no parameters.base_url"
    elif not re.fullmatch(r"https?://[^\s${}]+/v1", url):
        yield "error", f"model `{model.type}`: base_url {url!r} is no http address ending in /v1"
    if "api_key" in model.parameters:
        yield "error", f"model `{model.type}`: the key itself stands in the file; use api_key_env_var"
    for key in sorted(set(model.parameters) - CLIENT_PARAMETERS):
        yield "warning", f"model `{model.type}`: `{key}` is sent in every request as it is"


def rails_findings(rails: LLMRails, own_flows: set[str]) -> Iterator[Finding]:
    """Actions and bot messages that the directory's own flows name but nobody defines."""
    actions = rails.runtime.action_dispatcher.registered_actions
    for flow in rails.config.flows:
        if flow.get("id") not in own_flows:
            continue
        for element in flow["elements"]:
            if element.get("_type") != "run_action":
                continue
            name = element.get("action_name")
            said = (element.get("action_params") or {}).get("value")
            if name == "utter":
                if said not in rails.config.bot_messages and not str(said).startswith("$"):
                    yield "error", f"flow `{flow['id']}`: bot message `{said}` has no text"
            elif name not in actions and name != "create_event":
                yield "error", f"flow `{flow['id']}`: no such action: `{name}` (does actions.py import?)"
