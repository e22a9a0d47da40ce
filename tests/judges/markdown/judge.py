"""Renders Markdown with GitHub's parser, and looks in the result for what users must not reach."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from cmarkgfm.cmark import Options, github_flavored_markdown_to_html

# Python's own failures exit with 1: the caller must tell them from a verdict.
REJECTED = 3
FAILED = 2

OMITTED = "<!-- raw HTML omitted -->"
VOID = {"br", "hr", "img", "input"}
# What the parser makes of Markdown; links and pictures are missing on purpose.
MADE = set("p strong em code pre ul li h3 table thead tbody tr th td input details summary".split())
# Text of a summary: escaped, or in <code>.
SUMMARY = re.compile(r"<details>\n<summary>(?:[^<>&\n]|&(?:amp|lt|gt|quot);|<code>(?:[^<>&\n]|&(?:amp|lt|gt|quot);)*</code>)*</summary>\n?")
MARKER = re.compile(r"<!-- llmc-comment tag=[\w%./:+-]* valid-at=[\w%./:+-]* -->\n?")
# After GitHub's documentation of mentions, references and autolinks.
REACHES = [
    ("a mention", re.compile(r"@[A-Za-z0-9]")),
    ("an issue", re.compile(r"#[0-9]|\b[Gg][Hh]-[0-9]")),
    ("a commit", re.compile(r"\b[0-9a-f]{7,40}\b")),
    ("a link", re.compile(r"https?:|www\.", re.IGNORECASE)),
    ("a hidden character", re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")),
]


def render(text: str, unsafe: bool) -> str:
    options = Options.CMARK_OPT_SOURCEPOS | Options.CMARK_OPT_GITHUB_PRE_LANG
    options |= Options.CMARK_OPT_UNSAFE if unsafe else 0
    return github_flavored_markdown_to_html(text, options)


def raw_html(text: str) -> Iterator[str]:
    """Every piece of HTML that stands in the Markdown itself: what the safe rendering leaves out."""
    safe, unsafe = render(text, False).split(OMITTED), render(text, True)
    at = len(safe[0])
    for after in safe[1:]:
        # The last piece ends the text; an empty one is followed by another raw piece at once.
        end = unsafe.find(after, at) if after else len(unsafe)
        if end < 0:
            # GitHub disarms some tags, which then differ beside the HTML as well.
            yield unsafe[at:]
            return
        yield unsafe[at:end]
        at = end + len(after)


class Reader(HTMLParser):
    def __init__(self, source: list[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.open: list[str] = []
        self.faults: list[str] = []
        self.skeleton: list[str] = []
        self.text: list[str] = []
        self.pictures: list[str] = []
        self.language: str | None = None
        self.heading = ""

    def lines(self, place: str) -> list[str]:
        first, last = (int(part.split(":")[0]) for part in place.split("-"))
        return self.source[first - 1 : last]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        place = attributes.pop("data-sourcepos", None)
        if tag == "pre":
            self.language = attributes.pop("lang", None)
            if self.language == "mermaid":
                self.pictures.append("")
        if tag == "input":
            attributes = {key: value for key, value in attributes.items() if key not in ("type", "checked", "disabled")}
        if tag not in MADE or attributes:
            self.faults.append(f"has the tag {self.get_starttag_text()}")
        if tag == "table" and place:
            bars = {line.count("|") - line.count("\\|") for line in self.lines(place)}
            if len(bars) != 1:
                self.faults.append(f"has a table with {sorted(bars)} bars in a line")
        if tag == "pre" and place:
            code = [line.strip() for line in self.lines(place)]
            fence = re.match(r"`{3,}", code[0])
            if fence is None or code[-1] != fence.group():
                self.faults.append(f"has a fence that {code[0]!r} opens and {code[-1][:80]!r} ends")
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h3", "table", "th", "details", "input"):
            self.skeleton.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"closes {tag} where it is not open")
            self.open.clear()
        if tag == "h3":
            self.skeleton.append(self.heading)
            self.heading = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_comment(self, data: str) -> None:
        pass

    def handle_data(self, data: str) -> None:
        if self.language == "mermaid" and "pre" in self.open:
            self.pictures[-1] += data
        if "h3" in self.open:
            self.heading += data
        if "code" not in self.open and "pre" not in self.open:
            self.text.append(data)


def judge(text: str) -> tuple[list[str], list[str], list[str]]:
    """Faults, the skeleton of headings, tables and folds, and the pictures."""
    reader = Reader(text.split("\n"))
    reader.feed(render(text, True))
    reader.close()
    faults = reader.faults
    if reader.open:
        faults.append(f"leaves {reader.open} open")
    for index, piece in enumerate(raw_html(text)):
        if index == 0 and MARKER.fullmatch(piece) and text.startswith(piece.strip()):
            continue
        if not SUMMARY.fullmatch(piece) and piece.strip() != "</details>":
            faults.append(f"has HTML: {piece[:200]!r}")
    # Pieces that stand beside each other are one text for GitHub, unless code is between them.
    plain = "\x00".join(reader.text)
    for what, pattern in REACHES:
        found = pattern.search(plain)
        if found:
            faults.append(f"has {what}: {plain[max(0, found.start() - 40) : found.end() + 40]!r}")
    return faults, reader.skeleton, reader.pictures


def draw(pictures: list[str]) -> list[str | None]:
    here = Path(__file__).parent / "mermaid.mjs"
    run = subprocess.run(["node", here], input=json.dumps(pictures), capture_output=True, text=True, env=os.environ)
    if run.returncode != 0:
        raise ValueError(f"mermaid: {run.stderr[-500:]}")
    return json.loads(run.stdout)


def main() -> int:
    try:
        cases = [(str(case["name"]), str(case["text"]), case.get("like")) for case in json.load(sys.stdin)]
        verdicts = {name: judge(text) for name, text, _ in cases}
        found = {name: list(faults) for name, (faults, _, _) in verdicts.items()}
        for name, _, like in cases:
            if like is not None and verdicts[name][1] != verdicts[like][1]:
                pairs = zip([*verdicts[name][1], None], [*verdicts[like][1], None])
                odd = next((pair for pair in pairs if pair[0] != pair[1]), None)
                found[name].append(f"is not built like {like}: {odd}")
        pictures = [(name, picture) for name, (_, _, drawn) in verdicts.items() for picture in drawn]
        for (name, _), fault in zip(pictures, draw([picture for _, picture in pictures])):
            if fault:
                found[name].append(f"has a picture that {fault}")
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        print(f"markdown judge: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    lines = [f"{name}: {fault}" for name, faults in found.items() for fault in faults]
    print(*lines, f"{len(pictures)} pictures", sep="\n")
    return REJECTED if lines else 0


if __name__ == "__main__":
    sys.exit(main())
