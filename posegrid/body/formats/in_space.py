"""Files that hold the joints in space only, by what their names end in."""

from posegrid.body.formats.animation import bone_motion, bvh_text
from posegrid.body.formats.c3d import Markers, c3d_bytes, trc_text
from posegrid.body.formats.glb import glb_bytes
from posegrid.body.formats.usd import usd_text

IN_SPACE = (".trc", ".c3d", ".bvh", ".glb", ".usd")


def motion_bytes(ending: str, markers: Markers, name: str) -> bytes:
    """The file's bytes. name: the file's."""
    if ending == ".trc":
        return trc_text(markers, name).encode()
    if ending == ".c3d":
        return c3d_bytes(markers)
    if ending == ".bvh":
        return bvh_text(bone_motion(markers.evenly_timed())).encode()
    if ending == ".usd":
        return usd_text(bone_motion(markers), markers.source).encode()
    return glb_bytes(bone_motion(markers), markers.source)
