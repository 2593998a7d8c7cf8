"""Fit the gait curves that the made-up walkers use to walks from the CMU motion capture database.

    python -m scripts.fit_gait_curves cmu_walk

writes posegrid/walkers/gait_curves.json and prints the errors. For each joint angle of
`posture.py` (degrees):

    angle(phase, v*) = sum over k = 0..6 of (a_k + b_k (v* - v*_ref)) cos / sin (2 pi k phase) +
    personal deviation

with the phase counted from the side's own heel strike and v* = speed / sqrt(g leg), the leg being
thigh plus shank. Left and right cycles are fitted together (central angles keep only the harmonics
that a symmetric walker has). The personal deviations are the principal components ("modes") of what
is left of each clip, every subject counting alike; one unit is one standard deviation.

The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with
funding from NSF EIA-0196217.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posegrid.walkers.motion.capture_files import load_walks
from posegrid.walkers.motion.captured import RecordedWalk
from posegrid.walkers.motion.foot_contact import GRAVITY_MM_S2
from posegrid.walkers.motion.gait_style import NUM_HARMONICS, NUM_MODES, fourier_basis
from posegrid.walkers.motion.posture import CENTRAL_ANGLES, SIDE_ANGLES

NAMES = (*CENTRAL_ANGLES, *SIDE_ANGLES)
OUTPUT = Path(__file__).parent.parent / "posegrid" / "walkers" / "gait_curves.json"
ACKNOWLEDGEMENT = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)
TERMS = (
    "CMU Graphics Lab Motion Capture Database, http://mocap.cs.cmu.edu: 'This dataset of motions is free for all uses. "
    "You may include this data in commercially-sold products, but you may not resell this data directly, even in "
    "converted form.'"
)


@dataclass(frozen=True, eq=False)
class FittedClip:
    """The curves of one clip."""

    name: str
    subject: str
    relative_speed: float
    coefficients: np.ndarray
    """(angle, coefficient), degrees."""
    error_deg: np.ndarray
    """RMS distance of the clip's own samples from its curves, by angle."""
    contact: np.ndarray
    """(cycles from strike to toe-off) of each step."""


def main(folder: Path) -> None:
    clips = [fit_clip(walk) for walk in load_walks(folder)]
    speeds = np.array([clip.relative_speed for clip in clips])
    weights = subject_weights([clip.subject for clip in clips])
    coefficients = np.stack([clip.coefficients for clip in clips])
    reference = float(round(np.sum(weights * speeds), 3))
    line, residual = fit_line(speeds - reference, coefficients, weights)
    modes, shares = principal_modes(residual, weights)
    contact = np.array([clip.contact.mean() for clip in clips])[:, None, None]
    contact_line, _ = fit_line(speeds - reference, contact, weights)
    spread = curve_spread(residual, weights)
    error = np.sqrt(np.mean([clip.error_deg**2 for clip in clips], axis=0))
    document = {
        "what": "Fourier curves of joint angles over the gait cycle, degrees; see scripts/fit_gait_curves.py",
        "source": TERMS,
        "acknowledgement": ACKNOWLEDGEMENT,
        "command": "python -m scripts.fit_gait_curves DIR",
        "clips": [clip.name for clip in clips],
        "reference_relative_speed": reference,
        "relative_speed_range": [float(round(speeds.min(), 3)), float(round(speeds.max(), 3))],
        "stance_share": [float(round(value, 4)) for value in contact_line[:, 0, 0]],
        "mode_variance_shares": rounded(shares),
        "angles": {
            name: {
                "at_reference": rounded(line[0, i]),
                "per_relative_speed": rounded(line[1, i]),
                "modes": [rounded(mode[i]) for mode in modes],
                "fit_error_deg": float(round(error[i], 2)),
                "spread_deg": float(round(spread[i], 2)),
            }
            for i, name in enumerate(NAMES)
        },
    }
    temporary = OUTPUT.with_suffix(".json.part")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(temporary, OUTPUT)
    print(
        f"{len(clips)} clips of {len({c.subject for c in clips})} people, v* {speeds.min():.2f} to {speeds.max():.2f}"
    )
    print(
        f"{NUM_MODES} modes hold {100 * shares.sum():.0f} % of the variance between clips; wrote {OUTPUT.name}"
    )
    print(f"{'angle':20s} fit error  between clips (deg RMS)")
    for i, name in enumerate(NAMES):
        print(f"{name:20s} {error[i]:9.2f} {spread[i]:9.2f}")


