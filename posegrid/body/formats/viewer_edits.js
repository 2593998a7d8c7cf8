"use strict";
// Corrections by hand, as posegrid/motion/edits.py applies them: which pose is whose in each frame.
const FEET = ["right", "left"], LEGS = 1, ARMS = 2, LIMBS = { legs: LEGS, arms: ARMS, both: LEGS + ARMS };
const LIMB_OF = scene.joints.map((name) => (/hip|knee|ankle|heel|toe/.test(name) ? LEGS : /shoulder|elbow|wrist/.test(name) ? ARMS : 0));
const MIRRORED = scene.joints.map((name) => scene.joints.indexOf(name.replace(/left|right/, (side) => (side === "left" ? "right" : "left"))));
const edits = [...scene.edits];
let people = [];

// Who is shown, before all edits: in each frame the row of a figure of the scene, or nobody (-1).
function untouched() {
  return scene.people.map((figure, index) => {
    const feet = FEET.map(() => new Int8Array(times.length));
    for (const [foot, first, end, stands] of figure.contacts) filled(feet[FEET.indexOf(foot)], first, end, stands ? 1 : -1);
    return { number: figure.number, is_true: figure.is_true, source: new Int16Array(times.length).fill(index), swapped: new Uint8Array(times.length), feet, way: [], shown: null };
  });
}
function filled(values, first_frame, last_frame, value) {
  scene.frame.forEach((frame, at) => { if (frame >= first_frame && frame <= last_frame) values[at] = typeof value === "function" ? value(at) : value; });
}
const isSeen = (one, at) => one.source[at] >= 0 && !Number.isNaN(scene.people[one.source[at]].places(0, at));

const APPLIED = {
  wrong(one, { first_frame, last_frame }) {
    filled(one.source, first_frame, last_frame, -1);
    for (const foot of one.feet) filled(foot, first_frame, last_frame, 0);
  },
  swap(one, { first_frame, last_frame, limbs }) {
    filled(one.swapped, first_frame, last_frame, (at) => one.swapped[at] ^ LIMBS[limbs]);
    const before = one.feet.map((foot) => foot.slice());
    if (limbs !== "arms") one.feet.forEach((foot, side) => filled(foot, first_frame, last_frame, (at) => before[1 - side][at]));
  },
  split(one, { at_frame, new_person }) {
    const from = scene.frame.indexOf(at_frame), later = { ...one, number: new_person, way: [] };
    for (const name of ["source", "swapped"]) later[name] = one[name].slice();
    later.feet = one.feet.map((foot) => foot.slice());
    one.source.fill(-1, from); later.source.fill(-1, 0, from);
    for (const foot of one.feet) foot.fill(0, from);
    for (const foot of later.feet) foot.fill(0, 0, from);
    if (![one, later].every((each) => times.some((_, at) => isSeen(each, at)))) throw new Error("the person is not seen on both sides of this frame");
    people.push(later);
  },
  join(one, { other_person }) {
    const other = numbered(other_person), both = times.findIndex((_, at) => isSeen(one, at) && isSeen(other, at));
    if (both >= 0) throw new Error(`both are seen in frame ${scene.frame[both]}: say first which one is wrong`);
    times.forEach((_, at) => {
      if (isSeen(other, at)) [one.source[at], one.swapped[at]] = [other.source[at], other.swapped[at]];
      one.feet.forEach((foot, side) => { foot[at] ||= other.feet[side][at]; });
    });
    people = people.filter((each) => each !== other);
  },
  contact(one, { first_frame, last_frame, foot, stands }) { filled(one.feet[FEET.indexOf(foot)], first_frame, last_frame, stands ? 1 : -1); },
};
const numbered = (number) => people.find((one) => one.number === number && !one.is_true);

function checkFrames({ first_frame, last_frame, at_frame }) {
  const said = [first_frame, last_frame, at_frame].filter((frame) => frame !== undefined);
  if (!said.every((frame) => scene.frame.includes(frame)) || first_frame > last_frame) {
    throw new Error(`expected frames of ${scene.frame[0]} to ${scene.frame[last]}, the first one not after the last`);
  }
}
// Everybody after all edits. Throws what one of them cannot do.
function applyEdits() {
  people = untouched();
  for (const edit of edits) {
    const one = numbered(edit.person);
    if (!one || !Object.hasOwn(APPLIED, edit.kind)) throw new Error("there is no such person, or no such edit");
    checkFrames(edit);
    APPLIED[edit.kind](one, edit);
  }
  const every = Math.ceil(times.length / 400);
  for (const one of people) one.way = times.filter((_, at) => at % every === 0).map((_, i) => (isSeen(one, i * every) ? [valueOf(one, "places", 0, i * every), 0, valueOf(one, "places", 2, i * every)] : null));
}
const valueOf = (one, what, column, at) => scene.people[one.source[at]]?.[what]?.(column, at) ?? NaN;
const jointOf = (one, joint, at) => (one.swapped[at] & LIMB_OF[joint] ? MIRRORED[joint] : joint);

