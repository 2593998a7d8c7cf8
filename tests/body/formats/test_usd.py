"""USD files as usd-core reads them: joints lie where the Track has them, and the body with them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from body.formats.walks import make_walk, make_walk_with_feet, node_names, places_mm
from pxr import Usd, UsdGeom, UsdSkel, UsdValidation

from posegrid.body.formats.glb import COLOURS
from posegrid.body.skeleton import BONES_21, HUMAN36M_21
from posegrid.body.track import Track
from posegrid.errors import SettingsError

WALK, FOOTED = make_walk(), make_walk_with_feet()
FOUND = np.setdiff1d(np.arange(len(WALK)), [0, 1, 10, 20])


@pytest.fixture(scope="module", params=[WALK, FOOTED], ids=["17", "21"])
def walk(request: pytest.FixtureRequest) -> Track:
    return request.param


@pytest.fixture(scope="module")
def path(walk: Track, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("usd") / "walk.usd"
    walk.save(path)
    return path


def joint_places_m(path: Path, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Where UsdSkel has each joint at each time code."""
    stage = Usd.Stage.Open(str(path))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath("/Walk/Skeleton"))
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.TraverseInstanceProxies())
    query = cache.GetSkelQuery(skeleton)
    names = [str(joint).rsplit("/", 1)[-1] for joint in query.GetJointOrder()]
    places = np.stack([np.array(query.ComputeJointSkelTransforms(float(c))) for c in codes])
    return {name: places[:, number, 3, :3] for number, name in enumerate(names)}


def test_joints_lie_where_the_track_has_them(path, walk):
    places, true_mm = joint_places_m(path, FOUND.astype(float)), places_mm(walk)[FOUND]
    for joint, node in enumerate(node_names(true_mm.shape[1])):
        assert places[node] * 1000 == pytest.approx(true_mm[:, joint], abs=0.05), node


def test_samples_lie_at_the_frames_with_a_person(path):
    stage = Usd.Stage.Open(str(path))
    motion = UsdSkel.Animation(stage.GetPrimAtPath("/Walk/Motion"))
    assert motion.GetRotationsAttr().GetTimeSamples() == pytest.approx(FOUND, abs=1e-6)
    assert stage.GetRootLayer().HasTimeCodesPerSecond()
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == pytest.approx(WALK.fps)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == pytest.approx(
        (FOUND[0], FOUND[-1])
    )
    assert stage.GetMetadata("comment") == "walk.mp4"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.y


def test_joints_are_bound_where_they_rest(path):
    stage = Usd.Stage.Open(str(path))
    skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath("/Walk/Skeleton"))
    rest, bound = (
        dict(zip(skeleton.GetJointsAttr().Get(), np.array(places)[:, 3, :3], strict=True))
        for places in (
            skeleton.GetRestTransformsAttr().Get(),
            skeleton.GetBindTransformsAttr().Get(),
        )
    )
    for joint, place_m in bound.items():
        above = bound.get(joint.rpartition("/")[0], np.zeros(3))
        assert place_m == pytest.approx(above + rest[joint], abs=1e-6), joint


def test_the_body_goes_with_its_bones(path, walk):
    stage = Usd.Stage.Open(str(path))
    assert UsdSkel.BakeSkinning(stage.Traverse())
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Walk/Body"))
    for row in (5, 30):
        points = np.array(mesh.GetPointsAttr().Get(float(row))) * 1000
        joints = places_mm(walk)[row]
        for number, (parent, child) in enumerate(BONES_21[: len(joints) - 1]):
            tips = points[24 * number : 24 * number + 24]
            for joint in (parent, child):
                assert np.linalg.norm(tips - joints[joint], axis=1).min() < 0.1


def test_the_body_has_the_colours_of_its_sides_and_its_bounds(path, walk):
    stage = Usd.Stage.Open(str(path))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Walk/Body"))
    colours = mesh.GetDisplayColorPrimvar()
    assert colours.GetInterpolation() == UsdGeom.Tokens.uniform, "one for each face"
    each = np.array(colours.Get()).reshape(-1, 8, 3)
    assert len(each) == (16 if walk is WALK else 20)
    for (_, joint), faces in zip(BONES_21[: len(each)], each, strict=True):
        side, _, _ = HUMAN36M_21.joint_names[joint].partition("_")
        expected = COLOURS[side if side in COLOURS else "middle"]
        assert faces == pytest.approx(np.tile(expected, (8, 1)), abs=1e-6)
    points = np.array(mesh.GetPointsAttr().Get())
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
    np.testing.assert_array_equal(mesh.GetFaceVertexIndicesAttr().Get(), np.arange(len(points)))
    assert np.array(mesh.GetExtentAttr().Get()) == pytest.approx(
        np.stack([points.min(axis=0), points.max(axis=0)])
    )
    assert mesh.GetSubdivisionSchemeAttr().Get() == UsdGeom.Tokens.none


def test_the_root_holds_the_whole_way(path, walk):
    stage = Usd.Stage.Open(str(path))
    root = UsdSkel.Root(stage.GetDefaultPrim())
    places_m = places_mm(walk)[FOUND].reshape(-1, 3) / 1000
    extent = np.stack([places_m.min(axis=0), places_m.max(axis=0)])
    assert np.array(root.GetExtentAttr().Get()) == pytest.approx(extent, abs=1e-3)


def test_usds_own_validators_have_nothing_to_say(path):
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 20
    found = UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(path)))
    assert [error.GetMessage() for error in found] == []


def test_without_usd_core_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr.Usd", None)
    with pytest.raises(SettingsError, match=r'needs pxr: pip install "posegrid\[usd\]"'):
        WALK.save(tmp_path / "walk.usd")
    assert list(tmp_path.iterdir()) == []