def fit_clip(walk: RecordedWalk) -> FittedClip:
    """Least squares of the Fourier series to one clip, both sides together."""
    coefficients, errors = [], []
    for name in NAMES:
        basis, samples = [], []
        for side, sign in (("L", 1.0), ("R", -1.0)):
            phase = walk.phase(side)
            inside = np.isfinite(phase)
            central = name in CENTRAL_ANGLES
            angle = walk.angles[name if central else f"{name}.{side}"]
            mirrored = central and not name.endswith("_tilt")
            basis.append(fourier_basis(phase[inside]))
            samples.append(np.degrees(angle[inside]) * (sign if mirrored else 1.0))
        keep = symmetric_terms(name)
        matrix, values = np.concatenate(basis) * keep, np.concatenate(samples)
        solution = np.linalg.lstsq(matrix, values, rcond=1e-6)[0]
        coefficients.append(solution)
        errors.append(np.sqrt(np.mean((matrix @ solution - values) ** 2)))
    return FittedClip(
        name=walk.name,
        subject=walk.name.split("_")[0],
        relative_speed=walk.speed_mm_s / np.sqrt(GRAVITY_MM_S2 * walk.leg_mm),
        coefficients=np.array(coefficients),
        error_deg=np.array(errors),
        contact=contact_shares(walk),
    )


def symmetric_terms(name: str) -> np.ndarray:
    """1 for coefficients that a symmetric walker's angle can have, else 0: half a cycle later all
    is mirrored.
    """
    harmonic = np.concatenate([[0], np.repeat(np.arange(1, NUM_HARMONICS + 1), 2)])
    if name not in CENTRAL_ANGLES:
        return np.ones(len(harmonic))
    return (harmonic % 2 == (0 if name.endswith("_tilt") else 1)).astype(np.float64)


def contact_shares(walk: RecordedWalk) -> np.ndarray:
    """Share of the cycle between heel strike and toe-off, for each step seen whole."""
    shares = []
    for side in ("L", "R"):
        frames = np.arange(len(walk.forward_mm))
        phase = np.interp(walk.lifts[side], frames, walk.phase(side))
        shares.extend(phase[np.isfinite(phase)] % 1.0)
    return np.array(shares)


def subject_weights(subjects: list[str]) -> np.ndarray:
    """Weights of the clips, sum 1, so that every subject counts alike."""
    weights = np.array([1.0 / subjects.count(subject) for subject in subjects])
    return weights / weights.sum()


def fit_line(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted straight line of each entry of y (clip, ...) over x: (constant and slope, ...), and
    what is left.
    """
    matrix = np.stack([np.ones_like(x), x], axis=1)
    root = np.sqrt(weights)[:, None]
    flat = y.reshape(len(y), -1)
    line = np.linalg.lstsq(matrix * root, flat * root, rcond=None)[0]
    return line.reshape(2, *y.shape[1:]), (flat - matrix @ line).reshape(y.shape)


def principal_modes(residual: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strongest ways in which clips differ (mode, angle, coefficient; one standard deviation),
    and their shares.
    """
    flat = residual.reshape(len(residual), -1) * np.sqrt(weights)[:, None]
    _, values, vectors = np.linalg.svd(flat, full_matrices=False)
    modes = values[:NUM_MODES, None] * vectors[:NUM_MODES]
    return modes.reshape(NUM_MODES, *residual.shape[1:]), values[:NUM_MODES] ** 2 / np.sum(
        values**2
    )


def curve_spread(residual: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Standard deviation between clips of the same speed, mean over the cycle, by angle
    (degrees).
    """
    phase = np.arange(100) / 100.0
    curves = residual @ fourier_basis(phase).T
    return np.sqrt(np.einsum("c,cap->a", weights, curves**2) / len(phase))


def rounded(values: np.ndarray) -> list[float]:
    return [float(round(value, 3)) for value in values]


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(
            "usage: python -m scripts.fit_gait_curves DIR   (DIR/SUBJECT/SUBJECT.asf, DIR/SUBJECT/*.amc)"
        )
    main(Path(sys.argv[1]))
