// The explorer: all filters of a model, and everything about the one that is open.

function startExplorer(data, edit) {
  const grid = byId("units-grid");
  const view = { name: chosen("units-model"), unit: null, cells: [], sheet: new Image() };
  const model = () => data.models[view.name];

  function fill() {
    view.name = chosen("units-model");
    byId("units").dataset.model = colorOf(view.name, data);
    view.cells = Array.from({ length: model().units }, (_, unit) => cellOf(model(), unit, data));
    arrange();
    const order = orderOf(model(), byId("units-order").value);
    open(view.cells[order.find((unit) => model().state[unit] === "alive") ?? order[0]]);
  }

  function arrange() {
    const order = orderOf(model(), byId("units-order").value);
    const state = byId("units-state").value;
    const number = byId("units-number").value.trim();
    for (const cell of view.cells) {
      cell.hidden = !(state === "all" || cell.dataset.state === state) || !cell.dataset.unit.startsWith(number);
    }
    grid.replaceChildren(...order.map((unit) => view.cells[unit]));
    const shown = order.filter((unit) => !view.cells[unit].hidden);
    byId("units-count").textContent = countOf(model(), shown.length);
    byId("units-none").hidden = shown.length > 0;
    const current = view.cells[view.unit];
    if (shown.length) tabTo(grid, current && !current.hidden ? current : view.cells[shown[0]]);
  }

  function open(cell, focus) {
    select(grid, cell);
    if (!cell) return;
    view.unit = Number(cell.dataset.unit);
    showUnit(view, model(), data, (unit) => open(view.cells[unit]));
    if (focus) byId("unit").focus();
  }

  moveAmongOptions(grid, open);
  byId("unit").addEventListener("keydown", (event) => {
    const cell = view.cells[view.unit];
    if (event.key === "Escape" && cell && !cell.hidden) focusOption(grid, cell);
  });
  onChoice("units-model", fill);
  for (const id of ["units-order", "units-state"]) byId(id).addEventListener("change", arrange);
  byId("units-number").addEventListener("input", arrange);
  byId("unit-edit").addEventListener("click", () => edit(view.name, view.unit));
  fill();
  if (data.sprite.jpeg) {
    view.sheet.addEventListener("load", () => open(view.cells[view.unit]));
    view.sheet.src = `data:image/jpeg;base64,${data.sprite.jpeg}`;
  }
}

function cellOf(model, unit, data) {
  const canvas = document.createElement("canvas");
  drawFilter(canvas, model, unit, data);
  const state = model.state[unit];
  const cell = option(canvas, `Unit ${unit}${state === "alive" ? "" : `, ${state}`}`);
  cell.dataset.unit = unit;
  cell.dataset.state = state;
  return cell;
}

function orderOf(model, order) {
  const units = Array.from({ length: model.units }, (_, unit) => unit);
  if (order === "use") units.sort((one, other) => model.frequency[other] - model.frequency[one]);
  if (order === "area" || order === "spread") {
    units.sort((one, other) => (model[order][one] ?? Infinity) - (model[order][other] ?? Infinity));
  }
  if (order === "window") units.sort((one, other) => (model.window[other] ?? -1) - (model.window[one] ?? -1));
  return units;
}

function countOf(model, shown) {
  const dead = model.state.filter((state) => state === "dead").length;
  const near = model.state.filter((state) => state === "near-dead").length;
  return `${shown} of ${model.units} shown; ${dead} dead, ${near} near-dead`;
}

function showUnit(view, model, data, open) {
  const unit = view.unit;
  byId("unit-title").textContent = `Unit ${unit}, ${view.name}`;
  drawFilter(byId("unit-filter"), model, unit, data);
  byId("unit-filter").setAttribute("aria-label", `Filter of unit ${unit}, which covers ${shareOf(model.area[unit], "of the image")}`);
  byId("unit-state").textContent = model.state[unit];
  byId("unit-state").className = `badge ${model.state[unit]}`;
  byId("unit-frequency").textContent = `${percent(model.frequency[unit])} of the faces`;
  byId("unit-mean").textContent = figure(model.mean_activation[unit]);
  byId("unit-usual").textContent = figure(model.usual_activation[unit]);
  byId("unit-area").textContent = shareOf(model.area[unit], "of the image");
  byId("unit-spread").textContent = shareOf(model.spread[unit], "of a uniform one");
  byId("unit-window").textContent = shareOf(model.window[unit], "of its energy");
  showFaces(view, model, data);
  byId("unit-neighbours").replaceChildren(
    ...model.neighbours[unit].map((other, rank) => neighbour(model, other, model.similarity[unit][rank], data, open)),
  );
}

function shareOf(value, whole) {
  return value === null ? "none: all zero" : `${percent(value)} ${whole}`;
}

function showFaces(view, model, data) {
  const faces = model.places[view.unit].map((place) => {
    const canvas = document.createElement("canvas");
    const label = `face ${data.sprite.faces[place]}`;
    drawPlace(canvas, view.sheet, place, data.sprite);
    canvas.title = label;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  });
  byId("unit-faces").replaceChildren(...(faces.length ? faces : [make("p", { textContent: "None: it never fires." })]));
}

function neighbour(model, unit, similarity, data, open) {
  const canvas = document.createElement("canvas");
  drawFilter(canvas, model, unit, data);
  const button = make("button", { type: "button" }, canvas, make("small", { textContent: similarity.toFixed(2) }));
  button.setAttribute("aria-label", `Unit ${unit}, cosine ${similarity.toFixed(2)}`);
  button.title = `Unit ${unit}`;
  button.addEventListener("click", () => open(unit));
  return button;
}
