"""Run every shape annotation of the package as a check, and keep the tests off the network and the screen."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "2")

from jaxtyping import install_import_hook

CHECKED = (
    "posegrid.body",
    "posegrid.motion",
    "posegrid.prepare",
    "posegrid.learning",
    "posegrid.results",
    "posegrid.sources.sequence",
    "posegrid.sources.video",
    "posegrid.sources.human36m",
    "posegrid.sources.human36m_files",
    "posegrid.sources.human36m_layout",
    "posegrid.sources.human36m_metadata",
    "posegrid.sources.human36m_writer",
    "posegrid.sources.walkers.body",
    "posegrid.sources.walkers.joints",
    "posegrid.sources.walkers.person",
    "posegrid.sources.walkers.render",
    "posegrid.sources.walkers.motion",
    "posegrid.sources.walkers.arms",
    "posegrid.sources.walkers.upright",
    "posegrid.sources.walkers.gait",
    "posegrid.sources.walkers.mocap",
    "posegrid.sources.walkers.acclaim",
    "posegrid.sources.walkers.footing",
    "posegrid.sources.walkers.posture",
    "posegrid.body.rotations",
    "posegrid.sources.walkers.clips",
    "posegrid.sources.walkers.crops",
    "posegrid.sources.walkers.garments",
    "posegrid.sources.walkers.stage",
    "posegrid.sources.walkers.rooms",
)
"""Everything with annotations but the modules that hold Numba kernels, which must stay plain functions."""

install_import_hook(CHECKED, "shape_checking.checked")
