"""Loose bones for what hangs on a body: chains down a skirt, strands of hair, bags."""

import numpy as np

from posegrid.walkers.body import NUM_BONES, TRUNK_BONES
from posegrid.walkers.drape import smoothstep
from posegrid.walkers.form import Form, Reach, turns
from posegrid.walkers.loose import Collider, LooseBone

NUM_CHAINS = 12
_HANDOVER_MM = 70.0
"""Over this height cloth goes over from the pelvis to the chains."""


def legs(form: Form, clearance_mm: float = 22.0) -> tuple[Collider, ...]:
    """The thighs and shanks as rods, as thick as the body's, and a little more."""
    body, marks = form.tailor.body, form.tailor.marks
    rods = []
    for start, end, place in (("upperleg01", "lowerleg01", 0.5), ("lowerleg01", "foot", 1.35)):
        for side, sign in (("L", 1), ("R", -1)):
            here = (
                marks.is_leg
                & (np.abs(marks.along_leg - place) < 0.12)
                & (sign * body.vertices_mm[:, 0] > 0)
            )
            joints = (body.head_of(f"{bone}.{side}") for bone in (start, end))
            radius = float(np.percentile(_distance(body.vertices_mm[here], *joints), 85))
            rods.append(
                Collider(f"{start}.{side}", f"{end}.{side}", radius + clearance_mm * form.scale)
            )
    return tuple(rods)


def fitting_rod(
    form: Form, start: str, end: str, point_mm: np.ndarray, gap_mm: float = 5.0
) -> Collider:
    """A rod between two bones so thick that at rest a point is just outside of it."""
    body = form.tailor.body
    distance = float(_distance(point_mm[None], body.head_of(start), body.head_of(end))[0])
    return Collider(start, end, max(distance - gap_mm, 1.0))


def _distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    along = end - start
    share = np.clip((points - start) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def chains(form: Form, reach: Reach, end_mm: float, opening_rad: float) -> tuple[LooseBone, ...]:
    """Chains of two bones from the hips to the hem, round a tube: the upper bones first."""
    top = form.hips_mm + 20 * form.scale
    angles = turns(NUM_CHAINS, opening_rad)
    middle = 0.5 * (top + end_mm)
    knots = [
        form.ring(reach, angles, np.full(NUM_CHAINS, height)) for height in (top, middle, end_mm)
    ]
    outward = np.stack([np.sin(angles), -np.cos(angles), np.zeros(NUM_CHAINS)], axis=1)
    covered = form.attire.below in ("trousers", "shorts")
    rods = legs(form, 22 + covered * (form.attire.leg_ease + 25 * (form.attire.leg_slope < 0.05)))
    return tuple(
        LooseBone(
            "root", knots[level][k], knots[level + 1][k], outward[k], after=k if level else None,
            stiffness=0.35, frequency_hz=1.9 if level == 0 else 1.4, damping=0.4, colliders=rods,
        )
        for level in (0, 1)
        for k in range(NUM_CHAINS)
    )  # fmt: skip


def hung_weights(
    form: Form,
    loose: tuple[LooseBone, ...],
    body: np.ndarray,
    angle: np.ndarray,
    height: np.ndarray,
    *,
    closed: bool,
) -> np.ndarray:
    """Weights of a tube's points: above on the trunk (of the `body` weights), below on the two
    chains beside each.
    """
    angle, height = angle.ravel(), height.ravel()
    top, middle = loose[0].head_mm[2], loose[0].tip_mm[2]
    weights = np.zeros((len(angle), NUM_BONES + len(loose)))
    free = smoothstep(height, top + 30 * form.scale, top - _HANDOVER_MM * form.scale)
    trunk = body[:, : len(TRUNK_BONES)] + [1e-3, *[0.0] * (len(TRUNK_BONES) - 1)]
    weights[:, : len(TRUNK_BONES)] = trunk / trunk.sum(axis=1, keepdims=True) * (1 - free)[:, None]
    low = smoothstep(height, middle + 0.35 * (top - middle), middle - 0.35 * (top - middle))
    start, stop = angle.min(), angle.max()
    place = (angle - start) / (stop - start) * (NUM_CHAINS - 1)
    if closed:
        place = (angle + np.pi) / (2 * np.pi) * NUM_CHAINS
    first = np.floor(place).astype(int)
    share = place - first
    rows = np.arange(len(angle))
    for chain, part in ((first % NUM_CHAINS, 1 - share), ((first + 1) % NUM_CHAINS, share)):
        np.add.at(weights, (rows, NUM_BONES + chain), free * part * (1 - low))
        np.add.at(weights, (rows, NUM_BONES + NUM_CHAINS + chain), free * part * low)
    return weights


def dangling(
    form: Form, points_mm: np.ndarray, carrier: str, bone: LooseBone, handover_mm: float = 0.0
) -> np.ndarray:
    """Weights of points that one loose bone moves, from its head down (the height of the change
    smoothed).
    """
    weights = np.zeros((len(points_mm), NUM_BONES + 1))
    free = np.ones(len(points_mm))
    if handover_mm:
        free = smoothstep(
            points_mm[:, 2], bone.head_mm[2] + handover_mm / 2, bone.head_mm[2] - handover_mm / 2
        )
    weights[:, :NUM_BONES] = form.tailor.hung_on(carrier, len(points_mm)) * (1 - free)[:, None]
    weights[:, NUM_BONES] = free
    return weights
