// A model's outputs as tasks, and the tasks as tables with bars.

/** The tasks in a row of outputs: name, label, and pairs of class and probability. */
export function readTasks(outputs) {
  return Object.keys(outputs)
    .filter((key) => key.endsWith("_probabilities"))
    .map((key) => key.slice(0, -"_probabilities".length))
    .filter((task) => `${task}_classes` in outputs)
    .map((task) => ({
      name: task.replace("_at_", "@"),
      label: outputs[`${task}_label`],
      classes: outputs[`${task}_classes`].map((name, i) => [
        name,
        outputs[`${task}_probabilities`][i],
      ]),
    }));
}

/** The tasks in one sentence, for those who hear the page. */
export function inOneSentence(tasks) {
  return tasks
    .map(({ name, label, classes }) => {
      const [, probability] = classes.find(([candidate]) => candidate === label);
      return `${name} ${label}, ${percent(probability)}`;
    })
    .join("; ");
}

/** One task: the label in the caption, a row a class with number and bar. */
export function taskTable({ name, label, classes }) {
  const table = element("table");
  const caption = element("caption");
  caption.append(element("span", "task", name), " ", element("span", "label", label));
  const head = element("thead");
  const titles = element("tr");
  for (const title of ["class", "probability"]) {
    const cell = element("th", "", title);
    cell.scope = "col";
    titles.append(cell);
  }
  head.append(titles);
  const body = element("tbody");
  body.append(...classes.map(([one, p]) => classRow(one, p, one === label)));
  table.append(caption, head, body);
  return table;
}

function classRow(name, probability, isLikeliest) {
  const row = element("tr", isLikeliest ? "likeliest" : "");
  const head = element("th", "", name);
  head.scope = "row";
  const bar = element("span", "bar");
  bar.style.width = `${100 * probability}%`;
  const track = element("span", "track");
  track.setAttribute("aria-hidden", "true"); // the number says the same
  track.append(bar);
  const cell = element("td");
  cell.append(track, element("span", "number", percent(probability)));
  row.append(head, cell);
  return row;
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)} %`;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