// -- the panel
const frameOf = (id) => Number(element(id).value);
const stretch = () => ({ first_frame: frameOf("first"), last_frame: frameOf("last") });
const MADE = {
  wrong: stretch,
  swap: () => ({ ...stretch(), limbs: element("limbs").value }),
  split: () => ({ at_frame: scene.frame[row], new_person: Math.max(...people.map(({ number }) => number), ...edits.map(({ new_person }) => new_person ?? 0)) + 1 }),
  join: () => ({ other_person: Number(element("other").value) }),
  contact: () => ({ ...stretch(), foot: element("foot").value, stands: element("stands").value === "stands" }),
};
function tried(made) {
  const before = [...edits];
  try {
    edits.splice(0, edits.length, ...made);
    applyEdits();
    element("edit-says").textContent = "";
  } catch (error) {
    edits.splice(0, edits.length, ...before);
    applyEdits();
    element("edit-says").textContent = `Not done: ${error.message}.`;
  }
  shownEdits();
}
const edit = (kind) => tried([...edits, { kind, person: Number(element("person").value), ...MADE[kind]() }]);
async function openEdits([file]) {
  if (!file) return;
  let made = null;
  try {
    const said = JSON.parse(await file.text()), figures = scene.people.filter(({ is_true }) => !is_true);
    const isOurs = ([number, mark]) => figures.some((one) => String(one.number) === number && one.fingerprint === mark);
    if (said.format === "posegrid-edits" && said.version === 1 && Object.entries(said.tracks).every(isOurs)) made = said.edits;
  } catch { /* no JSON */ }
  if (Array.isArray(made)) tried(made);
  else element("edit-says").textContent = "Not opened: this is no file of edits of this motion.";
}
function undo() { edits.pop(); applyEdits(); element("edit-says").textContent = ""; shownEdits(); }
const inWords = ({ kind, person, first_frame, last_frame, limbs, at_frame, new_person, other_person, foot, stands }) => ({
  wrong: `person ${person}: frames ${first_frame} to ${last_frame} are wrong`,
  swap: `person ${person}: left and right swapped (${limbs === "both" ? "legs and arms" : limbs}), frames ${first_frame} to ${last_frame}`,
  split: `person ${person}: from frame ${at_frame} on it is person ${new_person}`,
  join: `person ${other_person} is person ${person}`,
  contact: `person ${person}: ${foot} foot ${stands ? "stands" : "does not stand"}, frames ${first_frame} to ${last_frame}`,
}[kind]);
function shownEdits() {
  const list = element("edits"), correctable = people.filter(({ is_true }) => !is_true);
  list.replaceChildren(...edits.map((one) => Object.assign(document.createElement("li"), { textContent: inWords(one) })));
  for (const id of ["person", "other"]) {
    const chosen = element(id).value;
    element(id).replaceChildren(...correctable.map(({ number }) => new Option(`person ${number}`, number, false, String(number) === chosen)));
  }
  element("undo").disabled = element("keep").disabled = !edits.length;
  element("save").disabled = false;
  for (const one of document.querySelectorAll(".several")) one.hidden = correctable.length < 2;
  drawCurves(); draw();
}
function editsText() {
  const known = edits.flatMap(({ person, other_person }) => [person, other_person ?? person]);
  const tracks = scene.people.filter(({ number, is_true }) => known.includes(number) && !is_true).map(({ number, fingerprint }) => [number, fingerprint]);
  return JSON.stringify({ format: "posegrid-edits", version: 1, tracks: Object.fromEntries(tracks), edits }, null, 1);
}
function downloadEdits() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([editsText()], { type: "application/json" }));
  link.download = `${scene.source.replace(/\.[^.]*$/, "") || "motion"}_edits.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
async function saveEdits() {
  element("edit-says").textContent = "Saving, and making the corrected files ...";
  element("save").disabled = true;
  try {
    const answer = await fetch(scene.save.address, { method: "POST", headers: { "X-Posegrid-Token": scene.save.token }, body: editsText() });
    const said = await answer.json();
    element("edit-says").textContent = answer.ok ? "Saved. The corrected files are among the downloads, once this page is loaded again." : said.error;
  } catch { element("edit-says").textContent = "The app did not answer. Is it still running?"; }
  element("save").disabled = false;
}
function listenToEdits() {
  element("correct").hidden = !scene.people.some(({ fingerprint }) => fingerprint);
  element("save").hidden = !scene.save;
  element("first").value = scene.frame[0]; element("last").value = scene.frame[last];
  for (const id of ["first", "last"]) {
    [element(id).min, element(id).max] = [scene.frame[0], scene.frame[last]];
    element(id).addEventListener("input", draw);
    element(`${id}-here`).addEventListener("click", () => { element(id).value = scene.frame[row]; draw(); });
  }
  element("correct").addEventListener("click", () => {
    const open = element("hand").hidden;
    element("hand").hidden = !open;
    element("correct").setAttribute("aria-expanded", open);
    draw();
  });
  for (const button of document.querySelectorAll("[data-edit]")) button.addEventListener("click", () => edit(button.dataset.edit));
  element("undo").addEventListener("click", undo);
  element("keep").addEventListener("click", downloadEdits);
  element("save").addEventListener("click", saveEdits);
  element("open").addEventListener("change", (event) => openEdits(event.target.files).then(() => { event.target.value = ""; }));
  shownEdits();
}
