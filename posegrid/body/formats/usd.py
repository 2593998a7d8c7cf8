"""USD, the scene format of Pixar, Apple and NVIDIA (UsdSkel, OpenUSD 24 or later), by usd-core.

A skeleton with its animation, and the small body of bones that GLB files have as its skin: metres,
y up, z forwards. Samples lie at the Track's own times; frames without a person have none: players
pass over them evenly. The file is USD's text form.
"""

from typing import Any

import numpy as np

from posegrid.body.formats.animation import BoneMotion, bone_name, end_name
from posegrid.body.formats.glb import COLOURS, M_PER_MM, octahedron, quaternions, starts_mm
from posegrid.body.skeleton import ROOT, side_of
from posegrid.errors import optional


def usd_text(motion: BoneMotion, source: str) -> str:
    """The whole file. Raises SettingsError where usd-core is not installed."""
    usd, geom, skel = (optional(f"pxr.{name}") for name in ("Usd", "UsdGeom", "UsdSkel"))
    stage = usd.Stage.CreateInMemory()
    stage.SetMetadata("comment", source)
    geom.SetStageUpAxis(stage, geom.Tokens.y)
    geom.SetStageMetersPerUnit(stage, 1.0)
    at = (motion.time_s - motion.time_s[0])[motion.found] * motion.rate_hz
    stage.SetTimeCodesPerSecond(motion.rate_hz)
    stage.SetFramesPerSecond(motion.rate_hz)
    stage.SetStartTimeCode(float(at[0]))
    stage.SetEndTimeCode(float(at[-1]))
    root = skel.Root.Define(stage, "/Walk")
    stage.SetDefaultPrim(root.GetPrim())
    joints_m = motion.joints_mm().reshape(-1, 3) * M_PER_MM
    root.CreateExtentAttr(np.stack([joints_m.min(axis=0), joints_m.max(axis=0)]).astype("f4"))
    skeleton = skel.Skeleton.Define(stage, "/Walk/Skeleton")
    motions = _animation(stage, skel, motion, at)
    skeleton.CreateJointsAttr(_paths(motion))
    skeleton.CreateRestTransformsAttr(_transforms(_offsets_m(motion)))
    skeleton.CreateBindTransformsAttr(_transforms(_places_m(motion)))
    binding = skel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([motions.GetPath()])
    _body(stage, geom, skel, motion)
    return stage.GetRootLayer().ExportToString()


def _animation(stage: Any, skel: Any, motion: BoneMotion, at: np.ndarray) -> Any:
    """Every joint's place beside its parent and turn, at the time codes `at`."""
    vt = optional("pxr.Vt")
    motions = skel.Animation.Define(stage, "/Walk/Motion")
    motions.CreateJointsAttr(_paths(motion))
    places_m = np.repeat(_offsets_m(motion)[None], len(at), axis=0)
    places_m[:, ROOT] = motion.root_mm[motion.found] * M_PER_MM
    turns = np.zeros((len(at), places_m.shape[1], 4))
    turns[..., 3] = 1.0
    for joint, local in enumerate(motion.local):
        turns[:, joint] = quaternions(local[motion.found])
    motions.CreateScalesAttr(vt.Vec3hArray([(1, 1, 1)] * places_m.shape[1]))
    translations, rotations = motions.CreateTranslationsAttr(), motions.CreateRotationsAttr()
    for code, place_m, turn in zip(at, places_m, turns, strict=True):
        translations.Set(place_m.astype("f4"), float(code))
        rotations.Set(vt.QuatfArray.FromNumpy(turn.astype("f4")), float(code))
    return motions


def _body(stage: Any, geom: Any, skel: Any, motion: BoneMotion) -> None:
    """Flat octahedra from joint to joint, each moved by its bone alone."""
    starts = starts_mm(motion)
    bones = [joint for _, joint in motion.bones]
    corners = np.concatenate([octahedron(starts[bone], motion.rest_mm[bone]) for bone in bones])
    points_m = (corners.reshape(-1, 3) * M_PER_MM).astype("f4")
    mesh = geom.Mesh.Define(stage, "/Walk/Body")
    mesh.CreateSubdivisionSchemeAttr(geom.Tokens.none)
    mesh.CreatePointsAttr(points_m)
    mesh.CreateExtentAttr(np.stack([points_m.min(axis=0), points_m.max(axis=0)]))
    mesh.CreateFaceVertexCountsAttr([3] * len(corners))
    mesh.CreateFaceVertexIndicesAttr(list(range(len(points_m))))
    colours = np.repeat([COLOURS[side_of(bone)] for bone in bones], 8, axis=0)
    mesh.CreateDisplayColorPrimvar(geom.Tokens.uniform).Set(colours.astype("f4"))
    binding = skel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets(["/Walk/Skeleton"])
    binding.CreateJointIndicesPrimvar(False, 1).Set(np.repeat(bones, 24).tolist())
    binding.CreateJointWeightsPrimvar(False, 1).Set([1.0] * len(points_m))


def _paths(motion: BoneMotion) -> list[str]:
    """Every bone under its parent, then where the last ones end."""
    paths = [bone_name(ROOT)]
    for parent, joint in motion.bones:
        paths.append(f"{paths[parent]}/{bone_name(joint)}")
    return [*paths, *(f"{paths[joint]}/{end_name(joint)}" for joint in motion.ends)]


def _offsets_m(motion: BoneMotion) -> np.ndarray:
    """(22 or 28, 3) each joint of the file from its parent in the rest pose."""
    inner = [ROOT, *(parent for parent, _ in motion.bones)]  # the root's own is 0
    return motion.rest_mm[[*inner, *motion.ends]] * M_PER_MM


def _places_m(motion: BoneMotion) -> np.ndarray:
    """The same from the root."""
    starts = starts_mm(motion)
    return np.concatenate([starts, (starts + motion.rest_mm)[motion.ends]]) * M_PER_MM


def _transforms(places_m: np.ndarray) -> Any:
    """Matrices that shift by so much."""
    gf, vt = optional("pxr.Gf"), optional("pxr.Vt")
    shifts = [gf.Matrix4d(1.0).SetTranslate(gf.Vec3d(*place)) for place in places_m.tolist()]
    return vt.Matrix4dArray(shifts)
