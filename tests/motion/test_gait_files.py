"""A gait's text: the numbers that are in it, null or nothing for those that are not."""

import json

import numpy as np

from posegrid.motion.gait import Gait, Quantity
from posegrid.motion.gait_events import FootEvents
from posegrid.motion.gait_files import gait_csv, gait_json
from posegrid.motion.strides import CYCLE_PERCENT, Stride

NAN = float("nan")
STRIDE = Stride(
    "right", 0.5, 1.5, 1.125, 0.625, NAN, 1250.0, 0.0, 600.0, 650.0, 90.0, {"knee": CYCLE_PERCENT}
)
GAIT = Gait(
    events={
        "right": FootEvents(np.array([0.5, 1.5]), np.array([1.125])),
        "left": FootEvents(np.zeros(0), np.array([0.625])),
    },
    strides=(STRIDE,),
    quantities={
        "cadence": Quantity(120.0, "steps/min", 1 / 3, NAN, 1),
        "step_width": Quantity(NAN, "mm", NAN, NAN, 0),
    },
    notes=("of one stride",),
    sight_deg=90.0,
)


def test_the_table_has_nothing_where_nothing_was_seen():
    assert gait_csv(GAIT) == (
        "quantity,value,unit,uncertainty,spread,count\n"
        "cadence,120,steps/min,0.333333333,,1\n"
        "step_width,,mm,,,0\n"
    )


def test_the_text_says_null_for_what_was_not_seen():
    said = json.loads(gait_json(GAIT))
    assert said["quantities"]["step_width"] == {
        "value": None,
        "unit": "mm",
        "uncertainty": None,
        "spread": None,
        "count": 0,
    }
    (stride,) = said["strides"]
    assert stride["other_strike_s"] is None and stride["length_mm"] == 1250.0
    assert stride["flexion_deg"]["knee"] == list(range(101))


def test_the_text_tells_the_facts_first_and_the_events_of_each_foot():
    said = json.loads(gait_json(GAIT, source="walk.mp4", frames=np.int64(7)))
    assert list(said)[:3] == ["source", "frames", "notes"]
    assert (said["source"], said["frames"], said["notes"]) == ("walk.mp4", 7, ["of one stride"])
    assert said["events_s"] == {
        "right": {"strike": [0.5, 1.5], "off": [1.125]},
        "left": {"strike": [], "off": [0.625]},
    }
    assert said["sight_deg"] == 90.0 and said["of_depth"] == ["step_width"]
