// Sound: any file that the browser decodes becomes one channel of samples, and a 16-bit WAV file.

import { Failure } from "./server.js";

// What browsers decode to where the file's own sampling rate is not known, in Hz.
const USUAL_RATE = 48000;

/**
 * Reads an audio file: its samples to look at, and the WAV file to send.
 *
 * A 16-bit PCM WAV file is sent as it is, so that the answer is the one that the command line
 * gives; anything else is decoded at its own sampling rate and mixed to one channel.
 */
export async function readFile(file) {
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Failure(`${file.name} cannot be read.`);
  }
  const format = readFormat(new DataView(bytes));
  const sound = await decode(bytes, format.samplingRate, file.name);
  return { ...sound, wav: format.isPcm16 ? file : toWav(sound) };
}

async function decode(bytes, samplingRate, name) {
  const context = offlineContext(samplingRate);
  let buffer;
  try {
    buffer = await context.decodeAudioData(bytes);
  } catch {
    throw new Failure(`${name} is not audio that this browser can decode. Try a WAV file.`);
  }
  return { samples: mix(buffer), samplingRate: buffer.sampleRate };
}

function offlineContext(samplingRate) {
  try {
    return new OfflineAudioContext(1, 1, samplingRate ?? USUAL_RATE);
  } catch {
    return new OfflineAudioContext(1, 1, USUAL_RATE); // a rate that the browser does not know
  }
}

function mix(buffer) {
  const mixed = new Float32Array(buffer.length);
  for (let c = 0; c < buffer.numberOfChannels; c++) {
    const channel = buffer.getChannelData(c);
    for (let i = 0; i < mixed.length; i++) mixed[i] += channel[i] / buffer.numberOfChannels;
  }
  return mixed;
}

/** What a file's head says of it: its sampling rate in Hz, and whether it is 16-bit PCM WAV. */
function readFormat(view) {
  if (textAt(view, 0, 4) === "RIFF" && textAt(view, 8, 4) === "WAVE") return wavFormat(view);
  if (textAt(view, 0, 4) === "fLaC" && view.byteLength >= 22) {
    return { samplingRate: view.getUint32(18) >>> 12 };
  }
  if (textAt(view, 29, 6) === "vorbis" && view.byteLength >= 44) {
    return { samplingRate: view.getUint32(40, true) };
  }
  return {};
}

function wavFormat(view) {
  let at = 12;
  while (at + 24 <= view.byteLength) {
    if (textAt(view, at, 4) === "fmt ") {
      const isPcm16 = view.getUint16(at + 8, true) === 1 && view.getUint16(at + 22, true) === 16;
      return { samplingRate: view.getUint32(at + 12, true), isPcm16 };
    }
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return {};
}

function textAt(view, start, length) {
  if (view.byteLength < start + length) return "";
  return String.fromCharCode(...new Uint8Array(view.buffer, start, length));
}

/** The beginning of a recording, at most so many seconds. */
export function cut({ samples, samplingRate }, seconds) {
  return { samples: samples.subarray(0, seconds * samplingRate), samplingRate };
}

/** A WAV file, one channel of 16-bit PCM, of samples from -1 to 1. */
export function toWav({ samples, samplingRate }) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // length of this chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, samplingRate, true);
  view.setUint32(28, 2 * samplingRate, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per frame
  view.setUint16(34, 16, true); // bits per sample
  write(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => {
    const value = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    view.setInt16(44 + 2 * i, value, true);
  });
  return new Blob([view.buffer], { type: "audio/wav" });
}
