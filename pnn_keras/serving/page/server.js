// What the page asks of the server that shows it.

/** A failure that is told to the person as it is. */
export class Failure extends Error {}

/** The names of the models. */
export async function listModels() {
  const answer = await ask("models");
  return answer.models.map(({ name }) => name);
}

/** The names of a model's signatures. */
export async function listSignatures(model) {
  const answer = await ask(`${modelPath(model)}/metadata`);
  return Object.keys(answer.metadata.signature_def.signature_def);
}

/** The outputs of a model for a WAV file, by name. */
export async function predict(model, wav, signal) {
  const body = JSON.stringify({
    signature_name: "audio_bytes",
    instances: [{ b64: await base64(wav) }],
  });
  const answer = await ask(`${modelPath(model)}:predict`, { method: "POST", body, signal });
  return answer.predictions[0];
}

function modelPath(model) {
  return `v1/models/${encodeURIComponent(model)}`;
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server does not answer. Check that it still runs, then try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Failure(inWords(response.status, answer.error));
  return answer;
}

function inWords(status, said) {
  const reason = said ? ` It says: ${said}` : "";
  if (status === 413 || status === 429) {
    return `The server takes no recording of this size now. Try a shorter one.${reason}`;
  }
  if (status === 404) return `The server has no such model any more. Load this page again.${reason}`;
  if (status === 503) return `The server is not ready. Try again in a moment.${reason}`;
  if (status === 504) return `The server took too long. Try a shorter recording.${reason}`;
  return `The server refused the recording (${status}).${reason}`;
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Failure("The file cannot be read."));
    reader.readAsDataURL(blob);
  });
}
