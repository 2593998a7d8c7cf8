"""MediaPipe Pose over one video, as JSON: run by benchmarks/predict.py with the interpreter of
`make peers`.

    .venv-peers/bin/python benchmarks/peers/mediapipe_pose.py VIDEO

The full model, tracking, on the original colour frames that OpenCV decodes: the pipeline of its own
documentation.
"""

import json
import sys
import time
from pathlib import Path

start = time.perf_counter()
import cv2  # noqa: E402
import mediapipe  # noqa: E402

import_s = time.perf_counter() - start
video = cv2.VideoCapture(sys.argv[1])
pose = mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1)
begin, begin_cpu, num_frames, num_found = time.perf_counter(), time.process_time(), 0, 0
while True:
    there_is_one, image = video.read()
    if not there_is_one:
        break
    found = pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    num_frames, num_found = num_frames + 1, num_found + (found.pose_landmarks is not None)
print(
    json.dumps(
        {
            "frames": num_frames,
            "found": num_found,
            "cpu_ms": 1000 * (time.process_time() - begin_cpu) / num_frames,
            "wall_ms": 1000 * (time.perf_counter() - begin) / num_frames,
            "peak_mb": int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
            / 1024,
            "import_s": import_s,
        }
    )
)
