// The microphone, without the browser's clean-up and compression: they change a voice.

import { Failure } from "./server.js";

const CONSTRAINTS = {
  channelCount: 1,
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
};

/** One recording from the microphone. */
export class Recorder {
  #chunks = [];
  #stream;
  #context;

  /** Starts; `onLevel` is told the largest sample of each block, from 0 to 1. */
  async start(onLevel) {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Failure(
        "The browser gives the microphone to https and to localhost only. Open this page " +
          "there, or choose a file.",
      );
    }
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: CONSTRAINTS });
    } catch (error) {
      throw new Failure(whyNot(error));
    }
    this.#context = new AudioContext();
    try {
      await this.#listen(onLevel);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #listen(onLevel) {
    await this.#context.audioWorklet.addModule(new URL("recorder-worklet.js", import.meta.url));
    const tap = new AudioWorkletNode(this.#context, "tap", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    tap.port.onmessage = ({ data }) => {
      this.#chunks.push(data);
      onLevel(data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
    };
    this.#context.createMediaStreamSource(this.#stream).connect(tap);
    await this.#context.resume();
  }

  /** Stops: the samples, one channel, and their sampling rate in Hz. */
  async stop() {
    this.#stream.getTracks().forEach((track) => track.stop());
    const samplingRate = this.#context.sampleRate;
    await this.#context.close();
    const samples = new Float32Array(this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      samples.set(chunk, at);
      at += chunk.length;
    }
    return { samples, samplingRate };
  }
}

function whyNot(error) {
  if (error.name === "NotAllowedError") {
    return "The browser may not use the microphone. Allow it beside the address, or choose a file.";
  }
  if (error.name === "NotFoundError") {
    return "There is no microphone. Connect one, or choose a file.";
  }
  return `The microphone cannot be used (${error.message || error.name}). Choose a file.`;
}
