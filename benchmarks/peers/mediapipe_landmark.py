"""MediaPipe's landmark network alone, as JSON: run by benchmarks/network.py with the interpreter of
`make peers`.

    .venv-peers/bin/python benchmarks/peers/mediapipe_landmark.py RUNS

The model inside MediaPipe's package (pose_landmark_full.tflite, 256 x 256 pixels) on LiteRT with
XNNPACK, one thread.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

package = Path(find_spec("mediapipe").submodule_search_locations[0])
network = Interpreter(
    str(package / "modules" / "pose_landmark" / "pose_landmark_full.tflite"), num_threads=1
)
network.allocate_tensors()
entry, answer = network.get_input_details()[0], network.get_output_details()[0]
image = np.random.default_rng(0).random(entry["shape"], dtype=np.float32)
for run in range(int(sys.argv[1]) + 10):
    if run == 10:
        begin_cpu, begin = time.process_time(), time.perf_counter()
    network.set_tensor(entry["index"], image)
    network.invoke()
    network.get_tensor(answer["index"])
cpu_s, wall_s = time.process_time() - begin_cpu, time.perf_counter() - begin
print(
    json.dumps(
        {
            "cpu_ms": 1000 * cpu_s / int(sys.argv[1]),
            "wall_ms": 1000 * wall_s / int(sys.argv[1]),
            "input": [int(side) for side in entry["shape"]],
        }
    )
)
