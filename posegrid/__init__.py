"""posegrid: ordinary video of a walking person to 3D motion in millimetres, on a CPU.

In Python (docs/python.md): `posegrid.load()` gives a model, `model(video)` a `posegrid.Track`.

    load            weights that turn videos into Tracks, and live pictures into poses
    Track           poses of one person over time; `Track.load(path)` reads one
    RefineSettings  what is done to a Track's poses: `track.refined(settings)`
    PoseModel       what `load` gives
    LivePose        what `model.stream(...)` gives
    PosegridError   base of every error that is raised on purpose
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posegrid.errors import PosegridError
    from posegrid.motion.motion_track import MotionTrack as Track
    from posegrid.motion.refine_settings import RefineSettings
    from posegrid.results.live import LivePose
    from posegrid.results.pose_model import PoseModel, load

__version__ = "0.1.0"
__all__ = ["LivePose", "PoseModel", "PosegridError", "RefineSettings", "Track", "load"]

_HOMES = {
    "LivePose": ("posegrid.results.live", "LivePose"),
    "PoseModel": ("posegrid.results.pose_model", "PoseModel"),
    "PosegridError": ("posegrid.errors", "PosegridError"),
    "RefineSettings": ("posegrid.motion.refine_settings", "RefineSettings"),
    "Track": ("posegrid.motion.motion_track", "MotionTrack"),
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


def __dir__() -> list[str]:
    """What TAB and `help` show, imported or not."""
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
