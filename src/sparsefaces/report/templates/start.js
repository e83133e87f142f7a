// Inside a frame, a link to a place on the page may lead out of it: go there by hand.
function goTo(id) {
  const target = byId(id);
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

for (const link of document.querySelectorAll("a[href^='#']")) {
  link.addEventListener("click", (event) => { event.preventDefault(); goTo(link.getAttribute("href").slice(1)); });
}

byId("too-old").hidden = "DecompressionStream" in window;
readData().then((data) => startExplorer(data, startEditor(data)));
