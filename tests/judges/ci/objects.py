"""Holds objects of Argo CD and Flux against the validators of @kubernetes-models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import ruamel.yaml

REJECTED = 1
FAILED = 2
PACKAGES = {"argoproj.io": "argo-cd", "toolkit.fluxcd.io": "flux-cd"}


def module(home: Path, version: str, kind: str) -> Path:
    group, _, number = version.partition("/")
    package = next((name for suffix, name in PACKAGES.items() if group.endswith(suffix)), None)
    path = home / "node_modules/@kubernetes-models" / str(package) / group / number / f"{kind}.js"
    if not path.is_file():
        raise ValueError(f"nothing is known of {version} {kind}")
    return path


def main(files: list[str]) -> int:
    home = Path(os.environ["LLMC_JUDGE_HOME"])
    try:
        yaml = ruamel.yaml.YAML(typ="safe")
        documents = [(file, document) for file in files for document in yaml.load_all(Path(file))]
        cases = [{"module": str(module(home, d["apiVersion"], d["kind"])), "document": d} for _, d in documents]
        script = Path(__file__).parent.parent / "kubernetes" / "crds.mjs"
        run = subprocess.run(["node", script], input=json.dumps(cases), capture_output=True, text=True)
        if run.returncode != 0:
            raise ValueError(run.stderr[-500:])
        verdicts = json.loads(run.stdout)
    except (OSError, ValueError, KeyError, TypeError, ruamel.yaml.error.YAMLError) as error:
        print(f"ci judge: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    lines = [f"{file}: {d['kind']}: {reason}" for (file, d), reasons in zip(documents, verdicts) for reason in reasons]
    print(*lines, sep="\n", end="\n" if lines else "")
    return REJECTED if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
