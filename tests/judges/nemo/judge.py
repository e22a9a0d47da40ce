"""Asks the real NeMo Guardrails whether configuration directories are right.

    judge.py DIR... < cases.json

Standard input may hold a JSON list of cases:
  {"dir": DIR, "send": [messages], "expect": "passed" | "blocked", "refusal": TEXT | null,
   "main_model_sees": [TEXT...], "system_kept": TEXT | null, "stream": false}
A case may also hold "llm_calls": N, to say how many requests may reach any model.

Prints one JSON line per finding and per case.
Exit status: 0 everything accepted, 1 something refused, 2 the judge itself could not run.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
import socket
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

# Before the library is imported: it reports its use, and reads these at import time.
os.environ.update(DO_NOT_TRACK="1", NEMO_GUARDRAILS_NO_USAGE_STATS="1", HF_HUB_OFFLINE="1")
# The judged directories are checked in; an imported actions.py must leave nothing there.
sys.dont_write_bytecode = True
warnings.simplefilter("ignore")

try:
    import logging

    from fake_openai import FakeOpenAI, is_self_check, text_of
    from nemoguardrails import LLMRails, RailsConfig

    import lint
except Exception:
    traceback.print_exc()
    print("judge could not start: run install first, and use its Python", file=sys.stderr)
    sys.exit(2)

logging.disable(logging.ERROR)
INTERNAL_ERROR = "internal error has occurred"
# What the library says when a configuration has no text of its own.
DEFAULT_REFUSAL = "I'm sorry, I can't respond to that."
Case = dict[str, Any]


class Report:
    """Prints results, and remembers whether one of them refuses."""

    def __init__(self) -> None:
        self.refused = False

    def line(self, directory: str, check: str, ok: bool, **more: Any) -> None:
        """One JSON line; a warning is reported and accepted."""
        self.refused |= not ok and more.get("level") != "warning"
        line = {"dir": directory, "check": check, "ok": ok, **more}
        print(json.dumps(line, ensure_ascii=False), flush=True)


def stay_on_this_machine() -> None:
    """Refuse every name but this machine's, so that no rail can call out."""
    resolve = socket.getaddrinfo

    def local_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in ("127.0.0.1", "localhost", b"127.0.0.1", b"localhost"):
            raise socket.gaierror(socket.EAI_NONAME, f"the judge reaches nothing but this machine: {host!r}")
        return resolve(host, *args, **kwargs)

    socket.getaddrinfo = local_only  # type: ignore[assignment]


def give_dummy_keys(document: dict[str, Any]) -> None:
    """Set the variables that hold API keys: the library wants them while it loads."""
    for match in re.findall(r'"api_key_env_var": "(\w+)"', json.dumps(document)):
        os.environ.setdefault(match, "dummy")


def redirect(config: RailsConfig, fake: FakeOpenAI) -> None:
    """Point every model and the jailbreak detector at the fake server."""
    for model in config.models:
        model.parameters = {**model.parameters, "base_url": fake.base_url, "max_retries": 0}
    jailbreak = config.rails.config.jailbreak_detection
    if jailbreak and jailbreak.server_endpoint:
        jailbreak.server_endpoint = fake.base_url.removesuffix("/v1") + "/heuristics"


def load(directory: str, fake: FakeOpenAI, report: Report) -> LLMRails | None:
    """Judge the files of one directory; its rails when the library can build them."""
    try:
        document, findings = lint.merged(Path(directory))
        findings += lint.schema_findings(document)
        give_dummy_keys(document)
    except Exception as error:
        report.line(directory, "yaml", False, message=f"{type(error).__name__}: {error}")
        return None
    for level, message in findings:
        report.line(directory, "schema", False, level=level, message=message)
    stage = "load"
    try:
        config = RailsConfig.from_path(directory)
        own_flows = {flow["id"] for flow in config.flows}
        findings = list(lint.config_findings(config))
        redirect(config, fake)
        stage = "construct"
        rails = LLMRails(config)
        findings += lint.rails_findings(rails, own_flows)
    except Exception as error:
        report.line(directory, stage, False, message=f"{type(error).__name__}: {error}")
        return None
    for level, message in findings:
        report.line(directory, "lint", False, level=level, message=message)
    report.line(directory, "load", True)
    return rails


