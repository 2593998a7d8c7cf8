"""The facts that travel with weights: a round trip, and what is refused."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from posegrid.errors import CheckpointError
from posegrid.learning.model_facts import ModelFacts, shown_crops

FACTS = ModelFacts(
    "posegrid_s", "bins", 128, "removed", "view", ((0.0, 1.5, -2.0),) * 17, {"bins": 64}
)


def test_json_round_trip_keeps_every_fact():
    assert ModelFacts.from_json(FACTS.to_json(), "here") == FACTS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"skeleton": "coco_17"}, "skeleton is 'coco_17'"),
        ({"unit": "m"}, "unit is 'm'"),
        ({"pose_frame": "world"}, "pose_frame is 'world', expected 'view' or 'camera'"),
        ({"background": "blurred"}, "background is 'blurred'"),
        ({"image_size": 0}, "image_size is 0"),
        ({"mean_pose_mm": [[0, 0, 0]]}, "expected 17 x 3"),
        ({"colour": "red"}, "unknown entries \\['colour'\\]"),
    ],
)
def test_other_facts_are_refused_by_name(change, message):
    text = json.dumps({**json.loads(FACTS.to_json()), **change})
    with pytest.raises(CheckpointError, match=f"here.*{message}"):
        ModelFacts.from_json(text, "here")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"a"'])
def test_text_that_is_no_json_object_is_damage(text):
    with pytest.raises(CheckpointError, match="damaged"):
        ModelFacts.from_json(text, "here")


def test_a_missing_fact_is_named():
    values = json.loads(FACTS.to_json())
    del values["network"]
    with pytest.raises(CheckpointError, match=r"lacks \['network'\]"):
        ModelFacts.from_json(json.dumps(values), "here")


def test_weights_of_earlier_versions_know_hard_masks_alone():
    values = json.loads(FACTS.to_json())
    del values["soft_masks"]
    assert not ModelFacts.from_json(json.dumps(values), "here").soft_masks


@pytest.mark.parametrize("soft", [False, True])
def test_weights_are_shown_the_masks_that_they_know(soft):
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 128, 128), dtype=np.uint8)
    shown = shown_crops(images, replace(FACTS, background="masked", soft_masks=soft))
    assert np.array_equal(shown[:, 0], images[:, 0])
    expected = images[:, 1] if soft else 255 * (images[:, 1] >= 128)
    assert np.array_equal(shown[:, 1], expected)


def test_reading_facts_needs_no_torch():
    code = "import sys, posegrid.learning.model_facts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
