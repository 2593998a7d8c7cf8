"""How far knees and hips of healthy adults bend over a stride: mean and spread between people, as
published.

`normal_gait.csv`: 24 adults of 21 to 37 years, over ground at the speed they chose, right leg: the
public data of Fukuchi, Fukuchi & Duarte, PeerJ 2018, e4640 (doi.org/10.6084/m9.figshare.5722711, CC
BY 4.0); means and standard deviations of their joint angles as PhysioGaitNorm 2.0.0 tabulates them,
every second per cent, rounded to 0.1 degrees.

Their angles are those of marker-based frames of thigh, shank and pelvis, ours those of lines
through joint centres; their hip flexion is against the pelvis, ours against the trunk. Healthy
people may lie off by several degrees.

Pictures of a gait as SVG text: curves over the normalised gait cycle, and when which foot is on the
floor.

The command `posegrid gait`: the gait in a Track file, as JSON and as a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tyro.conf import Positional

from posegrid.errors import SettingsError, in_flags
from posegrid.files import write_text
from posegrid.motion.gait import Gait, Quantity
from posegrid.motion.gait_events import SIDES, FootEvents
from posegrid.motion.gait_files import gait_json
from posegrid.motion.motion_track import MotionTrack
from posegrid.motion.placing import view_deg
from posegrid.motion.world import up_of_camera
from posegrid.results.page import Tile, heading, page, paragraph, table, warning
from posegrid.results.predict_settings import PredictSettings

SOURCE = "Fukuchi et al., PeerJ 2018, e4640 (CC BY 4.0)"
NUM_PEOPLE = 24


@dataclass(frozen=True, eq=False)
class NormalBand:
    """Flexion over the stride, degrees."""

    percent: Float[np.ndarray, "51"]
    """0, 2, ... 100 % of the stride."""
    mean_deg: Float[np.ndarray, "51"]
    spread_deg: Float[np.ndarray, "51"]
    """Standard deviation between people."""


def normal_band(joint: str) -> NormalBand:
    """What is normal for "knee" or "hip"."""
    columns = np.loadtxt(
        Path(__file__).with_name("normal_gait.csv"), delimiter=",", skiprows=1, unpack=True
    )
    mean, spread = {"knee": (1, 2), "hip": (3, 4)}[joint]
    return NormalBand(columns[0], columns[mean], columns[spread])


COLOURS = {"right": "#d55e00", "left": "#0072b2"}
BAND_COLOUR = "#d3d7dd"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 410.0, 270.0, 44.0, 14.0, 12.0, 40.0
LONGEST_STANCE_S = 1.6
"""A foot that leaves the floor later than this after a strike was not seen to leave it."""


@dataclass(frozen=True)
class _Axes:
    """From data to places in the picture."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: float = WIDTH
    height: float = HEIGHT

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)

    def points(self, xs: np.ndarray, ys: np.ndarray) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))


def cycle_plot(gait: Gait, joint: str) -> str:
    """Flexion of "knee" or "hip" over the stride: strides thin, each side's mean thick, the foot's
    leaving dashed.

    Behind them, grey, what is normal: the published mean and one standard deviation on either side.
    """
    curves = {side: gait.flexion_deg(joint, side) for side in SIDES}
    normal = normal_band(joint)
    under, over = normal.mean_deg - normal.spread_deg, normal.mean_deg + normal.spread_deg
    every = np.concatenate([under, over, *(strides.ravel() for strides in curves.values())])
    low, high = (
        float(10 * np.floor(np.nanmin(every) / 10)),
        float(10 * np.ceil(np.nanmax(every) / 10)),
    )
    axes = _Axes((0.0, 100.0), (low, high))
    y_ticks = np.arange(low, high + 1, 10)
    outline = axes.points(
        np.concatenate([normal.percent, normal.percent[::-1]]), np.concatenate([under, over[::-1]])
    )
    parts = [
        f'<polygon points="{outline}" fill="{BAND_COLOUR}"/>',
        _line(axes.points(normal.percent, normal.mean_deg), "#ffffff", 1.5, 1),
        _grid(
            axes,
            np.arange(0.0, 101.0, 20.0),
            y_ticks,
            f"{joint} flexion, degrees",
            "% of the stride",
        ),
    ]
    for side, strides in curves.items():
        percent = np.linspace(0.0, 100.0, strides.shape[1])
        parts += [_line(axes.points(percent, curve), COLOURS[side], 1, 0.25) for curve in strides]
        if len(strides):
            parts.append(_line(axes.points(percent, strides.mean(axis=0)), COLOURS[side], 2.5, 1))
            off = gait.quantities[f"stance_{side}"].value
            if np.isfinite(off):
                upright = axes.points(np.array([off, off]), np.array([low, high]))
                parts.append(_line(upright, COLOURS[side], 1, 0.8, dashes="4 3"))
    return _svg(WIDTH, HEIGHT, parts, f"{joint} flexion over the stride")


