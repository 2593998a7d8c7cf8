"""The gait of a walking person: steps and their times, lengths, phases, symmetry, ranges of knees and
hips.

Every figure is a mean over strides, with the spread between them and an uncertainty. Definitions:
docs/gait.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from posegrid.body.contacts import Contact
from posegrid.errors import OutputError, SourceError, optional
from posegrid.files import write_text
from posegrid.motion.gait_events import (
    SIDES,
    STANDING_PART,
    FootEvents,
    Side,
    events_within,
    foot_events,
    sure_events,
    with_contacts,
)
from posegrid.motion.gait_files import gait_csv, gait_json
from posegrid.motion.plausible import on_bend, on_cadence, on_counts, steps_per_minute
from posegrid.motion.smoothing import known
from posegrid.motion.strides import CYCLE_PERCENT, Stride, sight_deg, strides_of
from posegrid.motion.world import WorldMotion

if TYPE_CHECKING:
    import pandas

SCALE_UNKNOWN, SCALE_KNOWN = 0.065, 0.02
"""Relative uncertainty of lengths: an average adult's body in the place of an unknown person's; a
given height.
"""
SYSTEMATIC = {
    "step_width": 43.0,
    "double_support": 1.2,
    "step_time": 0.02,
    "step_length": 31.0,
    "stance": 2.5,
    "knee_range": 10.0,
    "hip_range": 8.0,
    "ankle_range": 12.0,
    "foot_progression": 8.0,
}
"""What more strides do not improve, in the quantity's unit: root mean square error on 208 rendered
walks (docs/gait.md; step time, step length and stance: mean error on 16)."""
ON_FEET = (
    "ankles and feet: hardly more than the legs tell of them; on rendered walks ankles move by 10 "
    "degrees less than the true ones"
)
SINGLE_SPREAD = 0.06
"""Relative spread between strides that is taken where there is a single one: about that of healthy
walking.
"""
LEAST_ADVANCE_MM = 200.0
"""A stride that leads less far ahead is marching on the spot, turning, or walking backwards."""
FROM_THE_SIDE = ("step_width", "foot_progression")
FROM_THE_FRONT = ("speed", "stride_length", "step_length", "knee_range", "hip_range", "ankle_range")
"""Quantities, of either side, that lie along the line of sight in such a view: a picture hardly
shows them."""


@dataclass(frozen=True)
class Quantity:
    """One figure of a gait."""

    value: float
    unit: str
    uncertainty: float
    """One standard deviation of the value; NaN where the value is."""
    spread: float
    """Standard deviation between the strides; NaN of a single one."""
    count: int
    """How many strides or steps it is the mean of."""


@dataclass(frozen=True, eq=False, repr=False)
class Gait:
    """What a motion says about its person's walking."""

    events: Mapping[Side, FootEvents]
    """Contacts within the strides."""
    strides: tuple[Stride, ...]
    quantities: Mapping[str, Quantity]
    """By name: cadence, speed, stride_time, stride_length, step_width, double_support; with _right
    and _left step_time, step_length, stance, knee_range, hip_range, where feet are known
    ankle_range, foot_progression; and asymmetry_step_time, asymmetry_step_length,
    asymmetry_stance."""
    notes: tuple[str, ...]
    """What a reader should know about these figures."""
    sight_deg: float
    """Angle between the way and the line of sight: 0 from the front or behind, 90 from the side."""

    @property
    def of_depth(self) -> tuple[str, ...]:
        """Names of the quantities that lie along the line of sight: a picture hardly shows them."""
        kinds = FROM_THE_SIDE if self.sight_deg > 45 else FROM_THE_FRONT
        return tuple(
            name for name in self.quantities if name.removeprefix("asymmetry_").startswith(kinds)
        )

    def __repr__(self) -> str:
        cadence, speed = self.quantities["cadence"], self.quantities["speed"]
        return (
            f"Gait({len(self.strides)} strides, {cadence.value:.1f} {cadence.unit}, "
            f"{speed.value:.2f} {speed.unit})"
        )

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each quantity: quantity, value, unit, uncertainty, spread, count. Raises
        SettingsError where pandas is not installed.
        """
        rows = [{"quantity": name, **asdict(found)} for name, found in self.quantities.items()]
        return optional("pandas").DataFrame(rows)

    def save(self, path: Path | str) -> None:
        """Write everything as JSON (.json), or the quantities as a table (.csv). Raises OutputError."""
        path = Path(path)
        if path.suffix not in (".json", ".csv"):
            raise OutputError(f"{path}: expected a name that ends in .json or .csv.")
        write_text(
            path,
            gait_json(self) if path.suffix == ".json" else gait_csv(self),
            "choose another place",
        )

    def flexion_deg(self, joint: str, side: Side) -> Float[np.ndarray, "S 101"]:
        """Flexion of a side's "knee" or "hip", or where feet are known its "ankle" or
        "foot_progression", over each of its strides, degrees.
        """
        curves = [stride.flexion_deg[joint] for stride in self.strides if stride.side == side]
        return np.array(curves).reshape(-1, len(CYCLE_PERCENT))


def gait_of(
    motion: WorldMotion,
    *,
    scale_known: bool,
    source: str,
    camera_fixed: bool = True,
    contacts: Sequence[Contact] = (),
) -> Gait:
    """The gait in a motion. Raises SourceError if there are no two strides forwards in it.

    contacts: set by hand; they count more than those that are found.

    Seen by a camera that moved, strides may lead anywhere: their times and angles count, there are
    no lengths.
    """
    events, num_unsure = _events(motion, contacts)
    num_events = num_unsure + sum(map(len, events.values()))
    found = strides_of(motion.joints_world_mm, motion.time_s, events, motion.feet_world_mm)
    forwards = [s for s in found if s.length_mm >= LEAST_ADVANCE_MM or not camera_fixed]
    if len(forwards) < 2:
        raise SourceError(
            f"{source}: no walking was found: {len(forwards)} strides forwards, of {len(found)} in all. Expected a "
            "person who walks three steps or more, before a camera at rest (on a treadmill nobody gets ahead)."
        )
    notes = [f"contacts set by hand: {len(contacts)} stretches"] if contacts else []
    if left_out := len(found) - len(forwards):
        notes.append(f"{left_out} strides on the spot, backwards or half seen are left out")
    if not camera_fixed:
        notes.append("the camera moved, or is not known to be fixed: no lengths and no speed")
    elif not scale_known:
        notes.append(
            "lengths and speed are those of an average adult's body, unsure by 5 to 8 % (`height_m` of predict)"
        )
    events = events_within(events, [(stride.begin_s, stride.end_s) for stride in forwards])
    if left_out := num_events - sum(map(len, events.values())):
        notes.append(f"contacts outside these strides, or too unsure, are left out: {left_out}")
    bend_deg = np.degrees(np.median([abs(stride.turn_rad) for stride in forwards]))
    frame_s = float(np.nanmedian(np.diff(motion.time_s)))
    if frame_s > 1 / 24:
        notes.append(f"only {1 / frame_s:.0f} frames per second: times of steps are coarse")
    scale = SCALE_KNOWN if scale_known else SCALE_UNKNOWN
    quantities = _quantities(forwards, frame_s, scale)
    if not camera_fixed:
        quantities = {
            name: replace(quantity, value=np.nan, uncertainty=np.nan, spread=np.nan, count=0)
            if quantity.unit in ("mm", "m/s") or "length" in name or "progression" in name
            else quantity
            for name, quantity in quantities.items()
        }
    if "ankle_range_right" in quantities:
        notes.append(ON_FEET)
    angle_deg = sight_deg(motion.joints_world_mm, motion.time_s, forwards)
    notes.append(_on_view(angle_deg))
    cadence, seen = quantities["cadence"].value, known(motion.joints_world_mm)
    per_minute = steps_per_minute(motion.joints_world_mm[seen], motion.time_s[seen])
    unlikely = (on_bend(bend_deg), on_cadence(cadence), on_counts(cadence, per_minute))
    notes += [sentence for sentence in unlikely if sentence]
    return Gait(events, tuple(forwards), quantities, tuple(notes), angle_deg)


def _events(motion: WorldMotion, contacts: Sequence[Contact]) -> tuple[dict[Side, FootEvents], int]:
    """The contacts that count, and how many were too unsure to."""
    every = foot_events(motion.joints_world_mm, motion.time_s)
    sure = sure_events(every, motion.sigma_mm, motion.time_s)
    num_unsure = sum(map(len, every.values())) - sum(map(len, sure.values()))
    return with_contacts(sure, contacts, motion.frame, motion.time_s), num_unsure


def _on_view(angle_deg: float) -> str:
    """What a view from so far beside the way does not show."""
    if angle_deg > 45:
        return (
            f"seen from the side ({angle_deg:.0f} degrees off the line of sight): step width is "
            "depth, which one camera hardly shows"
        )
    return (
        f"seen from the front or behind ({angle_deg:.0f} degrees off the line of sight): lengths, "
        "speed and how far knees and hips bend are depth, which one camera hardly shows"
    )


def _quantities(strides: Sequence[Stride], frame_s: float, scale: float) -> dict[str, Quantity]:
    time_noise_s = frame_s / np.sqrt(
        6
    )  # of a difference of two times, each known to within a frame

    times = _mean([s.time_s for s in strides], "s", noise=time_noise_s)
    to_cadence = 120 / times.value
    result = {
        "cadence": Quantity(
            to_cadence,
            "steps/min",
            times.uncertainty * to_cadence / times.value,
            times.spread * to_cadence / times.value,
            times.count,
        ),
        "speed": _mean([s.length_mm / s.time_s / 1000 for s in strides], "m/s", relative=scale),
        "stride_time": times,
        "stride_length": _mean([s.length_mm for s in strides], "mm", relative=scale),
        "step_width": _mean(
            [s.width_mm for s in strides], "mm", systematic=SYSTEMATIC["step_width"], relative=scale
        ),
        "double_support": _mean(
            [100 * s.double_support for s in strides],
            "% of stride",
            systematic=SYSTEMATIC["double_support"],
        ),
    }
    feet = "ankle" in strides[0].flexion_deg
    for side in SIDES:
        result |= _one_sided(
            [s for s in strides if s.side == side], side, time_noise_s, scale, feet=feet
        )
    for name in ("step_time", "step_length", "stance"):
        result[f"asymmetry_{name}"] = _asymmetry(
            result[f"{name}_right"], result[f"{name}_left"], SYSTEMATIC[name]
        )
    return result


def _one_sided(
    strides: Sequence[Stride], side: Side, time_noise_s: float, scale: float, *, feet: bool
) -> dict[str, Quantity]:
    """Figures of one foot's strides."""
    figures = {
        "step_time": ([s.end_s - s.other_strike_s for s in strides], "s", time_noise_s, 0.0),
        "step_length": ([s.step_length_mm for s in strides], "mm", 0.0, scale),
        "stance": ([100 * s.stance for s in strides], "% of stride", 0.0, 0.0),
        "knee_range": (
            [float(np.ptp(s.flexion_deg["knee"])) for s in strides],
            "degrees",
            0.0,
            0.0,
        ),
        "hip_range": ([float(np.ptp(s.flexion_deg["hip"])) for s in strides], "degrees", 0.0, 0.0),
    }
    if feet:
        ankle, foot = (
            [s.flexion_deg[name] for s in strides] for name in ("ankle", "foot_progression")
        )
        figures["ankle_range"] = ([float(np.ptp(curve)) for curve in ankle], "degrees", 0.0, 0.0)
        flat = slice(*(round(100 * part) for part in STANDING_PART))
        figures["foot_progression"] = ([float(c[flat].mean()) for c in foot], "degrees", 0.0, 0.0)
    return {
        f"{name}_{side}": _mean(
            values, unit, noise=noise, systematic=SYSTEMATIC[name], relative=relative
        )
        for name, (values, unit, noise, relative) in figures.items()
    }


