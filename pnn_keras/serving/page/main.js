// The page: a recording comes from the microphone or a file, goes to a model, answers are shown.

import { inOneSentence, readTasks, taskTable } from "./answers.js";
import { Recorder } from "./recorder.js";
import { Failure, listModels, listSignatures, predict } from "./server.js";
import { cut, readFile, toWav } from "./sound.js";
import { drawWaveform } from "./waveform.js";

// After this a recording ends by itself, in seconds.
const LONGEST = 60;

const at = (id) => document.getElementById(id);
let sound = null; // {samples, samplingRate, wav}: what is shown and asked about
let recorder = null;
let isStarting = false; // the browser may ask the person first
let timer = 0;
let question = new AbortController();

/** Runs what a person started, and tells what went wrong in words. */
function guarded(action) {
  return async (...values) => {
    at("error").textContent = "";
    try {
      await action(...values);
    } catch (error) {
      if (error.name === "AbortError") return; // another question came after it
      at("status").textContent = "";
      at("error").textContent =
        error instanceof Failure ? error.message : `This page failed: ${error.message}`;
    }
  };
}

const showModels = guarded(async () => {
  const models = await listModels();
  if (!models.length) throw new Failure("The server has no model yet. Load this page again later.");
  at("model").replaceChildren(...models.map((name) => new Option(name)));
  const hearing = await firstThatHears(models);
  at("model").value = hearing ?? models[0];
  at("model").disabled = false;
  if (!hearing) await checkModel();
});

async function firstThatHears(models) {
  for (const model of models) {
    if (await hearsAudio(model).catch(() => false)) return model;
  }
  return null;
}

async function hearsAudio(model) {
  return (await listSignatures(model)).includes("audio_bytes");
}

async function checkModel() {
  const model = at("model").value;
  if (!(await hearsAudio(model))) {
    throw new Failure(
      `${model} takes features, not audio, so this page cannot ask it. Ask it with: ` +
        `pnn-keras predict --server ${location.origin} ${model} FILE`,
    );
  }
}

const changeModel = guarded(async () => {
  at("answers").hidden = true;
  await checkModel();
  if (sound) await askModel();
});

const openFile = guarded(async (file) => {
  if (!file) return;
  at("status").textContent = `Reading ${file.name} …`;
  await hear(await readFile(file));
});

const toggleRecording = guarded(async () => {
  if (recorder) await stopRecording();
  else await startRecording();
});

async function startRecording() {
  if (isStarting) return;
  isStarting = true;
  const started = new Recorder();
  try {
    await started.start((level) => (at("level").value = level));
  } finally {
    isStarting = false;
  }
  recorder = started;
  const start = performance.now();
  timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - start) / 1000);
    at("elapsed").textContent = `0:${String(seconds).padStart(2, "0")}`;
    if (seconds >= LONGEST) toggleRecording();
  }, 250);
  showRecording(true);
  at("recording").hidden = at("answers").hidden = true;
  at("status").textContent = "Recording. Press Stop when you have spoken.";
}

async function stopRecording() {
  const stopped = recorder;
  recorder = null;
  clearInterval(timer);
  showRecording(false);
  // The timer is late, in a hidden tab by much, and a model refuses what is too long.
  const recorded = cut(await stopped.stop(), LONGEST);
  if (!recorded.samples.length) throw new Failure("The microphone gave no sound. Try again.");
  await hear({ ...recorded, wav: toWav(recorded) });
}

function showRecording(isOn) {
  at("record").classList.toggle("is-recording", isOn);
  at("record-text").textContent = isOn ? "Stop" : "Record";
  at("running").hidden = !isOn;
  at("hint").hidden = isOn;
  at("elapsed").textContent = "0:00";
}

/** Shows a recording and asks about it. */
async function hear(heard) {
  sound = heard;
  at("recording").hidden = false;
  drawWaveform(at("waveform"), sound);
  URL.revokeObjectURL(at("player").src);
  at("player").src = URL.createObjectURL(sound.wav);
  at("answers").hidden = true;
  await askModel();
}

async function askModel() {
  question.abort();
  question = new AbortController();
  const model = at("model").value;
  at("status").textContent = `Asking ${model} …`;
  const outputs = await predict(model, sound.wav, question.signal);
  if (outputs.valid === false) {
    throw new Failure(`The model has no answer for this recording: ${outputs.error}`);
  }
  const tasks = readTasks(outputs);
  if (!tasks.length) throw new Failure(`${model} answers no task that this page can show.`);
  at("tasks").replaceChildren(...tasks.map(taskTable));
  at("answers").hidden = false;
  at("status").textContent = `${model}: ${inOneSentence(tasks)}.`;
}

at("record").addEventListener("click", toggleRecording);
at("model").addEventListener("change", changeModel);
at("file").addEventListener("change", ({ target }) => {
  openFile(target.files[0]);
  target.value = ""; // choosing the same file again counts
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("is-dropping");
});
addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove("is-dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("is-dropping");
  openFile(event.dataTransfer.files[0]);
});
const redraw = () => sound && drawWaveform(at("waveform"), sound);
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
showModels();
