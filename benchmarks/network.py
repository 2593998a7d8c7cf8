"""CPU time of the shipped network per crop, beside MediaPipe's landmark network in the same run,
one thread each.

    make peers
    python benchmarks/network.py [WEIGHTS.onnx]        half a minute

Each runs in a process of its own, in turns; figures are medians. ONNX Runtime for ours, LiteRT with
XNNPACK for theirs; nothing but the networks is timed: no decoding, no cutting out, no person
detector.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

TURNS, RUNS = 5, 100
PEERS = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
LANDMARK = Path(__file__).parent / "peers" / "mediapipe_landmark.py"

OURS = """
import json, sys, time
from importlib import resources
from pathlib import Path
import numpy as np, onnxruntime
path = sys.argv[2] if len(sys.argv) > 2 else str(Path(str(resources.files("posegrid"))) / "weights" / "posegrid-m.onnx")
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
shape = [1, *session.get_inputs()[0].shape[1:]]
image = np.random.default_rng(0).random(shape, dtype=np.float32)
runs = int(sys.argv[1])
for run in range(runs + 10):
    if run == 10:
        begin_cpu, begin = time.process_time(), time.perf_counter()
    session.run(None, {"image": image})
cpu_s, wall_s = time.process_time() - begin_cpu, time.perf_counter() - begin
print(json.dumps({"cpu_ms": 1000 * cpu_s / runs, "wall_ms": 1000 * wall_s / runs, "input": shape}))
"""


def main() -> None:
    """Print both and the ratio."""
    commands = {"posegrid": [sys.executable, "-c", OURS, str(RUNS), *sys.argv[1:]]}
    if PEERS.exists():
        commands["MediaPipe's landmark network"] = [str(PEERS), str(LANDMARK), str(RUNS)]
    else:
        print(f"{PEERS} is missing (make peers): posegrid alone")
    said: dict[str, list[dict]] = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            said[name].append(json.loads(done.stdout.splitlines()[-1]))
    middle = {
        name: {key: median(turn[key] for turn in turns) for key in ("cpu_ms", "wall_ms")}
        for name, turns in said.items()
    }
    for name, values in middle.items():
        shape = " x ".join(map(str, said[name][0]["input"]))
        print(
            f"{name:28} CPU {values['cpu_ms']:6.2f} ms, clock {values['wall_ms']:6.2f} ms per crop of {shape}"
        )
    for name, values in list(middle.items())[1:]:
        print(f"beside {name}: CPU {middle['posegrid']['cpu_ms'] / values['cpu_ms']:.2f} x")


if __name__ == "__main__":
    main()
