"""The command `posegrid gait`: the gait in a Track file, as JSON and as a page."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from posegrid.errors import OutputError, SettingsError
from posegrid.files import completed
from posegrid.motion.gait import Gait, Quantity
from posegrid.motion.gait_events import SIDES
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.upright import up_of_camera
from posegrid.results.gait_plots import BAND_COLOUR, COLOURS, cycle_plot, steps_plot
from posegrid.results.normal_gait import NUM_PEOPLE, SOURCE
from posegrid.results.page import Tile, heading, page, paragraph, table, warning

DIGITS = {"mm": 0, "steps/min": 1, "m/s": 2, "s": 3, "degrees": 1}
"""Decimal places of a unit's figures; one for the rest."""
WHOLE = ("cadence", "speed", "stride_time", "stride_length", "step_width", "double_support")
SIDED = ("step_time", "step_length", "stance", "knee_range", "hip_range")


@dataclass(frozen=True)
class GaitSettings:
    """Settings of `posegrid gait`."""

    track: Positional[Path]
    """Track file that `posegrid predict` wrote (.npz, .json or .csv)."""
    out: Path | None = None
    """Folder for NAME_gait.json and NAME_gait.html. Default: that of the track."""
    camera_pitch_deg: float | None = None
    """How far the camera looks down, degrees. Default: found from the trunk and the feet."""


def gait(settings: GaitSettings) -> Gait:
    """The gait's figures; also written as NAME_gait.json and as the page NAME_gait.html.

    Raises SourceError if the file is no Track, or if nobody walks in it; SettingsError, OutputError.
    """
    if settings.camera_pitch_deg is not None and not -90 < settings.camera_pitch_deg < 90:
        raise SettingsError(f"--camera-pitch-deg {settings.camera_pitch_deg:g}: expected between -90 and 90 degrees.")
    pitch = settings.camera_pitch_deg
    track = MotionTrack.load(settings.track)
    found = track.gait(None if pitch is None else up_of_camera(math.radians(pitch)))
    folder = settings.track.parent if settings.out is None else settings.out
    for path, text in (
        (folder / f"{settings.track.stem}_gait.json", gait_json(found, track)),
        (folder / f"{settings.track.stem}_gait.html", gait_page(found, track)),
    ):
        _write(path, text)
        print(path)
    for name in WHOLE:
        print(f"{_words(name)}: {_figure(found.quantities[name])} {found.quantities[name].unit}")
    for note in found.notes:
        print(note)
    return found


def gait_json(found: Gait, track: MotionTrack) -> str:
    """All figures, events and curves; null for what was not seen. Curves: flexion at 0, 1, ... 100 % of the stride."""
    content = {
        "source": track.source,
        "weights": track.weights,
        "scale_known": track.scale_known,
        "notes": found.notes,
        "quantities": {name: asdict(quantity) for name, quantity in found.quantities.items()},
        "events_s": {
            side: {"strike": found.events[side].strike_s.tolist(), "off": found.events[side].off_s.tolist()}
            for side in SIDES
        },
        "strides": [
            {**asdict(stride), "flexion_deg": {joint: curve.tolist() for joint, curve in stride.flexion_deg.items()}}
            for stride in found.strides
        ],
    }
    return json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n"


def gait_page(found: Gait, track: MotionTrack) -> str:
    """The page's text: figures, when which foot is on the floor, knees and hips over the stride. Needs no network."""
    q = found.quantities
    tiles = [
        Tile(f"{_figure(q[name])}", f"{_words(name)}, {q[name].unit}")
        for name in ("cadence", "speed", "stride_length", "double_support")
    ]
    plots = "".join(cycle_plot(found, joint) for joint in ("knee", "hip"))
    legend = "".join(
        f'<span class="swatch" style="background:{COLOURS[side]}"></span>{side} '
        f"(strides: {sum(stride.side == side for stride in found.strides)})"
        for side in SIDES
    )
    legend += f'<span class="swatch" style="background:{BAND_COLOUR}"></span>normal, {NUM_PEOPLE} healthy adults ± 1 SD'
    parts = [
        *(warning(note) for note in found.notes),
        heading("Steps"),
        steps_plot(found),
        '<p class="quiet">Each foot on the floor, by the time of the recording.</p>',
        heading("Knees and hips over the stride"),
        f'<p class="quiet">{legend}</p><div>{plots}</div>',
        paragraph(
            "From one strike of a foot to its next. Thin: single strides; thick: their mean; dashed: the foot leaves "
            f"the floor. Grey: healthy adults at the speed they chose, {SOURCE}. Their angles come from marker-based "
            "anatomical frames, ours from joint centres, and their hip flexion is against the pelvis, ours against the "
            "trunk: offsets of several degrees are expected, and the band is no diagnosis."
        ),
        heading("Figures"),
        table(("", "figure", "between strides", "number", "unit"), [_row(name, q[name]) for name in WHOLE]),
        table(
            ("", "right", "left", "asymmetry, %", "unit"),
            [
                (
                    _words(name),
                    *(_figure(q[f"{name}_{side}"]) for side in SIDES),
                    _figure(q[f"asymmetry_{name}"]) if f"asymmetry_{name}" in q else "",
                    q[f"{name}_right"].unit,
                )
                for name in SIDED
            ],
        ),
        paragraph(
            "± is one standard deviation of the figure: the spread between strides over the root of their number, and "
            "what more strides do not improve, as measured on rendered walks. It holds for walking seen whole."
        ),
    ]
    seconds = float(np.ptp(track.time_s))
    subtitle = f"{len(found.strides)} strides in {seconds:.1f} s; weights {track.weights}"
    return page(f"Gait: {track.source}", subtitle, tiles, parts)


def _row(name: str, quantity: Quantity) -> tuple[str, ...]:
    spread = "" if math.isnan(quantity.spread) else _rounded(quantity.spread, quantity.unit)
    return _words(name), _figure(quantity), spread, str(quantity.count), quantity.unit


def _figure(quantity: Quantity) -> str:
    """Value ± uncertainty; a dash for what was not seen."""
    if math.isnan(quantity.value):
        return "–"
    return f"{_rounded(quantity.value, quantity.unit)} ± {_rounded(quantity.uncertainty, quantity.unit)}"


def _rounded(value: float, unit: str) -> str:
    return f"{value:.{DIGITS.get(unit, 1)}f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _without_nan(content: object) -> object:
    """The same with None in the place of NaN, as JSON needs it."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def _write(path: Path, text: str) -> None:
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --out.") from error
