"""Human bodies: MakeHuman's CC0 mesh, moved by bones, shaped by principal components.

Frame of the rest pose: mm, z up, the floor at z = 0, facing -y, +x = the person's left. The assets
and how they were made: `scripts/build_body_asset.py`.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
from jaxtyping import Float, Float32, Int

from posegrid.errors import SourceError

SIDES = ("L", "R")
FINGER_BONES = tuple(f"finger{finger}-{part}" for finger in range(1, 6) for part in (1, 2, 3))
LEG_BONES = ("upperleg01", "lowerleg01", "foot", "toes")
ARM_BONES = ("clavicle", "upperarm01", "lowerarm01", "lowerarm02", "wrist", *FINGER_BONES)
TRUNK_BONES = ("root", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "head")
BONE_NAMES = (
    *TRUNK_BONES,
    *(f"{bone}.{side}" for limb in (LEG_BONES, ARM_BONES) for side in SIDES for bone in limb),
)
"""The bones a walker moves, parents first: MakeHuman's names; "toes" are all toes of a foot,
spine04 is the lowest."""
NUM_BONES = len(BONE_NAMES)
BONE_INDEX = {name: index for index, name in enumerate(BONE_NAMES)}


def _parent_name(name: str) -> str:
    """Name of the bone that a bone hangs on; "" for the root."""
    if name in TRUNK_BONES:
        return TRUNK_BONES[TRUNK_BONES.index(name) - 1] if name != "root" else ""
    bone, side = name.split(".")
    if bone in ("upperleg01", "clavicle"):
        return "root" if bone == "upperleg01" else "spine01"
    if bone.startswith("finger"):
        part = int(bone[-1])
        return f"wrist.{side}" if part == 1 else f"{bone[:-1]}{part - 1}.{side}"
    limb = LEG_BONES if bone in LEG_BONES else ARM_BONES
    return f"{limb[limb.index(bone) - 1]}.{side}"


BONE_PARENTS = tuple(BONE_INDEX.get(_parent_name(name), -1) for name in BONE_NAMES)
"""Index of each bone's parent, -1 for the root; the asset's own parents are checked against it."""

STATURE_RANGE_MM = (1500.0, 1950.0)
"""Adults."""
CHILD_STATURE_RANGE_MM = (1000.0, 1560.0)
"""About 4 to 13 years old."""
HIPS = (BONE_INDEX["upperleg01.L"], BONE_INDEX["upperleg01.R"])


@dataclass(frozen=True, eq=False)
class Body:
    """One naked person at rest: arms out and down, feet on the floor z = 0, facing -y, left +x."""

    vertices_mm: Float[np.ndarray, "V 3"]
    bone_heads_mm: Float[np.ndarray, "B 3"]
    """Where each bone of `BONE_NAMES` starts: the point it turns about."""
    eyes_mm: Float[np.ndarray, "2 3"]
    """Centres of the left and the right eyeball."""
    stature_mm: float
    phenotype: dict[str, float]
    """MakeHuman's sliders, 0..1: gender (0 male, 1 female), age, muscle, weight and others."""

    @property
    def hip_centre_mm(self) -> Float[np.ndarray, "3"]:
        """Midpoint of the two hips at rest: the point that `root_mm` of a motion moves."""
        return self.bone_heads_mm[list(HIPS)].mean(axis=0)

    def head_of(self, bone: str) -> Float[np.ndarray, "3"]:
        """Where a bone starts at rest, mm."""
        return self.bone_heads_mm[BONE_INDEX[bone]]


