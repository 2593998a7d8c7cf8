"""Where Blender has every bone in every frame: python read_blender.py FILE FRAMES RATE OUT."""

import json
import sys
from pathlib import Path

import bpy  # puts its own modules where Python finds them

import addon_utils  # isort: skip

path, frames, rate, out = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
bpy.ops.wm.read_factory_settings(use_empty=True)
if path.endswith(".bvh"):
    addon_utils.enable("io_anim_bvh")
    bpy.ops.import_anim.bvh(filepath=path, global_scale=0.01, update_scene_fps=True)
    first = 1
elif path.endswith(".usd"):
    bpy.ops.wm.usd_import(filepath=path)
    first = 0
else:
    addon_utils.enable("io_scene_gltf2")
    bpy.context.scene.render.fps = round(rate)
    bpy.ops.import_scene.gltf(filepath=path)
    first = 0
armature = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
places: dict[str, list[list[float]]] = {bone.name: [] for bone in armature.pose.bones}
for frame in range(frames):
    bpy.context.scene.frame_set(first + frame)
    for bone in armature.pose.bones:
        places[bone.name].append(list(armature.matrix_world @ bone.head))
out.write_text(json.dumps(places))
