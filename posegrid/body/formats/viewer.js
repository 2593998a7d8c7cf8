"use strict";
// Shows a scene (posegrid/body/formats/viewer.py): people in space, their video, curves in time.
const element = (id) => document.getElementById(id);
const scene = JSON.parse(element("scene").textContent);
const times = scene.time_s, last = times.length - 1, video = element("video"), space = element("space");
const MISSING = -32768, TRAIL_S = 1, TRAILED = ["left_ankle", "right_ankle", "left_wrist", "right_wrist"];
const view = { azimuth: 0.6, elevation: 0.22, distance: 6000, target: [0, 850, 0] };
let row = 0, playing = false, clock = 0, before = null, picked = [], colours = {}, curves = null, aims = 0;

// Columns of 16-bit numbers: differences in time, low bytes before high ones, deflated, base64.
async function unpacked(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = planes.length / 2, values = new Int16Array(count);
  for (let i = 0; i < count; i++) {
    const change = planes[i] | (planes[count + i] << 8);
    values[i] = i % times.length ? values[i - 1] + change : change;
  }
  return (column, at) => {
    const value = values[column * times.length + at];
    return value === MISSING ? NaN : value / packed.scale;
  };
}
const place = (person, joint, at = row) => [0, 1, 2].map((axis) => valueOf(people[person], "places", 3 * jointOf(people[person], joint, at) + axis, at));
const isThere = (person, at = row) => person < people.length && isSeen(people[person], at);

function rowAt(time) {
  let [low, high] = [0, last];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}

