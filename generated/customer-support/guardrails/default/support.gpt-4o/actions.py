"""Puts the general instructions of config.yml in front of the application's system message.

With `passthrough: true` the library sends the application's messages as they are and
leaves the general instructions out; without it, it would rewrite the conversation.
"""

from nemoguardrails.actions import action
from nemoguardrails.context import raw_llm_request


@action(is_system_action=True)
async def add_instructions(config):
    """Change the request in place, just before it goes to the main model."""
    text = "\n\n".join(i.content.strip() for i in config.instructions or [] if i.type == "general")
    messages = raw_llm_request.get()
    if not text or not isinstance(messages, list):
        return
    for index, message in enumerate(messages):
        if message["role"] in ("system", "developer"):
            content = message["content"]
            if isinstance(content, list):
                content = [{"type": "text", "text": text}, *content]
            else:
                content = f"{text}\n\n{content}"
            messages[index] = {**message, "content": content}
            return
    messages.insert(0, {"role": "system", "content": text})
