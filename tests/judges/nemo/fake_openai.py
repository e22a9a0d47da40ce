"""A small OpenAI-compatible server for tests: it plays the model and the self-check judge.

    fake_openai.py [--port N] [--idle SECONDS] [--log FILE]

Prints one JSON line {"base_url": ...} once it listens on 127.0.0.1. It ends by
itself when nobody called it for --idle seconds or when its parent has gone.

What it answers, always the same for the same request:
  * a self-check question  -> "Yes" when the checked text holds BADWORD, else "No";
  * a consistency question -> "No" when the statement holds INVENTED, else "Yes";
  * a user message with LEAK -> a text that holds BADWORD, for an output rail to stop;
  * a user message with SAY<text> -> the text alone, to place anything in an answer;
  * anything else          -> "ECHO: " and the last user message.
POST /heuristics plays the jailbreak detector: true when the prompt holds JAILBREAK.
GET /received returns the chat requests so far; DELETE /received forgets them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BADWORD = "BADWORD"
JUDGE_QUESTION = re.compile(r"\banswer\b[^.\n]{0,60}\byes\b[^.\n]{0,10}\bno\b", re.IGNORECASE)
# The part of a self-check prompt that is being judged; policy lines around it may name BADWORD.
CHECKED = re.compile(r"<(message|reply)>\n?(.*)</\1>", re.DOTALL)
STATEMENT = re.compile(r"<statement>\n?(.*?)</statement>", re.DOTALL)
SAY = re.compile(r"SAY<(.*)>", re.DOTALL)


def text_of(content: Any) -> str:
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def is_self_check(messages: list[dict[str, Any]]) -> bool:
    """Whether the request asks the judge; only the task's own lines count, not the judged text."""
    prompt = "\n".join(text_of(message.get("content")) for message in messages)
    checked = CHECKED.search(prompt) or STATEMENT.search(prompt)
    return bool(checked) and bool(JUDGE_QUESTION.search(CHECKED.sub("", prompt)))


def answer(messages: list[dict[str, Any]]) -> str:
    """The reply to a chat request."""
    if is_self_check(messages):
        prompt = "\n".join(text_of(message.get("content")) for message in messages)
        if statement := STATEMENT.search(prompt):
            return "No" if "INVENTED" in statement.group(1) else "Yes"
        checked = " ".join(match.group(2) for match in CHECKED.finditer(prompt))
        return "Yes" if BADWORD in checked else "No"
    users = [text_of(m.get("content")) for m in messages if m.get("role") == "user"]
    last = users[-1] if users else ""
    if "LEAK" in last:
        return f"Sure, the forbidden thing is {BADWORD}."
    if say := SAY.search(last):
        return say.group(1)
    return f"ECHO: {last}"


class Handler(BaseHTTPRequestHandler):
    """Chat completions, models and the list of what came in."""

    server: FakeOpenAI
    protocol_version = "HTTP/1.1"
    # Buffered writes: otherwise header and body go out as two packets, 40 ms apart.
    wbufsize = 1 << 16

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; the callers print their own lines."""

    def send_json(self, status: int, body: Any) -> None:
        """Send one JSON document."""
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """Models, and what was received."""
        self.server.touch()
        if self.path.rstrip("/").endswith("/models"):
            models = [{"id": "fake", "object": "model", "created": 0, "owned_by": "test"}]
            self.send_json(200, {"object": "list", "data": models})
        elif self.path == "/received":
            self.send_json(200, self.server.received)
        else:
            self.send_json(404, {"error": {"message": f"no such path: {self.path}"}})

    def do_DELETE(self) -> None:
        """Forget what was received."""
        self.server.touch()
        self.server.received.clear()
        self.send_json(200, {})

    def do_POST(self) -> None:
        """Chat completions, whole or streamed."""
        self.server.touch()
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/heuristics":
            self.send_json(200, {"jailbreak": "JAILBREAK" in json.loads(raw)["prompt"]})
            return
        if not self.path.endswith("/v1/chat/completions"):
            self.send_json(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        body = json.loads(raw)
        self.server.record(body)
        text = answer(body.get("messages", []))
        if body.get("stream"):
            self.stream(body.get("model", ""), text)
            return
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.send_json(200, {**envelope(body.get("model", ""), "chat.completion"),
                             "choices": [choice], "usage": usage})

    def stream(self, model: str, text: str) -> None:
        """Send the reply word by word as server-sent events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta, reason in deltas(text):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            event = {**envelope(model, "chat.completion.chunk"), "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


def envelope(model: str, kind: str) -> dict[str, Any]:
    """The fields that every completion object carries."""
    return {"id": "chatcmpl-fake", "object": kind, "created": 0, "model": model}


def deltas(text: str) -> Iterator[tuple[dict[str, str], str | None]]:
    """The pieces of a streamed reply, the last one with its finish reason."""
    yield {"role": "assistant", "content": ""}, None
    for piece in re.findall(r"\s*\S+|\s+$", text):
        yield {"content": piece}, None
    yield {}, "stop"


class FakeOpenAI(ThreadingHTTPServer):
    """The server; as a context manager it runs in a thread of this process."""

    daemon_threads = True

    def __init__(self, port: int = 0, log: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.received: list[dict[str, Any]] = []
        self.last_call = time.monotonic()
        self.log = log
        self.lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """Where clients find it, with the /v1 that they expect."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up early is no fault of the server."""

    def touch(self) -> None:
        """Note that somebody called."""
        self.last_call = time.monotonic()

    def record(self, body: dict[str, Any]) -> None:
        """Keep a request, and append it to the log file if there is one."""
        with self.lock:
            self.received.append(body)
            if self.log:
                with open(self.log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(body, ensure_ascii=False) + "\n")

    def __enter__(self) -> FakeOpenAI:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def main() -> None:
    """Serve until idle or orphaned."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--log")
    args = parser.parse_args()
    parent = os.getppid()
    with FakeOpenAI(args.port, args.log) as server:
        print(json.dumps({"base_url": server.base_url}), flush=True)
        while os.getppid() == parent and time.monotonic() - server.last_call < args.idle:
            time.sleep(0.5)


if __name__ == "__main__":
    main()