def _mean(
    every: list[float],
    unit: str,
    *,
    noise: float = 0.0,
    systematic: float = 0.0,
    relative: float = 0.0,
) -> Quantity:
    """The mean of the finite values. `noise` is of one value, `systematic` of the mean, `relative`
    a share of it.
    """
    values = np.array([value for value in every if np.isfinite(value)])
    count = len(values)
    if not count:
        return Quantity(float("nan"), unit, float("nan"), float("nan"), 0)
    value, spread = float(values.mean()), float(values.std(ddof=1)) if count > 1 else float("nan")
    between = spread if count > 1 else SINGLE_SPREAD * abs(value)
    random = np.sqrt((between**2 + noise**2) / count)
    return Quantity(
        value, unit, float(np.hypot(random, np.hypot(systematic, relative * value))), spread, count
    )


def _asymmetry(right: Quantity, left: Quantity, systematic: float) -> Quantity:
    """100 (right - left) / their mean, % (Robinson et al., J. Manipulative Physiol. Ther. 1987)."""
    middle = (right.value + left.value) / 2
    if not (right.count and left.count and middle):
        return Quantity(float("nan"), "%", float("nan"), float("nan"), 0)
    variance = 2 * systematic**2  # a wrong scale drops out
    for side in (right, left):
        variance += (
            side.spread if side.count > 1 else SINGLE_SPREAD * side.value
        ) ** 2 / side.count
    value = 100 * (right.value - left.value) / middle
    return Quantity(
        value,
        "%",
        float(100 * np.sqrt(variance) / middle),
        float("nan"),
        min(right.count, left.count),
    )
