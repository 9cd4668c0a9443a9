// Runs beside the audio: hands every block of samples on, as the microphone gave it.

class Tap extends AudioWorkletProcessor {
  process(inputs) {
    const [channel] = inputs[0];
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
}

registerProcessor("tap", Tap);
