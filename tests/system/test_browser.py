"""What people look at, looked at in a real browser: the report, and MLflow's page of the models."""

import getpass
import json
import os
import re
import signal

import numpy as np
import pytest
from servers import free_port, wait_for

from sparsefaces.metrics import METRICS
from sparsefaces.report.payload import LEVELS
from sparsefaces.report.units import describe_units
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.training.model_file import load_model

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from axe_playwright_python.sync_playwright import Axe  # noqa: E402 - it needs playwright
from screenshots import PATIENCE, find_browser, launch  # noqa: E402 - of tools; it needs playwright

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="no browser for the tests of pages: make browser"
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = launch(driver, BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.fixture
def report(page, finished):
    """The finished project's report, opened from disk; what it asks for is kept, and it complains of nothing."""
    errors, page.asked = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(finished.path("analyze/report.html").as_uri())
    yield page
    assert errors == []


@pytest.fixture
def models(finished):
    return {name: load_model(finished.path(f"train_{name}/model.safetensors")) for name in ("dense", "sparse")}


@pytest.fixture
def data(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    return load_dataset()


# Read off a copy: the browser complains of a canvas that is drawn on and read in turn.
PIXELS = """canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const picture = copy.getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, Array.from(picture.data.filter((_, i) => i % 4 === 0))];
}"""


def pixels(canvas):
    height, width, grey = canvas.evaluate(PIXELS)
    return np.array(grey).reshape(height, width)


def test_report__shows_every_picture_and_number_and_asks_nothing_of_the_network(report, finished):
    pictures = report.locator("figure img")
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(list(finished.path("analyze").glob("*.png")))
    assert min(widths) > 300
    assert [url for url in report.asked if not url.startswith(("file:", "data:"))] == []
    report.get_by_text("All metrics of both models").click()
    held_out = json.loads(finished.path("analyze/metrics.json").read_text())["dense"]["held_out"]
    assert report.locator(".metrics tbody tr").count() == len(METRICS) + len(held_out)
    assert "400 faces of 14 x 11 pixels from orl, 40 people" in " ".join(report.inner_text(".data").split())
    sections = report.locator("main > section").evaluate_all("all => all.map(one => one.id)")
    assert sections == ["units", "editor", "claims", "figures", "origin"]  # what one can turn before what one reads
    assert not report.locator("#too-old").is_visible()
    report.set_viewport_size({"width": 320, "height": 600})
    assert report.evaluate("document.documentElement.scrollWidth") <= 320
    assert report.locator(".methods").first.evaluate("table => table.scrollWidth > table.parentElement.clientWidth")
    assert report.get_by_text("Scroll the table sideways").first.is_visible()


def test_explorer__a_click_opens_a_unit_and_a_search_that_finds_none_says_so(report, models, data):
    units = describe_units(models["sparse"].encode(data.X), models["sparse"].filters, data.shape)
    report.locator("#units-grid [data-unit='5']").click()
    assert report.inner_text("#unit-title") == "Unit 5, sparse"
    assert report.inner_text("#unit-frequency") == f"{100 * units.frequency[5]:.1f}\u00a0% of the faces"
    w = models["sparse"].filters[5].reshape(data.shape)
    assert np.abs(pixels(report.locator("#unit-filter")) - (128 + 127 * w / np.abs(w).max())).max() <= 127 / LEVELS
    shown = report.locator("#unit-faces canvas")
    assert shown.evaluate_all("all => all.map(one => one.title)") == [f"face {face}" for face in units.faces[5]]
    face = (data.X[units.faces[5, 0]] * data.scale + data.mean).reshape(data.shape)
    assert np.abs(pixels(shown.first) - 255 * face).mean() < 12  # a JPEG's difference
    report.locator("#unit-neighbours button").first.click()
    assert report.inner_text("#unit-title") == f"Unit {units.neighbours[5, 0]}, sparse"
    report.fill("#units-number", "99999")
    report.get_by_text("No unit of this model has such a number").wait_for()
    assert report.inner_text("#units-count").startswith("0 of ")


def test_report__says_what_it_lacks_without_javascript(browser, finished):
    page = browser.new_page(java_script_enabled=False)
    page.goto(finished.path("analyze/report.html").as_uri())
    assert page.locator("noscript").is_visible()
    assert "JavaScript is off" in page.inner_text("noscript")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_report__axe_finds_nothing(browser, finished, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(finished.path("analyze/report.html").as_uri())
    page.locator("#units-grid [data-unit='0']").wait_for()
    page.locator("details").evaluate("details => { details.open = true; }")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_editor__decodes_as_numpy_does_whatever_is_turned(report, models, data):
    cells, turned = report.locator("#editor-faces [role=option]"), report.locator("#editor-turned")
    cells.nth(3).click()
    face = int(cells.nth(3).get_attribute("title").split()[1])
    for name, model in models.items():
        report.locator("label", has=report.locator(f"[name=editor-model][value={name}]")).last.click()
        code = model.encode(data.X[face : face + 1])[0]
        rows = report.locator("#editor-sliders .slider")
        strongest = np.argsort(-code * np.linalg.norm(model.filters, axis=1))[: rows.count()]
        assert [int(row) for row in rows.evaluate_all("all => all.map(one => one.dataset.unit)")] == strongest.tolist()
        before = pixels(turned)
        rounding = float(report.inner_text("#editor-rounding"))  # root mean square over the editor's faces
        assert np.abs(before - grey(model, code, data)).max() <= 1 + 6 * rounding
        report.locator("#editor-sliders input").first.fill("3")
        code[strongest[0]] *= 3
        assert np.abs(pixels(turned) - grey(model, code, data)).max() <= 1 + 12 * rounding
        report.locator("#editor-keep").fill("1")
        only = np.where(np.arange(len(code)) == strongest[0], code, 0)
        assert np.abs(pixels(turned) - grey(model, only, data)).max() <= 1 + 12 * rounding
        report.locator("#editor-reset").click()
        assert (pixels(turned) == before).all()
    original = pixels(report.locator("#editor-original"))
    report.locator("#editor-difference").check()
    assert (pixels(turned) == np.clip(128 + before - original, 0, 255)).all()


def grey(model, code, data):
    face = model.decode(code[None])[0] * data.scale + data.mean
    return np.clip(255 * face, 0, 255).reshape(data.shape)


@pytest.fixture(scope="module")
def ui(finished, tmp_path_factory):
    """The address that `make ui` prints, beside a server that answers."""
    port = free_port()
    server = finished.copy(tmp_path_factory.mktemp("ui") / "project").start("python", "src/ui.py", str(port))
    wait_for(f"http://127.0.0.1:{port}/health", server)
    yield re.search(r"http://127[.]0[.]0[.]1:\d+/#(\S+)", server.said())[0]
    os.kill(server.pid, signal.SIGTERM)
    server.end()


def test_ui__runs_and_models_have_names_numbers_and_badges(page, ui, finished):
    page.goto(ui)
    trainings = ("train_dense, lambda 0", "train_sparse, lambda 1")
    for name in (*trainings, "lambda 0 and lambda 1"):
        page.get_by_role("link", name=name, exact=True).wait_for()
    page.get_by_text("batch/rec").first.wait_for()
    page.get_by_role("link", name="Models", exact=True).click()
    version = re.compile("^v[12]$")  # the trainings run side by side: whichever ends first is version 1
    for training in trainings:
        row = page.locator("[role=row]", has=page.get_by_role("link", name=training, exact=True))
        row.get_by_text(version).wait_for()
    page.get_by_role("link", name="train_sparse", exact=True).click()
    page.get_by_text(getpass.getuser(), exact=True).wait_for()
    page.get_by_text(version).first.wait_for()
    rec = json.loads(finished.path("train_sparse/metrics.json").read_text())["rec"]
    page.locator("[role=row]", has_text="final/rec").filter(has_text=str(rec)).wait_for()
    page.get_by_role("row", name="lambda 1.0", exact=True).wait_for()
    assert page.get_by_text("Not registered").count() == 0