async def reply_of(rails: LLMRails, case: Case) -> str:
    """What the user gets to read."""
    messages = copy.deepcopy(case["send"])
    if case.get("stream"):
        return "".join([str(chunk) async for chunk in rails.stream_async(messages=messages)])
    answer = await rails.generate_async(messages=messages)
    return answer["content"] if isinstance(answer, dict) else str(answer)


def turns_of(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The conversation without its system messages."""
    spoken = [m for m in messages if m["role"] in ("user", "assistant")]
    return [(m["role"], text_of(m.get("content"))) for m in spoken]


def main_model_faults(case: Case, requests: list[dict[str, Any]]) -> list[str]:
    """What the main model should have received and did not."""
    faults = []
    if not requests:
        return ["the main model was not called"]
    messages = requests[0]["messages"]
    seen = "\n".join(text_of(message.get("content")) for message in messages)
    wanted = case.get("main_model_sees") or []
    faults += [f"the main model does not see {text!r}" for text in wanted if text not in seen]
    kept = case.get("system_kept")
    system = [text_of(m.get("content")) for m in messages if m["role"] in ("system", "developer")]
    if kept is not None and not any(kept in text for text in system):
        faults.append(f"no system message holds {kept!r}")
    turns, got = turns_of(case["send"]), turns_of(messages)
    if turns != got:
        faults.append(f"the turns were changed: sent {turns}, received {got}")
    if requests[0].get("stop"):
        faults.append(f"the model is told to stop at {requests[0]['stop']}")
    return faults


def faults_of(case: Case, reply: str, received: list[dict[str, Any]]) -> list[str]:
    """Everything in which the outcome differs from what the case expects."""
    main = [request for request in received if not is_self_check(request["messages"])]
    faults = []
    if INTERNAL_ERROR in reply:
        faults.append("the library answered with an internal error")
    refusal = case.get("refusal") or DEFAULT_REFUSAL
    # In a stream, a stopped answer ends in an error frame instead of the refusal text.
    blocked = reply == refusal or (bool(case.get("stream")) and '"guardrails_violation"' in reply)
    if case["expect"] == "passed":
        if blocked or not main:
            faults.append("it was refused")
        faults += main_model_faults(case, main)
    elif case["expect"] == "blocked":
        if not blocked:
            faults.append(f"expected the refusal {refusal!r}")
        if "BADWORD" in reply:
            faults.append("the reply holds what had to be stopped")
        if main and case.get("main_model_sees"):
            faults += main_model_faults(case, main)
    else:
        faults.append(f"unknown expectation {case['expect']!r}")
    limit = case.get("llm_calls")
    if limit is not None and len(received) != limit:
        faults.append(f"expected {limit} model calls, saw {len(received)}")
    return faults


async def judge(directories: list[str], cases: list[Case], report: Report) -> None:
    """Load every directory, then try the cases; one event loop, as the client's connections need it."""
    with FakeOpenAI() as fake:
        loaded = {directory: load(directory, fake, report) for directory in directories}
        for number, case in enumerate(cases):
            rails = loaded.get(case["dir"])
            if rails is None:
                report.line(case["dir"], "case", False, case=number, message="its directory was not loaded")
                continue
            fake.received.clear()
            try:
                reply = await asyncio.wait_for(reply_of(rails, case), 60)
                faults = faults_of(case, reply, fake.received)
            except Exception as error:
                reply, faults = "", [f"{type(error).__name__}: {error}"]
            report.line(case["dir"], "case", not faults, case=number, expect=case["expect"], reply=reply,
                        model_calls=len(fake.received), message="; ".join(faults))


def main() -> int:
    """Read the arguments and the cases, judge, and give the exit status."""
    directories = sys.argv[1:]
    if not directories or directories[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        text = "" if sys.stdin.isatty() else sys.stdin.read()
        cases = json.loads(text) if text.strip() else []
        missing = [directory for directory in directories if not Path(directory).is_dir()]
        if missing:
            raise FileNotFoundError(f"no such directory: {', '.join(missing)}")
        report = Report()
        stay_on_this_machine()
        asyncio.run(judge(directories, cases, report))
    except Exception:
        traceback.print_exc()
        return 2
    return 1 if report.refused else 0


if __name__ == "__main__":
    sys.exit(main())
