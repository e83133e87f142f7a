// Reading what the page carries, and drawing on canvases.

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function floatsOf(base64) {
  return new Float32Array(bytesOf(base64).buffer);
}

function readModel(packed, data) {
  return {
    ...packed,
    filters: filtersOf(packed.filters, data),
    steps: floatsOf(packed.steps),
    bias: floatsOf(packed.bias),
    codes: packed.codes.map((code) => Float32Array.from(code)),
    units: packed.state.length,
  };
}

// Undoes what payload.py does in pack_filters: to each letter's difference, what the neighbours foretell is added again.
function filtersOf(letters, { width, pixels, levels }) {
  const q = new Int8Array(letters.length);
  const range = 2 * levels + 1;
  for (let i = 0; i < q.length; i++) {
    const inside = i % width > 0;
    const below = i % pixels >= width;
    const left = inside ? q[i - 1] : 0;
    const above = below ? q[i - width] : 0;
    const corner = inside && below ? q[i - width - 1] : 0;
    const sum = letters.charCodeAt(i) - 35 + Math.floor((3 * (left + above) - 2 * corner) / 4);
    q[i] = (((sum % range) + range) % range) - levels;
  }
  return q;
}

async function readData() {
  const deflated = new Blob([bytesOf(byId("data").textContent)]).stream();
  const text = await new Response(deflated.pipeThrough(new DecompressionStream("deflate"))).text();
  const data = JSON.parse(text.slice(1)); // what comes first is of the PNG that it is a row of
  data.pixels = data.height * data.width;
  data.mean = floatsOf(data.mean);
  data.editor.pixels = bytesOf(data.editor.pixels);
  for (const name of Object.keys(data.models)) data.models[name] = readModel(data.models[name], data);
  return data;
}

// Draws one grey value (0 to 255) a pixel.
function drawGrey(canvas, grey, data) {
  canvas.width = data.width;
  canvas.height = data.height;
  const picture = new ImageData(data.width, data.height);
  for (let i = 0; i < grey.length; i++) {
    picture.data[4 * i] = picture.data[4 * i + 1] = picture.data[4 * i + 2] = grey[i];
    picture.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function drawFilter(canvas, model, unit, data) {
  const weights = model.filters.subarray(unit * data.pixels, (unit + 1) * data.pixels);
  drawGrey(canvas, Uint8ClampedArray.from(weights, (weight) => 128 + (127 * weight) / data.levels), data);
}

function drawPlace(canvas, sheet, place, sprite) {
  const [height, width] = sprite.face;
  canvas.width = width;
  canvas.height = height;
  const x = (place % sprite.columns) * sprite.cell[1];
  const y = Math.floor(place / sprite.columns) * sprite.cell[0];
  canvas.getContext("2d").drawImage(sheet, x, y, width, height, 0, 0, width, height);
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`).value;
}

function choose(name, value) {
  document.querySelector(`input[name="${name}"][value="${value}"]`).checked = true;
}

function onChoice(name, handle) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) input.addEventListener("change", handle);
}

function percent(share) {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 1)}\u00a0%`;
}

function figure(value) {
  return value === null ? "none" : Number(value.toPrecision(3)).toString();
}

// The options of a listbox: one of them is in the tab order, arrows move among them.
function moveAmongOptions(box, open) {
  box.addEventListener("keydown", (event) => {
    const options = [...box.querySelectorAll("[role=option]")].filter((option) => !option.hidden);
    const at = options.indexOf(document.activeElement);
    if (at < 0) return;
    const columns = options.filter((option) => option.offsetTop === options[0].offsetTop).length;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    let to = at;
    if (event.key in steps) to = at + steps[event.key];
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = options.length - 1;
    else if (event.key === "Enter" || event.key === " ") open(options[at], true);
    else return;
    event.preventDefault();
    if (to !== at && options[to]) focusOption(box, options[to]);
  });
  box.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    focusOption(box, option);
    open(option, false);
  });
}

function focusOption(box, option) {
  tabTo(box, option);
  option.focus();
}

function tabTo(box, option) {
  for (const other of box.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  option.tabIndex = 0;
}

function select(box, option) {
  for (const other of box.querySelectorAll("[aria-selected=true]")) other.setAttribute("aria-selected", "false");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  tabTo(box, option);
}

function option(canvas, label) {
  const element = make("div", { tabIndex: -1, title: label }, canvas);
  element.setAttribute("role", "option");
  element.setAttribute("aria-label", label);
  element.setAttribute("aria-selected", "false");
  return element;
}

// The number of a model's colour, as report.css has them.
function colorOf(name, data) {
  return Object.keys(data.models).indexOf(name) % 5;
}
