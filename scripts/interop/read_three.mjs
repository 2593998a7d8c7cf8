// Where three.js has every bone in every frame: node read_three.mjs FILE FRAMES RATE, JSON to stdout.
import { readFileSync } from "node:fs";
import { AnimationMixer, Vector3 } from "three";
import { BVHLoader } from "three/addons/loaders/BVHLoader.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

globalThis.self = globalThis;
const [path, frames, rate] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const bytes = readFileSync(path);

function ofBvh() {
  const { skeleton, clip } = new BVHLoader().parse(bytes.toString());
  return { root: skeleton.bones[0], clip, bones: skeleton.bones };
}

async function ofGlb() {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const gltf = await new GLTFLoader().parseAsync(buffer, "");
  const bones = [];
  gltf.scene.traverse((node) => { if (node.isBone) bones.push(node); });
  return { root: gltf.scene, clip: gltf.animations[0], bones };
}

const { root, clip, bones } = path.endsWith(".bvh") ? ofBvh() : await ofGlb();
const mixer = new AnimationMixer(root);
mixer.clipAction(clip).play();
const places = Object.fromEntries(bones.map((bone) => [bone.name, []]));
for (let frame = 0; frame < frames; frame++) {
  // The clip starts over at its end: the last frame is asked for a microsecond before it.
  mixer.setTime(Math.min(frame / rate, clip.duration - 1e-6));
  root.updateMatrixWorld(true);
  for (const bone of bones) places[bone.name].push(bone.getWorldPosition(new Vector3()).toArray());
}
console.log(JSON.stringify(places));
