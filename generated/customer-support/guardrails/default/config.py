"""Settings of the whole guardrails server; the server runs `init` once, before the first request."""

import json
import logging

from nemoguardrails.logging import verbose


class FixedGuardrails:
    """Lets a request choose its configuration and nothing else about the rails.

    The server would otherwise let any caller switch rails off in the request itself.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            event = await receive()
            if event["type"] != "http.request":
                return
            body, more = body + event.get("body", b""), event.get("more_body", False)
        body = strip(body)
        sent = False

        async def replay():
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        length = (b"content-length", str(len(body)).encode())
        headers = [pair for pair in scope["headers"] if pair[0] != b"content-length"] + [length]
        await self.app({**scope, "headers": headers}, replay, send)


def strip(body):
    """The request without what would change the rails; a body that is no JSON object as it is."""
    try:
        request = json.loads(body)
        chosen = request.get("guardrails")
        if isinstance(chosen, dict):
            request["guardrails"] = {key: chosen[key] for key in ("config_id",) if key in chosen}
        messages = request.get("messages")
        if isinstance(messages, list):
            roles = ("context", "event")
            request["messages"] = [m for m in messages if not (isinstance(m, dict) and m.get("role") in roles)]
        return json.dumps(request).encode()
    except (ValueError, AttributeError):
        return body


def init(app):
    """Called by the server while it starts."""
    # The server switches on a transcript of every conversation. Saying that it is on already
    # keeps prompts, answers and personal data out of the log.
    verbose.verbose_mode_enabled = True
    logging.getLogger().setLevel(logging.WARNING)
    app.middleware_stack = FixedGuardrails(app.middleware_stack)
