"""Runs the real guardrails server over a compiled folder and tries to get past it.

    server.py FOLDER

FOLDER is what the server's /config holds: config.py and a folder for each route. The server runs
inside this process, without a socket. Prints one JSON line per trial.
Exit status: 0 the server holds, 1 something got past it, 2 the judge could not run.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

os.environ.update(
    DO_NOT_TRACK="1", NEMO_GUARDRAILS_NO_USAGE_STATS="1", HF_HUB_OFFLINE="1", NEMO_GUARDRAILS_DISABLE_CHAT_UI="true"
)
sys.dont_write_bytecode = True

try:
    import yaml
    from fake_openai import FakeOpenAI
    from fastapi.testclient import TestClient
    from nemoguardrails.server import api
except Exception:
    traceback.print_exc()
    print("judge could not start: run install first, and use its Python", file=sys.stderr)
    sys.exit(2)

# Every way in which a request may ask for less than its guardrails.
BYPASSES: dict[str, dict[str, Any]] = {
    "rails off by name": {"options": {"rails": {"input": False, "output": False}}},
    "rails as a list": {"options": {"rails": []}},
    "only dialog": {"options": {"rails": ["dialog"]}},
    "own context": {"context": {"user_message": "hello"}},
    "own state": {"state": {"events": []}},
}


def with_fake_models(folder: Path, base_url: str) -> list[str]:
    """Points every model of the copied configurations to the fake one; gives their names."""
    names = []
    for config in sorted(folder.glob("*/config.yml")):
        text = yaml.safe_load(config.read_text(encoding="utf-8"))
        for model in text["models"]:
            model["parameters"]["base_url"] = base_url
            if variable := model.get("api_key_env_var"):
                os.environ[variable] = "not-a-key"
        config.write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
        names.append(config.parent.name)
    return names


def ask(client: TestClient, route: str, text: str, guardrails: dict[str, Any] | None = None) -> str:
    """The server's answer, or its error, as text."""
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": text}],
        "guardrails": {"config_id": route, **(guardrails or {})},
    }
    response = client.post("/v1/chat/completions", json=request)
    if response.status_code != 200:
        return f"HTTP {response.status_code}"
    return response.json()["choices"][0]["message"]["content"]


def main() -> int:
    """Tries every route of the folder."""
    held = True
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch, FakeOpenAI() as fake:
        root = Path(scratch) / "config"
        shutil.copytree(sys.argv[1], root)
        routes = with_fake_models(root, fake.base_url)
        if not routes:
            print("no configuration in the folder", file=sys.stderr)
            return 2
        api.app.rails_config_path = str(root)
        # Only what the server itself chooses to log counts, and none of it belongs on a terminal.
        logging.getLogger().handlers = [logging.StreamHandler(printed)]
        results = []
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), TestClient(api.app) as client:
            for route in routes:
                reply = ask(client, route, "hello MARKER")
                results.append((route, "good input", reply == "ECHO: hello MARKER", reply))
                reply = ask(client, route, "LEAK")
                results.append((route, "bad answer", "BADWORD" not in reply, reply))
                for name, bypass in BYPASSES.items():
                    reply = ask(client, route, "LEAK", bypass)
                    results.append((route, name, "BADWORD" not in reply, reply))
        results.append(("*", "no conversation in the log", "MARKER" not in printed.getvalue(), printed.getvalue()[-300:]))
    for route, trial, ok, reply in results:
        held &= ok
        print(json.dumps({"route": route, "trial": trial, "ok": ok, "reply": reply}, ensure_ascii=False))
    return 0 if held else 1


if __name__ == "__main__":
    try:
        status = main()
    except Exception:
        traceback.print_exc()
        status = 2
    sys.exit(status)
