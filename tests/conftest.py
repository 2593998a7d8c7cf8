"""Run every shape annotation of the package as a check, keep the tests off the network and the
screen, and let none fail by chance: Hypothesis tries the same examples each time, and waits.
"""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "2")

from hypothesis import settings
from jaxtyping import install_import_hook

settings.register_profile("by_no_chance", deadline=None, derandomize=True)
settings.load_profile("by_no_chance")

CHECKED = (
    "posegrid.body",
    "posegrid.motion",
    "posegrid.people",
    "posegrid.datasets.human36m",
    "posegrid.datasets.sequence",
    "posegrid.datasets.doctor",
    "posegrid.datasets.validation",
    "posegrid.datasets.prepare",
    "posegrid.datasets.shards",
    "posegrid.datasets.dataset_facts",
    "posegrid.datasets.synth",
    "posegrid.datasets.synth_settings",
    "posegrid.datasets.fixed_sets",
    "posegrid.datasets.synth_stream",
    "posegrid.datasets.parallel",
    "posegrid.datasets.source",
    "posegrid.video",
    "posegrid.learning",
    "posegrid.results",
    "posegrid.walkers.body.mesh",
    "posegrid.walkers.body.joints",
    "posegrid.walkers.clothes.person",
    "posegrid.walkers.render.renderer",
    "posegrid.walkers.motion",
    "posegrid.walkers.arms",
    "posegrid.walkers.upright",
    "posegrid.walkers.gait",
    "posegrid.walkers.mocap",
    "posegrid.walkers.acclaim",
    "posegrid.walkers.footing",
    "posegrid.walkers.posture",
    "posegrid.body.rotations",
    "posegrid.walkers.clip",
    "posegrid.walkers.render.crops",
    "posegrid.walkers.clothes.sewing",
    "posegrid.walkers.render.cameras",
    "posegrid.walkers.render.places",
)
"""Everything with annotations but the modules that hold Numba kernels, which must stay plain
functions.
"""

install_import_hook(CHECKED, "shape_checking.checked")