def steps_plot(gait: Gait) -> str:
    """When which foot is on the floor, over the time of the recording."""
    times = np.concatenate([np.concatenate([e.strike_s, e.off_s]) for e in gait.events.values()])
    axes = _Axes((float(times.min()) - 0.1, float(times.max()) + 0.1), (0.0, 2.0), 2 * WIDTH, 118.0)
    step = next(
        s for s in (0.5, 1, 2, 5, 10, 20, 60, 300, 3600) if np.ptp(times) / s <= 16 or s == 3600
    )
    ticks = np.arange(np.ceil(axes.x_range[0] / step) * step, axes.x_range[1], step) + 0.0
    parts = [_grid(axes, ticks, np.zeros(0), "", "s")]
    for row, (side, events) in enumerate(gait.events.items()):
        y = axes.y(2 - row) + 6
        parts.append(f'<text x="{LEFT - 6}" y="{y + 18:.1f}" text-anchor="end">{side}</text>')
        for begin_s, end_s in _on_the_floor(events):
            box = f'x="{axes.x(begin_s):.1f}" y="{y:.1f}" width="{axes.x(end_s) - axes.x(begin_s):.1f}" height="26"'
            parts.append(f'<rect {box} fill="{COLOURS[side]}" rx="2"/>')
    return _svg(axes.width, axes.height, parts, "when which foot is on the floor")


def _on_the_floor(events: FootEvents) -> list[tuple[float, float]]:
    """From each strike to the next off, where that was seen."""
    spans = []
    for strike_s in events.strike_s.tolist():
        offs = events.off_s[events.off_s > strike_s]
        if len(offs) and offs[0] - strike_s < LONGEST_STANCE_S:
            spans.append((strike_s, float(offs[0])))
    return spans


def _grid(axes: _Axes, xs: np.ndarray, ys: np.ndarray, y_title: str, x_title: str) -> str:
    bottom = axes.height - BOTTOM
    lines = [
        f'<line x1="{LEFT}" x2="{axes.width - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="#b9bec6"/>'
    ]
    for x in xs:
        lines.append(
            f'<text x="{axes.x(x):.1f}" y="{bottom + 16}" text-anchor="middle">{x:g}</text>'
        )
    for y in ys:
        at = axes.y(y)
        lines.append(
            f'<line x1="{LEFT}" x2="{axes.width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e6e8eb"/>'
        )
        lines.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')
    lines.append(
        f'<text x="{axes.width - RIGHT}" y="{axes.height - 6}" text-anchor="end">{escape(x_title)}</text>'
    )
    if y_title:
        lines.append(f'<text x="{LEFT}" y="{axes.height - 6}">{escape(y_title)}</text>')
    return "".join(lines)


def _line(points: str, colour: str, width: float, opacity: float, dashes: str = "none") -> str:
    style = f'stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}" stroke-dasharray="{dashes}"'
    return f'<polyline points="{points}" fill="none" {style}/>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escape(label)}" '
        'style="max-width:100%;height:auto" font-family="system-ui, sans-serif" font-size="12" fill="#656a73">'
        + "".join(parts)
        + "</svg>"
    )


