"""posegrid: ordinary video of a walking person to 3D motion in millimetres, on a CPU.

In Python (docs/python.md): `posegrid.load()` gives a model, `model(video)` a `posegrid.Track`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posegrid.motion.refine import MotionTrack as Track
    from posegrid.results.pose_model import load

__version__ = "0.1.0"
__all__ = ["Track", "load"]

_HOMES = {
    "Track": ("posegrid.motion.refine", "MotionTrack"),
    "load": ("posegrid.results.pose_model", "load"),
}


def __getattr__(name: str) -> Any:
    """What the package offers is imported when it is asked for: `import posegrid` stays quick."""
    if name not in _HOMES:
        raise AttributeError(
            f"module 'posegrid' has no attribute {name!r}; it offers {', '.join(__all__)}"
        )
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
