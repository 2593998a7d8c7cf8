"""What `make interop` compares, with those programs that are there in every test."""

import importlib.util
import sys
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).parents[2] / "scripts" / "interop" / "compare.py"


def test_readers_that_are_always_there_find_the_walk_on_the_floor(tmp_path):
    spec = importlib.util.spec_from_file_location("compare", SCRIPT)
    assert spec and spec.loader
    compare = sys.modules["compare"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    track, truth = compare.walk()
    seen = []
    for reading in compare.readings():
        if reading.program not in (
            "bvhio",
            "ezc3d",
            "pygltflib, glTF's rules",
            "usd-core, UsdSkel",
        ):
            continue
        path = tmp_path / f"walk{reading.ending}"
        track.save(path)
        places = reading.read(path)
        assert np.linalg.norm(places - truth, axis=-1).max() < compare.LIMIT_MM
        seen.append(reading.ending)
    assert sorted(seen) == [".bvh", ".c3d", ".glb", ".usd"]
