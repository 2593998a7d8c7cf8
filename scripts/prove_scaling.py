"""Measures what the commands need on a data set of any size: time to the first step, memory.

    python scripts/prove_scaling.py data/large --images 20000
    python scripts/prove_scaling.py data/large --weights weights/posegrid-m.onnx    # evaluate alone

Each command runs in a process of its own. The time counts from its start, imports included, by the
clock and in CPU time (which other work on the machine does not lengthen). Peak memory is the
process's resident set, as the system counts it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

CHILD = """
import sys, time
from posegrid import cli

def first_of(usual):
    answered = []
    def noted(*given):
        answer = usual(*given)
        if not answered:
            answered.append(True)
            print(f"FIRST {time.time()} {time.process_time()}", flush=True)
        return answer
    return noted

if sys.argv[1] == "evaluate":
    from posegrid.body.estimate import Estimate
    Estimate.joined = staticmethod(first_of(Estimate.joined))
else:
    from posegrid.learning.run import Record
    Record._after_step = first_of(Record._after_step)
raise SystemExit(cli.run(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Settings:
    """What to measure."""

    data: Positional[Path]
    """Folder of prepared crops."""
    images: int = 20_000
    """Crops that pretrain and train see."""
    memory_gb: float = 2.0
    """Room for decoded crops in each."""
    evaluate: bool = True
    """Whether to evaluate on the training people, too: all crops there are."""
    weights: Path | None = None
    """Evaluate these, and train none."""


def main(settings: Settings) -> None:
    """Run the commands and print a line for each."""
    with tempfile.TemporaryDirectory(dir=settings.data.parent) as folder:
        data, runs = str(settings.data), Path(folder)
        whom = ("--split", "train", "--allow-seen-subjects")
        if settings.weights:
            out = str(runs / "evaluation")
            return measured("evaluate", str(settings.weights), data, "--out", out, *whom)
        flags = ("--max-images", str(settings.images), "--memory-gb", str(settings.memory_gb))
        measured("pretrain", data, "--run", str(runs / "pretrain"), *flags)
        init = ("--init", str(runs / "pretrain" / "best.safetensors"))
        measured("train", data, "--run", str(runs / "train"), *init, *flags)
        if settings.evaluate:
            best = str(runs / "train" / "best.safetensors")
            measured("evaluate", best, data, "--out", str(runs / "evaluation"), *whom)


def measured(*command: str) -> None:
    """Run one command and print what it took."""
    start, first, first_cpu = time.time(), float("nan"), float("nan")
    run = subprocess.Popen(
        [sys.executable, "-c", CHILD, *command], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("FIRST"):
            first, first_cpu = float(line.split()[1]) - start, float(line.split()[2])
    _, status, usage = os.wait4(run.pid, 0)
    peak_gb = usage.ru_maxrss * 1024 / 1e9
    print(
        json.dumps(
            {
                "command": command[0],
                "exit": status,
                "first_step_s": round(first, 1),
                "first_step_cpu_s": round(first_cpu, 1),
                "wall_s": round(time.time() - start, 1),
                "peak_gb": round(peak_gb, 2),
                "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
