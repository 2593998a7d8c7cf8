"""One film stored in many ways gives one Track, within 10 mm a joint and 25 mm in place, told where
the person is, by weights that see every change of brightness.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from people.scenes import scene
from prove_sources import FILMS, difference, told
from results.onnx_files import facts, write_onnx

from posegrid.body.track import Track
from posegrid.results.predict import predict
from posegrid.results.predict_settings import PredictSettings

RATE = Fraction(25)
CENTRES = [(60 + 6.0 * i, 62.0) for i in range(12)]
BOXES = np.array([(x - 30, 15.0, x + 30, 110.0) for x, _ in CENTRES])


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """They get darker by the frame."""
    bright = scene(CENTRES, noise=1.0, flicker=0.0)[0]
    shades = np.linspace(1.0, 0.6, len(CENTRES))
    return [
        (shade * picture[:128, :192]).astype(np.uint8)
        for shade, picture in zip(shades, bright, strict=True)
    ]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """10 levels of brightness, of 255, move all joints but the root by 39 mm."""
    path = tmp_path_factory.mktemp("weights") / "standing.onnx"
    return write_onnx(path, metadata=facts(background="kept").to_json(), raised_mm=1000.0)


def track_of(kind: str, pictures: Sequence[np.ndarray], weights: Path, out: Path) -> tuple:
    path, settings, rows = FILMS[kind](list(pictures), RATE, out)
    boxes = told(out / "boxes.csv", BOXES[rows])
    shared = {"weights": weights, "overlay": False, "boxes": boxes, "filter": "none"}
    return predict(PredictSettings(path, out=out / "out", **shared, **settings)), rows


@pytest.fixture(scope="module")
def plain(pictures, weights, tmp_path_factory) -> Track:
    return track_of("ffv1 in mkv", pictures, weights, tmp_path_factory.mktemp("plain"))[0]


def test_a_darker_film_gives_another_track(pictures, weights, plain, tmp_path):
    darker = [(0.9 * picture).astype(np.uint8) for picture in pictures]
    track, rows = track_of("ffv1 in mkv", darker, weights, tmp_path)
    assert difference(plain, track, rows).joints_mm > 10


@pytest.mark.parametrize("kind", [kind for kind in FILMS if kind != "ffv1 in mkv"])
def test_a_film_stored_otherwise_gives_the_same_track(kind, pictures, weights, plain, tmp_path):
    track, rows = track_of(kind, pictures, weights, tmp_path)
    off = difference(plain, track, rows)
    assert off.found == 1 and off.joints_mm < 10 and off.place_mm < 25
    assert off.keypoints_px < 2 and off.late_s < 0.002