DIGITS = {"mm": 0, "steps/min": 1, "m/s": 2, "s": 3, "degrees": 1}
"""Decimal places of a unit's figures; one for the rest."""
WHOLE = ("cadence", "speed", "stride_time", "stride_length", "step_width", "double_support")
SIDED = ("step_time", "step_length", "stance", "knee_range", "hip_range")
OF_FEET = ("ankle_range", "foot_progression")
"""Figures of tracks that know heels and toes."""


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

    Raises SourceError if the file is no Track, or if nobody walks in it; SettingsError,
    OutputError.
    """
    if settings.camera_pitch_deg is not None and not -90 < settings.camera_pitch_deg < 90:
        raise SettingsError(
            f"`camera_pitch_deg` {settings.camera_pitch_deg:g}: expected between -90 and 90 degrees."
        )
    pitch = settings.camera_pitch_deg
    track = MotionTrack.load(settings.track)
    up_cam = None if pitch is None else up_of_camera(math.radians(pitch))
    found = track.gait(up_cam)
    facts = {name: getattr(track, name) for name in ("source", "weights", "scale_known")}
    folder = settings.track.parent if settings.out is None else settings.out
    for path, text in (
        (folder / f"{settings.track.stem}_gait.json", gait_json(found, **facts)),
        (folder / f"{settings.track.stem}_gait.html", gait_page(found, track, up_cam)),
    ):
        write_text(path, text)
        print(path)
    for name in WHOLE:
        print(f"{_words(name)}: {_figure(found.quantities[name])} {found.quantities[name].unit}")
    for note in found.notes:
        print(in_flags(note, PredictSettings))
    return found


def gait_page(found: Gait, track: MotionTrack, up_cam: Float[np.ndarray, "3"] | None = None) -> str:
    """The page's text: figures, when which foot is on the floor, knees and hips over the stride,
    and what they rest on. Needs no network. up_cam: as in `MotionTrack.gait`.
    """
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
        *(warning(in_flags(note, PredictSettings)) for note in found.notes),
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
        table(
            ("", "figure", "between strides", "number", "unit"),
            [_row(name, found) for name in WHOLE],
        ),
        table(
            ("", "right", "left", "asymmetry, %", "unit"),
            [
                (
                    _named(name, f"{name}_right", found),
                    *(_figure(q[f"{name}_{side}"]) for side in SIDES),
                    _figure(q[f"asymmetry_{name}"]) if f"asymmetry_{name}" in q else "",
                    q[f"{name}_right"].unit,
                )
                for name in (*SIDED, *OF_FEET)
                if f"{name}_right" in q
            ],
        ),
        paragraph(
            "± is one standard deviation of the figure: the spread between strides over the root of their number, and "
            "what more strides do not improve, as measured on rendered walks. It holds for walking seen whole."
        ),
        heading("What the figures rest on"),
        table(("", ""), _grounds(track, up_cam)),
    ]
    seconds = float(np.ptp(track.time_s))
    subtitle = f"{len(found.strides)} strides in {seconds:.1f} s; weights {track.weights}"
    return page(f"Gait: {track.source}", subtitle, tiles, parts)


def _grounds(track: MotionTrack, up_cam: Float[np.ndarray, "3"] | None) -> list[tuple[str, ...]]:
    """What was given and what was assumed: the person's height, the camera, where it stands."""
    world = track.to_world(up_cam)
    down_deg = round(math.degrees(math.asin(-world.rot_cam_to_world[2, 2])))
    how = "given, by the file or assumed" if track.camera_assumed else "calibrated"
    upright = "by the trunk and the feet" if up_cam is None else "as given"
    near_m, far_m = np.quantile(track.root_mm[world.found, 2] / 1000, (0, 1))
    known = "the height was given" if track.scale_known else "not measured (--height-m)"
    camera = f"{view_deg(track.camera):.0f} degrees over the longer side, {how}"
    place = (
        f"{world.camera_height_mm / 1000:.1f} m over the floor, looks down by {down_deg} degrees"
    )
    return [
        ("height of the person", f"{track.height_m:.2f} m by the bones; {known}"),
        ("camera", camera + (" (--camera or --fov-deg)" if track.camera_assumed else "")),
        ("the camera stands", "still" if track.camera_fixed else "not still, or it is not known"),
        ("where", f"{place}, {upright}"),
        ("distance of the person", f"{near_m:.1f} to {far_m:.1f} m"),
        ("frames per second", f"{track.fps:.4g}"),
        ("weights", track.weights),
    ]


def _row(name: str, found: Gait) -> tuple[str, ...]:
    quantity = found.quantities[name]
    spread = "" if math.isnan(quantity.spread) else _rounded(quantity.spread, quantity.unit)
    count = str(quantity.count)
    return _named(name, name, found), _figure(quantity), spread, count, quantity.unit


def _named(words: str, name: str, found: Gait) -> str:
    """The quantity's name in words, marked where this view hardly shows it."""
    return _words(words) + (" (depth)" if name in found.of_depth else "")


def _figure(quantity: Quantity) -> str:
    """Value ± uncertainty; a dash for what was not seen."""
    if math.isnan(quantity.value):
        return "–"
    return f"{_rounded(quantity.value, quantity.unit)} ± {_rounded(quantity.uncertainty, quantity.unit)}"


def _rounded(value: float, unit: str) -> str:
    return f"{value:.{DIGITS.get(unit, 1)}f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
