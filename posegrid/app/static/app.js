"use strict";
// What the pages need a program for: sending a video, and showing how far a job is.
const element = (id) => document.getElementById(id);
const token = document.body.dataset.token;

function sendVideo(form) {
  const [said, bar] = [element("sent"), element("sending")];
  const send = (file, name) => {
    if (file.size > Number(form.dataset.maxMb) * 1e6) {
      said.textContent = `The video is larger than ${form.dataset.maxMb} MB, the most that is taken.`;
      return;
    }
    const facts = { name, height_m: element("height").value, fov_deg: element("fov").value };
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    request.open("POST", `/upload?${new URLSearchParams(facts)}`);
    request.setRequestHeader("X-Posegrid-Token", token);
    request.responseType = "json";
    request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
    request.onload = () => {
      if (request.status === 201) location.assign(request.response.url);
      else stopped(request.response?.error ?? "This page is too old: load it again.");
    };
    request.onerror = () => stopped("The app did not answer. Is it still running?");
    const stopped = (why) => { said.textContent = why; bar.hidden = true; };
    said.textContent = "Sending the video ...";
    bar.hidden = false;
    request.send(file);
  };
  const chosen = (files) => { if (files.length) send(files[0], files[0].name); };
  if (navigator.mediaDevices && window.MediaRecorder) recordWebcam(send, said);
  form.addEventListener("submit", (event) => { event.preventDefault(); chosen(element("video").files); });
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("over"); });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    chosen(event.dataTransfer.files);
  });
}

function recordWebcam(send, said) {
  const [button, seen] = [element("record"), element("seen")];
  let recorder = null;
  const begin = async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 }, audio: false });
    seen.srcObject = stream;
    seen.hidden = false;
    seen.play();
    const parts = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      [recorder, seen.hidden, button.textContent] = [null, true, "Record the webcam"];
      send(new Blob(parts), "webcam.webm");
    };
    recorder.start();
    button.textContent = "Stop and use it";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    if (recorder) recorder.stop();
    else begin().catch((error) => { said.textContent = `The webcam cannot be used (${error.message}).`; });
  });
}

async function follow(section) {
  try {
    const answer = await fetch(section.dataset.status);
    const status = await answer.json();
    if (!answer.ok || !["waiting", "running"].includes(status.state)) return location.reload();
    element("words").textContent = status.words;
    if (status.share === null) element("share").removeAttribute("value");
    else element("share").value = status.share;
  } catch {
    element("words").textContent = "The app does not answer. Once it runs again, the work goes on.";
  }
  setTimeout(() => follow(section), 500);
}

if (element("upload")) sendVideo(element("upload"));
if (element("progress")) follow(element("progress"));