// -- the space
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
function axes() {
  const [sa, ca] = [Math.sin(view.azimuth), Math.cos(view.azimuth)];
  const [se, ce] = [Math.sin(view.elevation), Math.cos(view.elevation)];
  return { right: [ca, 0, -sa], up: [-sa * se, ce, -ca * se], back: [sa * ce, se, ca * ce] };
}
function projector() {
  const { right, up, back } = axes(), { width, height } = space, focal = 1.3 * Math.min(width, height);
  const pelvis = element("follow").checked && isThere(0) ? place(0, 0) : null;
  const target = pelvis ? [pelvis[0], 850, pelvis[2]] : view.target;
  return (point) => {
    const away = [point[0] - target[0], point[1] - target[1], point[2] - target[2]];
    const depth = view.distance - dot(away, back), scale = focal / depth;
    return depth >= 100 ? { x: width / 2 + scale * dot(away, right), y: height / 2 - scale * dot(away, up), scale, depth } : null;
  };
}
function path(brush, points, colour, width) {
  brush.strokeStyle = colour; brush.lineWidth = width; brush.lineCap = "round"; brush.lineJoin = "round";
  brush.beginPath();
  let joined = false;
  for (const point of points) {
    if (point) joined ? brush.lineTo(point.x, point.y) : brush.moveTo(point.x, point.y);
    joined = Boolean(point);
  }
  brush.stroke();
}
function ground(brush, project, ratio) {
  const cell = 500, near = view.target.map((v) => Math.round(v / cell) * cell);
  const cells = Math.min(16, Math.ceil(view.distance / 900) + 2), steps = [...Array(2 * cells + 1).keys()].map((i) => (i - cells) * cell);
  const lines = steps.flatMap((i) => [
    ...steps.map((j) => project([near[0] + i, 0, near[2] + j])), null,
    ...steps.map((j) => project([near[0] + j, 0, near[2] + i])), null]);
  path(brush, lines, colours.grid, ratio);
}
function drawSpace() {
  const ratio = window.devicePixelRatio || 1, brush = space.getContext("2d"), project = projector();
  brush.clearRect(0, 0, space.width, space.height);
  ground(brush, project, ratio);
  const parts = [], trails = element("trails").checked;
  people.forEach((person, number) => {
    if (!scene.pinned) path(brush, person.way.map((p) => p && project(p)), colours.shade, 1.5 * ratio);
    if (!isThere(number)) return;
    const joints = scene.joints.map((_, joint) => place(number, joint)), shown = joints.map(project);
    person.shown = shown;
    for (const [a, b, side] of scene.bones) {
      const [p, q] = [a, b].map((joint) => project([joints[joint][0], 0, joints[joint][2]]));
      if (p && q) path(brush, [p, q], colours.shade, 26 * p.scale);
      if (shown[a] && shown[b]) parts.push({ p: shown[a], q: shown[b], colour: person.is_true ? colours.ink : colours[side], thin: person.is_true });
    }
    FEET.forEach((side, foot) => {
      const spot = person.feet[foot][row] && shown[scene.joints.indexOf(`${side}_ankle`)];
      if (spot) contactMark(brush, spot, person.feet[foot][row] > 0, ratio);
    });
    if (trails) {
      for (const name of TRAILED) {
        const joint = scene.joints.indexOf(name), points = [];
        for (let at = rowAt(times[row] - TRAIL_S); at <= row; at++) points.push(isThere(number, at) ? project(place(number, joint, at)) : null);
        path(brush, points, colours[name.split("_")[0]], 2 * ratio);
      }
    }
  });
  parts.sort((a, b) => b.p.depth + b.q.depth - a.p.depth - a.q.depth);
  for (const { p, q, colour, thin } of parts) {
    const width = (thin ? 14 : 44) * (p.scale + q.scale) / 2;
    path(brush, [p, q], colours.rim, width * 1.35);
    path(brush, [p, q], colour, width);
  }
  if (!parts.length) {
    brush.fillStyle = colours.quiet; brush.font = `${16 * ratio}px system-ui, sans-serif`; brush.textAlign = "center";
    brush.fillText("nobody was found in this frame", space.width / 2, space.height / 3);
  }
  measure(brush, ratio);
  if (people.length > 1 && !element("hand").hidden) people.forEach((one, number) => named(brush, one, isThere(number), ratio));
}
function named(brush, { number, shown, is_true }, isHere, ratio) {
  const spot = isHere && !is_true && shown[scene.joints.indexOf("head_top")];
  if (!spot) return;
  [brush.fillStyle, brush.font, brush.textAlign] = [colours.ink, `${14 * ratio}px system-ui, sans-serif`, "center"];
  brush.fillText(number, spot.x, spot.y - 14 * ratio);
}
function contactMark(brush, { x, y }, stands, ratio) { // set by hand: a full square stands, an empty one does not
  [brush.fillStyle, brush.strokeStyle, brush.lineWidth] = [colours.ink, colours.ink, 2 * ratio];
  brush[stands ? "fillRect" : "strokeRect"](x - 6 * ratio, y + 8 * ratio, 12 * ratio, 6 * ratio);
}
function measure(brush, ratio) {
  const ends = picked.filter(({ person }) => isThere(person));
  const spots = ends.map(({ person, joint }) => people[person].shown[joint]);
  if (spots.length === 2) path(brush, spots, colours.ink, 2 * ratio);
  brush.fillStyle = colours.ink;
  for (const spot of spots.filter(Boolean)) { brush.beginPath(); brush.arc(spot.x, spot.y, 5 * ratio, 0, 7); brush.fill(); }
  const names = picked.map(({ joint }) => scene.joints[joint].replace("_", " "));
  const text = picked.length === 2 ? `${names.join(" to ")}: ${ends.length === 2 ? distance(ends).toFixed(0) : "\u2013"} mm` : names[0] ?? "";
  if (element("measure").textContent !== text) element("measure").textContent = text;
}
function distance([a, b]) {
  const [p, q] = [a, b].map(({ person, joint }) => place(person, joint));
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

// -- the video, and the skeleton on it
function drawFilm() {
  if (!scene.video) return;
  const film = element("drawn"), brush = film.getContext("2d"), [width, height] = scene.size_wh;
  brush.clearRect(0, 0, film.width, film.height);
  if (!element("overlay").checked) return;
  const scale = Math.min(film.width / width, film.height / height);
  const [x0, y0] = [(film.width - scale * width) / 2, (film.height - scale * height) / 2];
  people.forEach((person, number) => {
    if (!isThere(number) || !scene.people[person.source[row]].keypoints) return;
    const axis = (joint, i) => scale * valueOf(person, "keypoints", 2 * jointOf(person, joint, row) + i, row);
    const at = (joint) => ({ x: x0 + axis(joint, 0), y: y0 + axis(joint, 1) });
    for (const [a, b, side] of scene.bones) path(brush, [at(a), at(b)], person.is_true ? "#fff" : colours[side], 3 * (window.devicePixelRatio || 1));
  });
}

// -- curves in time: drawn once, then only the cursor moves
function drawCurves() {
  const strips = element("strips"), [person] = people, [{ angles, sigma: isKnown }] = scene.people, chosen = element("angle").value;
  curves = document.createElement("canvas");
  curves.width = strips.width; curves.height = strips.height;
  const half = strips.height / 2, sides = scene.angles.map((name, i) => [name, i]).filter(([name]) => base(name) === chosen);
  // What an angle is with left and right swapped, the file does not say.
  const angle = (i, at) => (person.swapped[at] ? NaN : valueOf(person, "angles", i, at));
  if (angles) strip(0, half, chosen.replaceAll("_", " ") + ", degrees", sides.map(([name, i]) => [(at) => angle(i, at), colours[name.split("_")[0]] ?? colours.middle]));
  const joints = picked.length ? [picked[0].joint] : scene.joints.map((_, i) => i).slice(0, 17); // feet have no sigma
  const sigma = (at) => joints.reduce((sum, joint) => sum + valueOf(person, "sigma", jointOf(person, joint, at), at), 0) / joints.length;
  const whose = picked.length ? scene.joints[joints[0]].replace("_", " ") : "all joints";
  if (isKnown) strip(half, half, `expected error, mm (${whose})`, [[sigma, colours.middle]]);
}
function strip(top, height, title, lines) {
  const brush = curves.getContext("2d"), ratio = window.devicePixelRatio || 1, values = lines.map(([value]) => times.map((_, at) => value(at)));
  let [low, high] = [Infinity, -Infinity];
  for (const one of values) for (const v of one) { if (v < low) low = v; if (v > high) high = v; }
  if (low > high) return;
  const y = (v) => top + height - 4 * ratio - (v - low) / Math.max(1e-6, high - low) * (height - 22 * ratio);
  lines.forEach(([, colour], i) => path(brush, values[i].map((v, at) => (Number.isNaN(v) ? null : { x: xAt(at), y: y(v) })), colour, 1.5 * ratio));
  brush.fillStyle = colours.quiet; brush.font = `${12 * ratio}px system-ui, sans-serif`;
  brush.fillText(`${title}: ${low.toFixed(0)} to ${high.toFixed(0)}`, 14 * ratio, top + 13 * ratio);
}
const base = (name) => name.replace(/^(left|right)_/, "").replace(/_deg$/, "");
const xAt = (at) => (times[last] ? times[at] / times[last] : 0) * (curves.width - 2) + 1;
function drawStrips() {
  const strips = element("strips"), brush = strips.getContext("2d");
  brush.clearRect(0, 0, strips.width, strips.height);
  if (!element("hand").hidden) {
    const [x0, x1] = [frameOf("first"), frameOf("last")].map((frame) => xAt(Math.max(0, scene.frame.indexOf(frame))));
    brush.fillStyle = colours.shade; brush.fillRect(x0, 0, Math.max(2, x1 - x0), strips.height);
  }
  if (curves?.width && curves.height) brush.drawImage(curves, 0, 0);
  path(brush, [{ x: xAt(row), y: 0 }, { x: xAt(row), y: strips.height }], colours.ink, window.devicePixelRatio || 1);
}

// -- time
function draw() {
  drawSpace(); drawFilm();
  if (!element("strips").hidden) drawStrips();
  element("scrub").value = row;
  element("clock").textContent = `${times[row].toFixed(2)} s \u00b7 frame ${scene.frame[row]}`;
  element("scrub").setAttribute("aria-valuetext", element("clock").textContent);
}
function go(to) {
  row = Math.max(0, Math.min(last, to)); clock = times[row]; aims = 0;
  if (scene.video) aim();
  draw();
}
function aim() { // near the middle of the frame's time, where no rounding shows a neighbour
  const lasts = (times[row + 1] ?? 2 * times[row] - (times[row - 1] ?? 0)) - times[row];
  video.currentTime = times[row] + (0.5 + 0.05 * aims) * lasts; // never twice the same: a browser may skip that
}
function play(on) {
  playing = on; before = null;
  element("play").textContent = on ? "Pause" : "Play";
  if (!scene.video) { if (on) requestAnimationFrame(step); return; }
  if (!on) { video.pause(); return go(row); }
  if (row === last) go(0);
  video.playbackRate = Number(element("speed").value);
  video.play().catch(() => play(false));
}
function shown(time) {
  const next = rowAt(time + 0.0005);
  if (next !== row) { row = next; clock = times[row]; draw(); }
}
function nextOfFilm() { // the frame that the browser shows says which pose belongs to it
  if (!scene.video) return; // it could not be shown
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback((_, frame) => { filmed(frame.mediaTime); nextOfFilm(); });
  else requestAnimationFrame(() => { if (playing) shown(video.currentTime); nextOfFilm(); });
}
function filmed(time) { // while it stands still, a frame that comes late is not left on the screen
  if (playing) shown(time);
  else if (!video.seeking && rowAt(time + 0.0005) !== row && aims++ < 3) aim();
}
function step(now) {
  if (!playing) return;
  if (before !== null) clock += (now - before) / 1000 * Number(element("speed").value);
  before = now;
  if (clock > times[last] + 0.05) clock = 0;
  const kept = clock;
  shown(clock); clock = kept;
  requestAnimationFrame(step);
}

// -- hands
const fingers = new Map();
let moved = 0;
function dragged(event) {
  const was = fingers.get(event.pointerId);
  if (!was) return;
  const [dx, dy] = [event.clientX - was.clientX, event.clientY - was.clientY];
  moved += Math.abs(dx) + Math.abs(dy);
  if (fingers.size === 2) {
    const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
    zoom(apart(was) / Math.max(1, apart(event)));
  } else if (event.shiftKey || event.buttons === 4) {
    const { up, right } = axes(), mm = view.distance / (1.3 * Math.min(space.clientWidth, space.clientHeight));
    view.target = view.target.map((v, i) => v + mm * (dy * up[i] - dx * right[i]));
  } else turn(-dx * 0.008, dy * 0.008);
  fingers.set(event.pointerId, event);
  drawSpace();
}
function turn(azimuth, elevation) {
  view.azimuth += azimuth;
  view.elevation = Math.max(-0.2, Math.min(Math.PI / 2, view.elevation + elevation));
  drawSpace();
}
function zoom(factor) { view.distance = Math.max(900, Math.min(40000, view.distance * factor)); drawSpace(); }
function pick(event) {
  const box = space.getBoundingClientRect(), ratio = space.width / box.width;
  const [x, y] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  let [best, found] = [18 * ratio, null];
  people.forEach((one, person) => isThere(person) && one.shown?.forEach((spot, joint) => {
    const off = spot ? Math.hypot(spot.x - x, spot.y - y) : Infinity;
    if (off < best) [best, found] = [off, { person, joint }];
  }));
  picked = found ? [...picked, found].slice(-2) : [];
  drawCurves(); draw();
}
const VIEWS = { front: [0, 0.05], side: [Math.PI / 2, 0.05], top: [0, Math.PI / 2] };
function look(name) { [view.azimuth, view.elevation] = VIEWS[name]; drawSpace(); }
function pressed(event) {
  if (event.target.closest("button, select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (event.key === " ") play(!playing);
  else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 0.9 : 1.1);
  else if (arrow && event.shiftKey) turn(-0.1 * arrow[0], 0.1 * arrow[1]);
  else if (arrow?.[0]) { play(false); go(row + arrow[0]); }
  else return;
  event.preventDefault();
}
function fitted() {
  const ratio = window.devicePixelRatio || 1, style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "quiet", "grid", "shade", "rim", "left", "right", "middle"]) colours[name] = style.getPropertyValue(`--${name}`);
  for (const id of ["space", "drawn", "strips"]) {
    const canvas = element(id);
    [canvas.width, canvas.height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  }
  drawCurves(); draw();
}
function listen() {
  space.addEventListener("pointerdown", (event) => { space.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); moved = 0; });
  space.addEventListener("pointerup", (event) => { fingers.delete(event.pointerId); if (moved < 4) pick(event); });
  space.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  space.addEventListener("pointermove", dragged);
  space.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.001)); }, { passive: false });
  element("strips").addEventListener("click", (event) => { play(false); go(rowAt(event.offsetX / element("strips").clientWidth * times[last])); });
  element("scrub").addEventListener("input", (event) => { const to = Number(event.target.value); play(false); go(to); });
  element("play").addEventListener("click", () => play(!playing));
  element("back").addEventListener("click", () => { play(false); go(row - 1); });
  element("on").addEventListener("click", () => { play(false); go(row + 1); });
  element("speed").addEventListener("change", (event) => { video.playbackRate = Number(event.target.value); });
  element("angle").addEventListener("change", () => { drawCurves(); draw(); });
  for (const id of ["overlay", "trails", "follow"]) element(id).addEventListener("change", draw);
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => look(button.dataset.view));
  video.addEventListener("ended", () => { if (playing) { go(0); play(true); } });
  addEventListener("keydown", pressed);
  new ResizeObserver(fitted).observe(element("stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", fitted);
}
function atStart() { // every place of the pelvis is in sight
  const places = people.flatMap(({ way }) => way.filter(Boolean));
  const [[x0, x1], [z0, z1]] = [0, 2].map((axis) => places.reduce(([low, high], p) => [Math.min(low, p[axis]), Math.max(high, p[axis])], [Infinity, -Infinity]));
  view.target = [(x0 + x1) / 2, 850, (z0 + z1) / 2];
  view.distance = Math.max(3400, 2000 + 0.9 * Math.max(x1 - x0, z1 - z0));
  row = Math.max(0, times.findIndex((_, at) => people.some((_, person) => isThere(person, at))));
}
async function start() {
  for (const figure of scene.people) for (const name of ["places", "keypoints", "sigma", "angles"]) figure[name] = await unpacked(figure[name]);
  applyEdits();
  element("source").textContent = document.title = scene.source;
  element("note").textContent = scene.pinned ? "on the spot: the way through space is not shown" : "grid 500 mm";
  element("true-side").hidden = !scene.people.some(({ is_true }) => is_true);
  element("scrub").max = last;
  element("film").hidden = element("drawn-choice").hidden = !scene.video;
  element("angle-choice").hidden = !scene.angles.length;
  element("strips").hidden = !scene.angles.length && !scene.people[0].sigma;
  for (const name of new Set(scene.angles.map(base))) element("angle").add(new Option(name.replaceAll("_", " "), name, name === "knee_flexion", name === "knee_flexion"));
  if (scene.video) { video.src = scene.video; video.addEventListener("error", () => { scene.video = ""; element("film").hidden = true; }); nextOfFilm(); }
  atStart(); fitted(); listen(); listenToEdits(); go(row);
  const spot = (person, joint) => [people[person].shown[joint].x, people[person].shown[joint].y].map((v) => v / (window.devicePixelRatio || 1));
  window.viewer = { place, isThere, spot, editsText, get people() { return people.map(({ number }) => number); }, go, play, view, get row() { return row; }, get playing() { return playing; } };
}
document.addEventListener("DOMContentLoaded", start); // both programs are there
