"""Pictures of a gait as SVG text: curves over the normalised gait cycle, and when which foot is on the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from posegrid.motion.gait import Gait
from posegrid.motion.gait_events import SIDES, FootEvents
from posegrid.motion.strides import CYCLE_PERCENT
from posegrid.results.normal_gait import normal_band

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
    """Flexion of "knee" or "hip" over the stride: strides thin, each side's mean thick, the foot's leaving dashed.

    Behind them, grey, what is normal: the published mean and one standard deviation on either side.
    """
    curves = {side: gait.flexion_deg(joint, side) for side in SIDES}
    normal = normal_band(joint)
    under, over = normal.mean_deg - normal.spread_deg, normal.mean_deg + normal.spread_deg
    every = np.concatenate([under, over, *(strides.ravel() for strides in curves.values())])
    low, high = float(10 * np.floor(np.nanmin(every) / 10)), float(10 * np.ceil(np.nanmax(every) / 10))
    axes = _Axes((0.0, 100.0), (low, high))
    y_ticks = np.arange(low, high + 1, 10)
    outline = axes.points(np.concatenate([normal.percent, normal.percent[::-1]]), np.concatenate([under, over[::-1]]))
    parts = [
        f'<polygon points="{outline}" fill="{BAND_COLOUR}"/>',
        _line(axes.points(normal.percent, normal.mean_deg), "#ffffff", 1.5, 1),
        _grid(axes, np.arange(0.0, 101.0, 20.0), y_ticks, f"{joint} flexion, degrees", "% of the stride"),
    ]
    for side, strides in curves.items():
        parts += [_line(axes.points(CYCLE_PERCENT, curve), COLOURS[side], 1, 0.25) for curve in strides]
        if len(strides):
            parts.append(_line(axes.points(CYCLE_PERCENT, strides.mean(axis=0)), COLOURS[side], 2.5, 1))
            off = gait.quantities[f"stance_{side}"].value
            if np.isfinite(off):
                upright = axes.points(np.array([off, off]), np.array([low, high]))
                parts.append(_line(upright, COLOURS[side], 1, 0.8, dashes="4 3"))
    return _svg(WIDTH, HEIGHT, parts, f"{joint} flexion over the stride")


def steps_plot(gait: Gait) -> str:
    """When which foot is on the floor, over the time of the recording."""
    times = np.concatenate([np.concatenate([e.strike_s, e.off_s]) for e in gait.events.values()])
    axes = _Axes((float(times.min()) - 0.1, float(times.max()) + 0.1), (0.0, 2.0), 2 * WIDTH, 118.0)
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 60, 300, 3600) if np.ptp(times) / s <= 16 or s == 3600)
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
    lines = [f'<line x1="{LEFT}" x2="{axes.width - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="#b9bec6"/>']
    for x in xs:
        lines.append(f'<text x="{axes.x(x):.1f}" y="{bottom + 16}" text-anchor="middle">{x:g}</text>')
    for y in ys:
        at = axes.y(y)
        lines.append(f'<line x1="{LEFT}" x2="{axes.width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e6e8eb"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')
    lines.append(f'<text x="{axes.width - RIGHT}" y="{axes.height - 6}" text-anchor="end">{escape(x_title)}</text>')
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
