// The editor: the code of one face, changed by hand and decoded at once.

const STRONGEST = 8;
const MOST = 3; // times its activation

function startEditor(data) {
  const strip = byId("editor-faces");
  const state = { name: chosen("editor-model"), face: 0, turned: new Map(), added: [], keep: 0, ranks: [] };
  const model = () => data.models[state.name];

  function load(name, face) {
    state.name = name;
    state.face = face;
    state.code = model().codes[face];
    state.ranks = ranked(state.code, strengths(model(), data));
    byId("editor").dataset.model = colorOf(name, data);
    byId("editor-unit").max = model().units - 1;
    select(strip, strip.children[face]);
    byId("editor-name").textContent = `face ${data.editor.faces[face]}`;
    byId("editor-rounding").textContent = model().rounding;
    byId("editor-original").setAttribute("aria-label", `Original face ${data.editor.faces[face]}`);
    reset();
  }

  function reset() {
    state.turned = new Map();
    state.added = [];
    state.keep = state.ranks.length;
    byId("editor-keep").max = state.ranks.length;
    byId("editor-keep").value = state.keep;
    drawGrey(byId("editor-original"), originalOf(state.face, data), data);
    const plain = decode(model(), state.code, data);
    drawGrey(byId("editor-plain"), plain, data);
    byId("editor-plain-psnr").textContent = quality(plain, state.face, data);
    describe("editor-plain", `Reconstruction by the ${state.name} model`, "editor-plain-psnr");
    sliders();
    update();
  }

  function sliders() {
    const units = [...state.added, ...state.ranks.slice(0, STRONGEST).filter((unit) => !state.added.includes(unit))];
    byId("editor-sliders").replaceChildren(
      ...units.map((unit) => slider(model(), unit, state.turned.get(unit) ?? (state.code[unit] > 0 ? 1 : 0), data, turn)),
    );
  }

  function turn(unit, factor) {
    state.turned.set(unit, factor);
    update();
  }

  function update() {
    byId("editor-keep-value").textContent = `${state.keep} of ${state.ranks.length}`;
    const turned = decode(model(), turnedCode(state, model()), data);
    const difference = byId("editor-difference").checked;
    byId("editor-turned-name").textContent = difference ? "edited minus original" : "edited";
    byId("editor-turned-psnr").textContent = quality(turned, state.face, data);
    describe("editor-turned", difference ? "Edited minus original, mid-grey where equal" : "Edited face", "editor-turned-psnr");
    markKept(state);
    drawGrey(byId("editor-turned"), difference ? differenceOf(turned, state.face, data) : turned, data);
  }

  function add(unit) {
    if (!Number.isInteger(unit) || unit < 0 || unit >= model().units) return;
    state.added = [unit, ...state.added.filter((other) => other !== unit)];
    sliders();
    markKept(state);
    byId("editor-sliders").querySelector("input").focus();
  }

  strip.append(...data.editor.faces.map((face, index) => thumbnail(face, index, data)));
  moveAmongOptions(strip, (cell) => load(state.name, Number(cell.dataset.index)));
  onChoice("editor-model", () => load(chosen("editor-model"), state.face));
  byId("editor-difference").addEventListener("change", update);
  byId("editor-reset").addEventListener("click", reset);
  byId("editor-keep").addEventListener("input", (event) => { state.keep = Number(event.target.value); update(); });
  byId("editor-add").addEventListener("submit", (event) => { event.preventDefault(); add(byId("editor-unit").valueAsNumber); });
  load(state.name, 0);

  return (name, unit) => {
    if (name !== state.name) { choose("editor-model", name); load(name, state.face); }
    goTo("editor");
    add(unit);
  };
}

// Units that fire on the face, the strongest contribution first.
function ranked(code, strength) {
  const active = [...code.keys()].filter((unit) => code[unit] > 0);
  return active.sort((one, other) => code[other] * strength[other] - code[one] * strength[one]);
}

// The length of every filter.
function strengths(model, data) {
  if (model.strengths) return model.strengths;
  model.strengths = new Float32Array(model.units);
  for (let unit = 0; unit < model.units; unit++) {
    let sum = 0;
    for (let i = unit * data.pixels; i < (unit + 1) * data.pixels; i++) sum += model.filters[i] ** 2;
    model.strengths[unit] = Math.sqrt(sum) * model.steps[unit];
  }
  return model.strengths;
}

// What a factor multiplies: the unit's activation on this face, or, where it is off, what it is when on.
function turnedCode(state, model) {
  const code = new Float32Array(state.code.length);
  for (const unit of state.ranks.slice(0, state.keep)) code[unit] = state.code[unit];
  for (const [unit, factor] of state.turned) code[unit] = factor * (state.code[unit] || model.usual_activation[unit] || 0);
  return code;
}

function markKept(state) {
  const kept = new Set([...state.turned.keys(), ...state.ranks.slice(0, state.keep)]);
  for (const row of byId("editor-sliders").children) row.classList.toggle("off", !kept.has(Number(row.dataset.unit)));
}

function decode(model, code, data) {
  const face = Float32Array.from(model.bias);
  for (let unit = 0; unit < code.length; unit++) {
    const amount = code[unit] * model.steps[unit];
    if (amount === 0) continue;
    for (let i = 0, at = unit * data.pixels; i < face.length; i++) face[i] += amount * model.filters[at + i];
  }
  return Uint8ClampedArray.from(face, (value, i) => 255 * (value * data.scale + data.mean[i]));
}

function originalOf(face, data) {
  return data.editor.pixels.subarray(face * data.pixels, (face + 1) * data.pixels);
}

function differenceOf(grey, face, data) {
  const original = originalOf(face, data);
  return Uint8ClampedArray.from(grey, (value, i) => 128 + value - original[i]);
}

function quality(grey, face, data) {
  const original = originalOf(face, data);
  let error = 0;
  for (let i = 0; i < grey.length; i++) error += ((grey[i] - original[i]) / 255) ** 2;
  return error === 0 ? "the same" : `PSNR ${(10 * Math.log10(grey.length / error)).toFixed(1)} dB`;
}

function describe(canvas, what, quality) {
  byId(canvas).setAttribute("aria-label", `${what}, ${byId(quality).textContent}`);
}

function slider(model, unit, factor, data, turn) {
  const canvas = document.createElement("canvas");
  drawFilter(canvas, model, unit, data);
  const input = make("input", { type: "range", min: 0, max: MOST, step: 0.05, value: factor });
  const value = make("output", { textContent: times(factor) });
  input.addEventListener("input", () => {
    value.textContent = times(input.valueAsNumber);
    turn(unit, input.valueAsNumber);
  });
  const row = make("label", { className: "slider" }, canvas, make("span", { textContent: `Unit ${unit}` }), input, value);
  row.dataset.unit = unit;
  return row;
}

function times(factor) {
  return `${factor.toFixed(2)} x`;
}

function thumbnail(face, index, data) {
  const canvas = document.createElement("canvas");
  drawGrey(canvas, originalOf(index, data), data);
  const cell = option(canvas, `face ${face}`);
  cell.dataset.index = index;
  return cell;
}
