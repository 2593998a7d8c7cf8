"""Ask the registry for known holes in the pinned versions (pip-audit); exit code 1 if there are any.

Where pip-audit cannot be installed, or the registry does not answer, it says so and ends well: a
check that needs the network must not fail without.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-audit"


def main() -> int:
    """1 for known holes."""
    tool = PLACE / "bin" / "pip-audit"
    if not tool.is_file():
        venv.create(PLACE, with_pip=True)
        install = [str(PLACE / "bin" / "pip"), "install", "--quiet", "pip-audit"]
        if subprocess.run(install, capture_output=True).returncode:
            print("audit: pip-audit cannot be installed here: nothing was asked")
            return 0
    pinned = ["--requirement", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
    command = [str(tool), *pinned, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: the registry does not answer ({done.stderr.strip()[-120:]})")
        return 0
    holes = [(d["name"], d["version"], hole["id"]) for d in told for hole in d.get("vulns", ())]
    for name, version, hole in holes:
        print(f"audit: {name} {version}: {hole}")
    asked = sum("vulns" in entry for entry in told)
    print(f"audit: {len(holes)} known holes; the registry knew {asked} of {len(told)} libraries")
    return min(len(holes), 1)


if __name__ == "__main__":
    sys.exit(main())
