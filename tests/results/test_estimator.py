"""Pictures and masks in, people's poses out: whole rows whatever the batch, boxes steadied, faults
not swallowed.
"""

from dataclasses import replace

import numpy as np
import pytest
from results.onnx_files import STANDING_MM, facts, write_onnx

from posegrid.body.estimate import Estimate
from posegrid.motion.placing import steadied_boxes
from posegrid.people.crop import Silhouette
from posegrid.people.finder import Sighting
from posegrid.results.estimator import BOX_REACH, MOST_WAITING, Estimator, PersonEstimate
from posegrid.results.network import OnnxModel, load_onnx
from posegrid.video.picture import Picture

SIZE_WH = (160, 120)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> OnnxModel:
    """Weights whose joints' x grows with the brightness of the crop's left half."""
    path = tmp_path_factory.mktemp("weights") / "lit.onnx"
    return load_onnx(
        write_onnx(path, metadata=facts(background="kept").to_json(), left_half_mm=100)
    )


def picture(number: int) -> Picture:
    return Picture.from_rgb(np.full((SIZE_WH[1], SIZE_WH[0], 3), 20 + 5 * number, np.uint8))


def silhouette(x: int, y: int, width: int, height: int) -> Silhouette:
    return Silhouette(np.full((height, width), 255, np.uint8), (x, y), 1, SIZE_WH)


def estimated(
    model: OnnxModel, seen: list[dict[int, Silhouette]], **settings
) -> list[PersonEstimate]:
    with Estimator(model, **settings) as estimator:
        for number, silhouettes in enumerate(seen):
            estimator.add(picture(number), [Sighting(n, s) for n, s in silhouettes.items()])
        return estimator.finished()


WALK: list[dict[int, Silhouette]] = [{1: silhouette(40 + 3 * i, 20, 30, 80)} for i in range(20)]


@pytest.mark.parametrize("batch", [1, 3, 16, 100])
def test_each_picture_has_its_own_answer_whatever_the_batch(model, batch):
    (person,) = estimated(model, WALK, batch=batch)
    assert person.number == 1 and person.row.tolist() == list(range(20))
    brightness = (person.estimate.pose_mm[:, 3, 0] - STANDING_MM[3, 0]) / 100 * 255
    assert brightness == pytest.approx([20 + 5 * i for i in range(20)], abs=2)
    assert person.box_xyxy[2:-2] == pytest.approx(
        np.array([[40 + 3 * i, 20, 70 + 3 * i, 100] for i in range(2, 18)])
    )


def test_looks_take_turns_by_the_frame_and_both_are_their_mean(model):
    one, turns, both = (
        estimated(model, WALK, batch=3, looks=looks)[0].estimate.pose_mm
        for looks in ("one", "in-turns", "both")
    )
    assert turns[::2] == pytest.approx(one[::2], abs=1e-3)
    assert turns[1::2] == pytest.approx(2 * both[1::2] - one[1::2], abs=1e-2)
    assert np.abs(turns - one)[1::2].max(axis=(1, 2)).min() > 1


def test_more_batches_than_may_wait_are_answered_too(model):
    (person,) = estimated(model, WALK * 2, batch=1)
    assert len(person.row) == 40 > MOST_WAITING


def test_rows_are_those_where_the_person_was_seen(model):
    seen = [{2: silhouette(90, 20, 30, 60)} if i % 4 == 0 else {} for i in range(12)]
    seen[5] = {1: silhouette(10, 20, 30, 80)}
    seen[8] = {**seen[8], 1: silhouette(10, 20, 30, 80)}
    first, second = estimated(model, seen)
    assert (first.number, first.row.tolist()) == (1, [5, 8])
    assert (second.number, second.row.tolist()) == (2, [0, 4, 8])
    assert len(first.estimate.pose_mm) == 2 and len(second.window) == 3


def test_boxes_are_steadied_as_if_all_were_known_at_once(model):
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (15, 2))
    seen = [{1: silhouette(x, y, 30 + x, 60 + y)} for x, y in corners.tolist()]
    for missing in (4, 9, 10):
        seen[missing] = {}
    boxes = np.stack([s[1].box_xyxy if s else np.full(4, np.nan) for s in seen])
    (person,) = estimated(model, seen)
    assert person.box_xyxy == pytest.approx(steadied_boxes(boxes, BOX_REACH)[person.row])


def test_a_frame_that_lost_the_feet_moves_no_crop(model):
    seen = list(WALK)
    seen[10] = {1: silhouette(70, 20, 30, 60)}
    (person,) = estimated(model, seen)
    assert person.box_xyxy[10, 3] == 100
    assert person.window[10, 2] == pytest.approx(person.window[9, 2])


def test_the_size_is_the_area_over_all_frames():
    nothing = Estimate(*(np.zeros((2, 17, *more), np.float32) for more in ((3,), (2,), ())))
    boxes = np.array([[0.0, 0, 2, 3], [10, 10, 14, 11]])
    assert (
        PersonEstimate(1, np.arange(2), boxes, np.zeros((2, 3)), nothing, np.ones(2)).size
        == 2 * 3 + 4 * 1
    )


def test_nobody_gives_nobody(model):
    assert estimated(model, [{} for _ in range(7)]) == [] == estimated(model, [])


def test_a_network_that_fails_is_not_kept_quiet(model):
    broken = replace(model, facts=replace(model.facts, image_size=16))
    with pytest.raises(Exception, match="16"):
        estimated(broken, WALK)
