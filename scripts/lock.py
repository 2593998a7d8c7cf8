"""Write locked.txt: what `make setup` installs, by the hashes of all its files.

    .venv/bin/python scripts/lock.py INDEX    # the address of a package index, as pip's --index-url

Run it in the environment of `make setup`: what is installed there is listed, in the version of
constraints.txt. pip then takes no other file (`--require-hashes`). All files of a version are
listed, those for other systems, too. torch is left out: its builds for CPUs and for GPUs are other
files under one version, and which one is wanted is the user's choice.
"""

import json
import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("torch", "posegrid", "pip", "setuptools")
SIMPLE = "application/vnd.pypi.simple.v1+json"
"""An index's answer in JSON (PEP 691)."""


def main() -> int:
    """1 where the index lacks a version."""
    if len(sys.argv) != 2:
        print("usage: python scripts/lock.py INDEX", file=sys.stderr)
        return 2
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    here = {plain(d.metadata["Name"]) for d in distributions()} - set(LEFT_OUT)
    split = (line.split("==") for line in lines if "==" in line)
    pins = [(plain(name), version) for name, version in split if plain(name) in here]
    try:
        with ThreadPoolExecutor(8) as side_by_side:
            found = list(side_by_side.map(lambda pin: hashes(sys.argv[1], *pin), pins))
    except (OSError, ValueError, KeyError) as error:
        print(f"{sys.argv[1]}: no index that answers in JSON ({error})", file=sys.stderr)
        return 1
    lacking = [
        f"{name}=={version}" for (name, version), said in zip(pins, found, strict=True) if not said
    ]
    if lacking:
        print(f"the index has no {', '.join(lacking)}; nothing was written", file=sys.stderr)
        return 1
    blocks = [
        " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{value}" for value in said)])
        for (name, version), said in zip(pins, found, strict=True)
    ]
    head = "# Made by scripts/lock.py from constraints.txt: what pip may install, by hash."
    (ROOT / "locked.txt").write_text("\n".join([head, *blocks, ""]), encoding="utf-8")
    return 0


def plain(name: str) -> str:
    """A library's name as an index has it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def hashes(index: str, name: str, version: str) -> list[str]:
    """SHA-256 of every file of a version, sorted."""
    address = f"{index.rstrip('/')}/{name}/"
    request = urllib.request.Request(address, headers={"Accept": SIMPLE})
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    return sorted({f["hashes"]["sha256"] for f in files if is_of(f["filename"], version)})


def is_of(filename: str, version: str) -> bool:
    """Whether a wheel or a source archive is of that version."""
    parts = filename.removesuffix(".tar.gz").removesuffix(".zip").split("-")
    return parts[1] == version if filename.endswith(".whl") else parts[-1] == version


if __name__ == "__main__":
    sys.exit(main())
