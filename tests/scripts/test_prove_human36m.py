"""The twin of Human3.6M with every fault of the release goes through `doctor` and `prepare` as its
script says.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_of_the_twin_is_found_and_handled() -> None:
    script = ROOT / "scripts" / "prove_human36m.py"
    command = [sys.executable, str(script), "--share", "0.002", "--picture-size", "100"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "WRONG" not in done.stdout and done.stdout.count(" ok ") >= 25