@dataclass(frozen=True, eq=False)
class BodyModel:
    """What all bodies share: principal components, faces, skin weights."""

    mean_mm: Float32[np.ndarray, "D"]
    components_mm: Float32[np.ndarray, "K D"]
    coefficients: Float32[np.ndarray, "N K"]
    """Of the N bodies that the components were computed from, in standard deviations."""
    phenotypes: Float32[np.ndarray, "N P"]
    phenotype_names: tuple[str, ...]
    faces: dict[str, Int[np.ndarray, "F 3"]]
    """Triangles of "body", "helper_tights", "helper_l_eye", "helper_r_eye" and others."""
    skin_bones: Int[np.ndarray, "V 4"]
    skin_weights: Float32[np.ndarray, "V 4"]
    about: str
    """Source and licence."""

    @property
    def num_vertices(self) -> int:
        """Number of vertices, those of the helper meshes included."""
        return len(self.skin_bones)

    def sample(
        self,
        rng: np.random.Generator,
        stature_range_mm: tuple[float, float] = STATURE_RANGE_MM,
        variety: float = 1.0,
        heavier: tuple[float, float, float] | None = None,
    ) -> Body:
        """A random one of the sampled bodies, only so far (0..1) from the mean body as `variety`
        says; all statures of the range are about equally likely. heavier: least, most usual and
        most by which MakeHuman's slider of weight is moved, beyond its range, too."""
        wanted, width = rng.uniform(*stature_range_mm), 25.0
        moved = rng.triangular(*heavier) * self.weight if heavier else 0.0
        while True:
            index = int(rng.integers(len(self.coefficients)))
            coefficients = variety * self.coefficients[index] + moved
            body = self.body(coefficients, self.phenotypes[index])
            if abs(body.stature_mm - wanted) < width:
                return body
            width *= 1.1  # few are very tall or very short

    def body(self, coefficients: Float[np.ndarray, "K"], phenotype: Float[np.ndarray, "P"]) -> Body:
        """The body with these coefficients (in standard deviations), its feet on the floor."""
        # not `@`: its sums depend on the number of threads, and the same seed must give the same
        # body everywhere
        moved = np.einsum("k,kd->d", coefficients, self.components_mm)
        points = (self.mean_mm + moved).reshape(-1, 3).astype(np.float64)
        skin = points[self.skin]
        points[:, 2] -= skin[:, 2].min()
        vertices, heads, eyes = np.split(points, [self.num_vertices, self.num_vertices + NUM_BONES])
        sliders = {
            name: float(value) for name, value in zip(self.phenotype_names, phenotype, strict=True)
        }
        return Body(vertices, heads, eyes, float(np.ptp(skin[:, 2])), sliders)

    @cached_property
    def weight(self) -> Float[np.ndarray, "K"]:
        """What the whole of MakeHuman's slider of weight changes of the coefficients, by regression
        on the sampled bodies."""
        slider = self.phenotypes[:, self.phenotype_names.index("weight")].astype(np.float64)
        off = slider - slider.mean()
        return np.einsum("n,nk->k", off, self.coefficients) / np.einsum("n,n->", off, off)

    def skin_share(self, *bones: str) -> Float32[np.ndarray, "V"]:
        """How much of each vertex's skin weight (0..1) hangs on bones; "foot": of both sides."""
        wanted = [name for name in BONE_NAMES if name in bones or name.split(".")[0] in bones]
        chosen = np.isin(self.skin_bones, [BONE_INDEX[name] for name in wanted])
        return (self.skin_weights * chosen).sum(axis=1)

    def foot_vertices(self, side: str) -> Int[np.ndarray, "n"]:
        """Indices of the naked foot's vertices, toes included; side "L" or "R"."""
        return self.skin[self.skin_share(f"foot.{side}", f"toes.{side}")[self.skin] > 0.5]

    @cached_property
    def skin(self) -> Int[np.ndarray, "n"]:
        """Indices of the vertices of the naked body."""
        return np.unique(self.faces["body"])


@cache
def load_body_model() -> BodyModel:
    """The package's model of adults, read once. Raises SourceError if the asset is damaged."""
    arrays = _load_arrays("asset.npz")
    parents = tuple(int(parent) for parent in arrays["bone_parents"])
    if tuple(arrays["bone_names"]) != BONE_NAMES or parents != BONE_PARENTS:
        raise SourceError(
            "asset.npz: its bones are not those of body.py; run scripts/build_body_asset.py again"
        )
    faces = {name[6:]: arrays[name].astype(np.int32) for name in arrays if name[:6] == "faces_"}
    singles = ("mean_mm", "components_mm", "coefficients", "phenotypes", "skin_weights")
    return BodyModel(
        **{name: arrays[name].astype(np.float32) for name in singles},
        faces=faces,
        phenotype_names=tuple(str(name) for name in arrays["phenotype_names"]),
        skin_bones=arrays["skin_bones"].astype(np.int32),
        about=str(arrays["about"]),
    )


@cache
def load_child_model() -> BodyModel:
    """The same mesh and bones with the shapes of children."""
    arrays = _load_arrays("children.npz")
    names = ("mean_mm", "components_mm", "coefficients", "phenotypes")
    return replace(load_body_model(), **{name: arrays[name].astype(np.float32) for name in names})


def _load_arrays(name: str) -> dict[str, np.ndarray]:
    with (files("posegrid.walkers") / name).open("rb") as file, np.load(file) as asset:
        return {key: asset[key] for key in asset.files}


def forward_kinematics(
    body: Body, rotations: Float[np.ndarray, "T B 3 3"], root_mm: Float[np.ndarray, "T 3"]
) -> Float[np.ndarray, "T B 3"]:
    """Where each bone starts, world frame, mm.

    `rotations` turn each bone, with all that is fixed to it, from its rest pose into the world (not
    relative to the parent). `root_mm` is where the hip centre is: the midpoint of the two upper
    legs' heads.
    """
    positions, heads = np.empty(rotations.shape[:-1]), body.bone_heads_mm
    for bone, parent in enumerate(BONE_PARENTS):
        if parent < 0:
            positions[:, bone] = root_mm + rotations[:, bone] @ (heads[bone] - body.hip_centre_mm)
        else:
            arm = rotations[:, parent] @ (heads[bone] - heads[parent])
            positions[:, bone] = positions[:, parent] + arm
    return positions
