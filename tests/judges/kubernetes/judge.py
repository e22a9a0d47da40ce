"""Holds Kubernetes manifests against the schemas of Kubernetes and of some CRDs."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

import loader

HOME = Path(os.environ["LLMC_JUDGE_HOME"])
HERE = Path(__file__).parent
SCHEMAS = next(HOME.glob("venv/lib/*/site-packages/kubernetes_validate/kubernetes-json-schema/*-strict"))
MODELS = HOME / "node_modules" / "@kubernetes-models"
CRD_PACKAGES = {
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
}
# Python's own failures exit with 1: the caller must tell them from a verdict.
REJECTED = 3
FAILED = 2
# Read by kustomize, never sent to an API server.
SKIPPED_GROUPS = {"kustomize.config.k8s.io"}


@dataclass
class Subject:
    """One document and what speaks against it."""

    file: str
    number: int
    value: Any = None
    reasons: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        # A reason may quote text that has line ends.
        start = f"{self.file}: document {self.number} {self.title()}"
        return [f"{start}: {' '.join(reason.split())}" for reason in self.reasons]

    def title(self) -> str:
        value = self.value if isinstance(self.value, dict) else {}
        metadata = value.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return f"{value.get('kind', '?')}/{name or '?'}"

    def type_meta(self) -> tuple[str, str] | None:
        value = self.value if isinstance(self.value, dict) else {}
        api_version, kind = value.get("apiVersion"), value.get("kind")
        if isinstance(api_version, str) and isinstance(kind, str):
            return api_version, kind
        return None


def split(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


@cache
def registry() -> jsonschema_rs.Registry:
    definitions = json.loads((SCHEMAS / "_definitions.json").read_bytes())
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])


@cache
def core_validator(api_version: str, kind: str) -> jsonschema_rs.Draft202012Validator | None:
    group, version = split(api_version)
    # The package names its files after the first label of the group.
    parts = [kind.lower(), *([group.split(".")[0]] if group else []), version]
    path = SCHEMAS / f"{'-'.join(parts)}.json"
    if not path.is_file():
        return None
    schema = json.loads(path.read_bytes())
    wanted = {"group": group, "version": version, "kind": kind}
    # Sub-objects have files too, and two groups may share a first label.
    if wanted not in schema.get("x-kubernetes-group-version-kind", []):
        return None
    return jsonschema_rs.Draft202012Validator(schema, registry=registry())


def crd_module(api_version: str, kind: str) -> Path | None:
    package = CRD_PACKAGES.get(split(api_version)[0])
    if package is None:
        return None
    module = MODELS / package / api_version / f"{kind}.js"
    return module if module.is_file() else None


def judge_core(subject: Subject, validator: jsonschema_rs.Draft202012Validator) -> None:
    for error in validator.iter_errors(subject.value):
        place = ".".join(str(step) for step in error.instance_path)
        subject.reasons.append(f"{place or 'document'}: {error.message}")


def judge_crds(pending: list[tuple[Subject, Path]]) -> None:
    """One Node process for all of them: its start costs more than its work."""
    batch = [{"module": str(module), "document": subject.value} for subject, module in pending]
    command = ["node", str(HERE / "crds.mjs")]
    done = subprocess.run(command, input=json.dumps(batch), stdout=subprocess.PIPE, text=True, check=True)
    for (subject, _), reasons in zip(pending, json.loads(done.stdout), strict=True):
        subject.reasons.extend(reasons)


def read(file: str) -> list[Subject]:
    subjects: list[Subject] = []
    number = 0
    try:
        for number, value in enumerate(loader.documents(Path(file).read_bytes()), start=1):
            if value is not None:
                subjects.append(Subject(file, number, value))
    except yaml.YAMLError as error:
        subjects.append(Subject(file, number + 1, reasons=[loader.describe(error)]))
    if not subjects:
        subjects.append(Subject(file, 1, reasons=["the file holds no object"]))
    return subjects


def judge(subjects: list[Subject]) -> None:
    pending: list[tuple[Subject, Path]] = []
    for subject in subjects:
        if subject.reasons:
            continue
        type_meta = subject.type_meta()
        if type_meta is None:
            subject.reasons.append("not an object with apiVersion and kind")
            continue
        api_version, kind = type_meta
        if split(api_version)[0] in SKIPPED_GROUPS:
            continue
        if validator := core_validator(api_version, kind):
            judge_core(subject, validator)
        elif module := crd_module(api_version, kind):
            pending.append((subject, module))
        else:
            subject.reasons.append(f"no schema for {api_version} {kind}")
            continue
        if subject.title().endswith("/?"):
            subject.reasons.append("metadata.name: missing")
    if pending:
        judge_crds(pending)


def main(files: list[str]) -> int:
    try:
        subjects = [subject for file in files for subject in read(file)]
    except OSError as error:
        print(f"kubernetes judge: {error}", file=sys.stderr)
        return FAILED
    judge(subjects)
    lines = [line for subject in subjects for line in subject.lines()]
    print(*lines, sep="\n", end="\n" if lines else "")
    return REJECTED if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
