// The waveform: for each column of pixels, a line from the lowest to the highest sample.

/** Draws samples on a canvas, as large as it is shown, in its own colour; says so in words too. */
export function drawWaveform(canvas, { samples, samplingRate }) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(canvas.clientHeight * density);
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).color;
  const middle = canvas.height / 2;
  let peak = 0;
  for (let x = 0; x < canvas.width; x++) {
    const first = Math.floor((x * samples.length) / canvas.width);
    const end = Math.max(first + 1, Math.floor(((x + 1) * samples.length) / canvas.width));
    let low = 0;
    let high = 0;
    for (let i = first; i < end && i < samples.length; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    peak = Math.max(peak, -low, high);
    const top = middle - Math.min(1, high) * middle;
    const bottom = middle - Math.max(-1, low) * middle;
    context.fillRect(x, top, 1, Math.max(density, bottom - top));
  }
  canvas.setAttribute("aria-label", describe(samples.length / samplingRate, peak));
}

function describe(seconds, peak) {
  const level = peak > 0 ? `${(20 * Math.log10(peak)).toFixed(0)} decibels of full scale` : "silent";
  return `Waveform: ${seconds.toFixed(1)} seconds, peak ${level}`;
}
