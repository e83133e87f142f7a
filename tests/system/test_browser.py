"""What people look at, looked at in a real browser."""

import os
import signal
import socket
import sys

import numpy as np
import pytest
from projects import ROOT
from servers import free_port, wait_for

from sparsefaces.base.words import FACE, FACES, PEOPLE
from sparsefaces.report.units import describe_units
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.training.model_file import load_model

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
sys.path.append(str(ROOT / "tools"))
from screenshots import PATIENCE, TRAININGS, compare, find_browser, launch, open_runs  # noqa: E402

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
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


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


@pytest.fixture
def report(page, finished):
    """The finished project's report, opened from disk; what it asks for is kept, and it complains of nothing."""
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.errors.append(message.text))
    page.goto(finished.path("analyze/report.html").as_uri())
    yield page
    assert page.errors == []


@pytest.fixture
def models(finished):
    return {name: load_model(finished.path(f"train_{name}/model.safetensors")) for name in ("dense", "sparse")}


@pytest.fixture
def data(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    return load_dataset()


@pytest.fixture
def units(models, data):
    """What is shown of the sparse model's units."""
    return describe_units(models["sparse"].encode(data.X), models["sparse"].filters, data.shape)


def test_report__shows_every_picture_and_number_and_asks_nothing_of_the_network(report, finished):
    pictures = report.locator("figure img")
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(list(finished.path("analyze").glob("*.png")))
    assert min(widths) > 300
    assert [url for url in report.asked if not url.startswith(("file:", "data:"))] == []
    report.get_by_text("All figures of both models").click()
    assert report.locator(".metrics tbody tr").count() == 10
    assert f"400 {FACES} of 14 x 11 pixels from orl, 40 {PEOPLE}" in " ".join(report.inner_text(".data").split())
    assert "X.npy" in report.inner_text(".hashes")


def test_report__fits_a_phone_and_paper_and_the_dark(report):
    report.set_viewport_size({"width": 320, "height": 600})
    assert report.evaluate("document.documentElement.scrollWidth") <= 320
    light = report.evaluate("getComputedStyle(document.body).backgroundColor")
    report.emulate_media(color_scheme="dark")
    assert report.evaluate("getComputedStyle(document.body).backgroundColor") != light
    report.emulate_media(media="print", color_scheme="dark")
    assert report.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not report.locator("nav").is_visible()
    assert report.locator("#units-grid canvas").last.is_visible()


def test_explorer__a_click_opens_a_unit_with_its_own_filter_figures_and_neighbours(report, models, data, units):
    report.locator("#units-grid [data-unit='5']").click()
    assert report.inner_text("#unit-title") == "Unit 5, sparse"
    assert report.inner_text("#unit-frequency") == f"{units.frequency[5]:.1%} of the {FACES}"
    w = models["sparse"].filters[5].reshape(data.shape)
    assert np.abs(pixels(report.locator("#unit-filter")) - (128 + 127 * w / np.abs(w).max())).max() <= 1
    shown = report.locator("#unit-faces canvas")
    assert shown.evaluate_all("all => all.map(one => one.title)") == [f"{FACE} {face}" for face in units.faces[5]]
    face = (data.X[units.faces[5, 0]] * data.scale + data.mean).reshape(data.shape)
    assert np.abs(pixels(shown.first) - 255 * face).mean() < 8  # a JPEG's difference
    report.locator("#unit-neighbours button").first.click()
    assert report.inner_text("#unit-title") == f"Unit {units.neighbours[5, 0]}, sparse"
    report.locator("label", has=report.locator("[name=units-model][value=dense]")).first.click()
    assert report.inner_text("#unit-title").endswith(", dense")


def test_explorer__orders_and_filters(report, units):
    def shown():
        cells = report.locator("#units-grid [role=option]:not([hidden])")
        return cells.evaluate_all("all => all.map(one => Number(one.dataset.unit))")

    orders = {"index": np.arange(12), "use": -units.frequency, "area": units.area}
    for order, values in (orders | {"spread": units.spread, "window": -units.window}).items():
        report.locator("#units-order").select_option(order)
        assert values[shown()].tolist() == sorted(values)
    report.locator("#units-number").fill("1")
    assert sorted(shown()) == [1, 10, 11]
    assert report.inner_text("#units-count").startswith("3 of 12 shown")
    report.locator("#units-number").fill("")
    report.locator("#units-state").select_option("dead")
    assert shown() == [unit for unit in range(12) if units.state[unit] == "dead"]


def test_explorer__keyboard_moves_opens_and_comes_back(report):
    report.locator("#units-order").select_option("index")
    report.locator("#units-grid [data-unit='0']").click()
    focused = "document.activeElement.dataset.unit ?? document.activeElement.id"
    for key, unit in (("ArrowRight", "1"), ("ArrowRight", "2"), ("ArrowLeft", "1"), ("End", "11"), ("Home", "0")):
        report.keyboard.press(key)
        assert report.evaluate(focused) == unit
    report.keyboard.press("ArrowRight")
    assert report.inner_text("#unit-title") == "Unit 0, sparse"
    report.keyboard.press("Enter")
    assert report.inner_text("#unit-title") == "Unit 1, sparse"
    assert report.evaluate(focused) == "unit"
    report.keyboard.press("Escape")
    assert report.evaluate(focused) == "1"
    assert report.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


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
        assert np.abs(before - grey(model, code, data)).max() <= 2
        assert (before == pixels(report.locator("#editor-plain"))).all()
        report.locator("#editor-sliders input").first.fill("3")
        code[strongest[0]] *= 3
        assert np.abs(pixels(turned) - grey(model, code, data)).max() <= 3
        report.locator("#editor-keep").fill("1")
        alone = np.where(np.arange(len(code)) == strongest[0], code, 0)
        assert np.abs(pixels(turned) - grey(model, alone, data)).max() <= 3
        report.locator("#editor-reset").click()
        assert (pixels(turned) == before).all()
    original = pixels(report.locator("#editor-original"))
    report.locator("#editor-difference").check()
    assert (pixels(turned) == np.clip(128 + before - original, 0, 255)).all()


def grey(model, code, data):
    face = model.decode(code[None])[0] * data.scale + data.mean
    return np.clip(255 * face, 0, 255).reshape(data.shape)


def test_editor__takes_any_unit_by_number_or_from_the_explorer_and_hears_the_keyboard(report):
    report.locator("#editor-unit").fill("7")
    report.locator("#editor-unit").press("Enter")
    row, turned = report.locator("#editor-sliders .slider").first, report.locator("#editor-turned")
    assert row.get_attribute("data-unit") == "7"
    before = pixels(turned)
    for _ in range(10):
        report.keyboard.press("ArrowRight")
    assert (pixels(turned) != before).any()
    assert row.locator("output").inner_text() in ("1.50 x", "0.50 x")  # it may be off on this face
    report.locator("label", has=report.locator("[name=units-model][value=dense]")).first.click()
    report.locator("#units-grid [data-unit='2']").click()
    report.locator("#unit-edit").click()
    report.locator("#editor-unit").fill("99")  # there is none
    report.locator("#editor-unit").press("Enter")
    assert row.get_attribute("data-unit") == "2"
    assert report.locator("[name=editor-model][value=dense]").is_checked()


@pytest.fixture(scope="module")
def ui(finished, tmp_path_factory):
    """The address of `make ui` on a copy of the finished project, which ends whole when it is told to."""
    port = free_port()
    server = finished.copy(tmp_path_factory.mktemp("ui") / "project").start("python", "src/ui.py", str(port))
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/health", server)
    assert url in server.said()
    yield url
    os.kill(server.pid, signal.SIGTERM)
    server.end()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_ui__comparing_both_trainings_shows_what_differs_and_their_filters(page, ui):
    open_runs(page, ui)
    compare(page, *TRAININGS)
    assert page.get_by_role("row", name="lambda 0.0 1.0", exact=True).count()
    text = page.inner_text("body")
    assert all(words in text for words in ("final/explained_variance", *TRAININGS))
    assert page.get_by_text("hidden_units", exact=True).count() == 0  # the same in both


def test_report__works_within_mlflows_artifact_viewer(page, ui, finished):
    (run,) = finished.runs("tags.stage = 'analyze'")
    page.goto(f"{ui}/#/experiments/1/runs/{run.info.run_id}/artifacts/report.html")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Editor").click()
    frame.locator("#editor-sliders input").first.fill("0")
    turned = frame.locator("#editor-turned-psnr").inner_text()
    assert "PSNR" in turned
    assert turned != frame.locator("#editor-plain-psnr").inner_text()
    frame.locator("#units-grid [data-unit='3']").click()
    assert frame.locator("#unit-title").inner_text() == "Unit 3, sparse"
