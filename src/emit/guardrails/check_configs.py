"""Loads every configuration once, so that a broken one stops the pod instead of its users."""

import pathlib
import sys

from nemoguardrails import LLMRails, RailsConfig

for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if (p / "config.yml").is_file()):
    LLMRails(RailsConfig.from_path(str(folder)))
    print(f"{folder.name}: loads")
