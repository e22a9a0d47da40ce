"""Counts the tokens of texts with a tokenizer.json."""

import json
import sys

from tokenizers import Tokenizer

texts = json.load(sys.stdin)
try:
    tokenizer = Tokenizer.from_file(sys.argv[1])
except Exception as error:  # The package raises nothing more precise.
    print(f"no tokenizer: {error}", file=sys.stderr)
    sys.exit(3)
print(json.dumps([len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]))
