"""What people look at, looked at in a real browser."""

import os
import shutil
import signal
import socket
import sys

import numpy as np
import pytest
from mlflow import MlflowClient
from projects import ROOT, Project
from servers import free_port, wait_for

from sparsefaces.report.units import describe_units
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.training.model_file import load_model

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
sys.path.append(str(ROOT / "tools"))
from screenshots import PATIENCE, TRAININGS, compare, find_browser, launch, open_runs, pictures  # noqa: E402

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


def pixels(page, selector):
    height, width, grey = page.locator(selector).evaluate(PIXELS)
    return np.array(grey).reshape(height, width)


@pytest.fixture
def report(page, finished):
    """The finished project's report, opened from disk; whatever it asks for or complains of is kept."""
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.errors.append(message.text))
    page.goto(finished.path("analyze/report.html").as_uri())
    return page


@pytest.fixture
def models(finished):
    folder = {name: finished.path(f"train_{name}/model.safetensors") for name in ("dense", "sparse")}
    return {name: load_model(path) for name, path in folder.items()}


@pytest.fixture
def data(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    return load_dataset()


def test_report__shows_every_picture_and_number_and_asks_nothing_of_the_network(report, finished):
    pictures = report.locator("figure img")
    widths = pictures.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == len(list(finished.path("analyze").glob("*.png")))
    assert min(widths) > 300
    assert [url for url in report.asked if not url.startswith(("file:", "data:"))] == []
    report.get_by_text("All figures of both models").click()
    assert report.locator(".metrics tbody tr").count() == 10
    assert "400 faces of 14 x 11 pixels from orl, 40 people" in " ".join(report.inner_text(".data").split())
    assert report.locator(".fallback").count() == 0
    assert "X.npy" in report.inner_text(".hashes")
    assert report.errors == []


def test_report__fits_a_phone_and_paper_and_the_dark(report):
    report.set_viewport_size({"width": 390, "height": 844})
    assert report.evaluate("document.documentElement.scrollWidth") <= 390
    report.set_viewport_size({"width": 320, "height": 600})
    assert report.evaluate("document.documentElement.scrollWidth") <= 320
    light = report.evaluate("getComputedStyle(document.body).backgroundColor")
    report.emulate_media(color_scheme="dark")
    assert report.evaluate("getComputedStyle(document.body).backgroundColor") != light
    report.emulate_media(media="print", color_scheme="dark")
    assert report.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not report.locator("nav").is_visible()
    assert not report.locator(".controls").first.is_visible()
    assert report.locator("#units-grid canvas").last.is_visible()


def describe_sparse(models, data):
    model = models["sparse"]
    return describe_units(model.encode(data.X), model.filters, data.shape)


def test_explorer__a_click_opens_a_unit_with_its_own_filter_figures_and_neighbours(report, models, data):
    report.locator("#units-grid [data-unit='5']").click()
    units = describe_sparse(models, data)
    assert report.inner_text("#unit-title") == "Unit 5, sparse"
    assert report.inner_text("#unit-frequency") == f"{units.frequency[5]:.1%} of the faces"
    w = models["sparse"].filters[5].reshape(data.shape)
    assert np.abs(pixels(report, "#unit-filter") - (128 + 127 * w / np.abs(w).max())).max() <= 1
    shown = report.locator("#unit-faces canvas")
    assert shown.evaluate_all("all => all.map(one => one.title)") == [f"Face {face}" for face in units.faces[5]]
    face = (data.X[units.faces[5, 0]] * data.scale + data.mean).reshape(data.shape)
    first = shown.first.evaluate(PIXELS)[2]
    assert np.abs(np.array(first).reshape(data.shape) - 255 * face).mean() < 8  # a JPEG's difference
    report.locator("#unit-neighbours button").first.click()
    assert report.inner_text("#unit-title") == f"Unit {units.neighbours[5, 0]}, sparse"
    report.locator("label", has=report.locator("[name=units-model][value=dense]")).first.click()
    assert report.inner_text("#unit-title").endswith(", dense")
    assert report.errors == []


def test_explorer__orders_and_filters(report, models, data):
    def shown():
        cells = report.locator("#units-grid [role=option]:not([hidden])")
        return cells.evaluate_all("all => all.map(one => Number(one.dataset.unit))")

    units = describe_sparse(models, data)
    report.locator("#units-order").select_option("index")
    assert shown() == list(range(12))
    report.locator("#units-order").select_option("use")
    assert units.frequency[shown()].tolist() == sorted(units.frequency, reverse=True)
    for order, values in (("area", units.area), ("spread", units.spread), ("window", -units.window)):
        report.locator("#units-order").select_option(order)
        assert values[shown()].tolist() == sorted(values)
    report.locator("#units-number").fill("1")
    assert sorted(shown()) == [1, 10, 11]
    assert report.inner_text("#units-count").startswith("3 of 12 shown")
    report.locator("#units-number").fill("")
    report.locator("#units-state").select_option("dead")
    assert shown() == [unit for unit in range(12) if units.state[unit] == "dead"]
    assert report.errors == []


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
    cells = report.locator("#editor-faces [role=option]")
    cells.nth(3).click()
    face = int(cells.nth(3).get_attribute("title").split()[1])
    for name, model in models.items():
        report.locator("label", has=report.locator(f"[name=editor-model][value={name}]")).last.click()
        code = model.encode(data.X[face : face + 1])[0]
        rows = report.locator("#editor-sliders .slider")
        strongest = np.argsort(-code * np.linalg.norm(model.filters, axis=1))[: rows.count()]
        assert [int(row) for row in rows.evaluate_all("all => all.map(one => one.dataset.unit)")] == strongest.tolist()
        before = pixels(report, "#editor-turned")
        assert np.abs(before - grey(model, code, data)).max() <= 2
        assert (before == pixels(report, "#editor-plain")).all()
        report.locator("#editor-sliders input").first.fill("3")
        code[strongest[0]] *= 3
        after = pixels(report, "#editor-turned")
        assert (after != before).any()
        assert np.abs(after - grey(model, code, data)).max() <= 3
        report.locator("#editor-keep").fill("1")
        alone = np.where(np.arange(len(code)) == strongest[0], code, 0)
        assert np.abs(pixels(report, "#editor-turned") - grey(model, alone, data)).max() <= 3
        report.locator("#editor-reset").click()
        assert (pixels(report, "#editor-turned") == before).all()
    original = pixels(report, "#editor-original")
    report.locator("#editor-difference").check()
    assert (pixels(report, "#editor-turned") == np.clip(128 + before - original, 0, 255)).all()
    assert report.errors == []


def grey(model, code, data):
    face = model.decode(code[None])[0] * data.scale + data.mean
    return np.clip(255 * face, 0, 255).reshape(data.shape)


def test_editor__takes_any_unit_by_number_or_from_the_explorer_and_hears_the_keyboard(report):
    report.locator("#editor-unit").fill("7")
    report.locator("#editor-unit").press("Enter")
    row = report.locator("#editor-sliders .slider").first
    assert row.get_attribute("data-unit") == "7"
    before = pixels(report, "#editor-turned")
    for _ in range(10):
        report.keyboard.press("ArrowRight")
    assert (pixels(report, "#editor-turned") != before).any()
    assert row.locator("output").inner_text() in ("1.50 x", "0.50 x")  # it may be off on this face
    report.locator("label", has=report.locator("[name=units-model][value=dense]")).first.click()
    report.locator("#units-grid [data-unit='2']").click()
    report.locator("#unit-edit").click()
    assert report.locator("#editor-sliders .slider").first.get_attribute("data-unit") == "2"
    assert report.locator("[name=editor-model][value=dense]").is_checked()
    report.locator("#editor-unit").fill("99")
    report.locator("#editor-unit").press("Enter")  # there is no such unit: nothing happens
    assert report.locator("#editor-sliders .slider").first.get_attribute("data-unit") == "2"
    assert report.errors == []


@pytest.fixture(scope="module")
def ui(finished, tmp_path_factory):
    """The address of `make ui` on a copy of the finished project."""
    project = Project(shutil.copytree(finished.folder, tmp_path_factory.mktemp("ui") / "project", symlinks=True))
    port = free_port()
    server = project.start("python", "src/ui.py", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/health", server)
        assert url in server.said()
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.end(code=None)


def test_ui__ends_whole_when_it_is_told_to(finished, tmp_path):
    project = Project(shutil.copytree(finished.folder, tmp_path / "project", symlinks=True))
    port = free_port()
    server = project.start("python", "src/ui.py", str(port))
    wait_for(f"http://127.0.0.1:{port}/health", server)
    os.kill(server.pid, signal.SIGTERM)
    server.end(code=0)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def run_of(project, stage):
    client = MlflowClient(tracking_uri=f"sqlite:///{project.folder / 'mlflow.db'}")
    return client.search_runs(["1"], f"tags.stage = '{stage}'")[0].info.run_id


def test_ui__comparing_both_trainings_shows_what_differs_their_curves_and_their_filters(page, ui):
    open_runs(page, ui)
    compare(page, *TRAININGS)
    assert page.get_by_role("row", name="lambda 0.0 1.0", exact=True).count()
    text = page.inner_text("body")
    assert "final/explained_variance" in text
    assert page.get_by_text("hidden_units", exact=True).count() == 0  # the same in both
    page.get_by_role("link", name="batch/rec").first.click()
    page.locator(".js-plotly-plot").first.wait_for()
    text = page.inner_text("body")
    assert all(name in text for name in TRAININGS)


def test_ui__charts_lay_curves_over_each_other_and_pictures_follow_a_slider(page, ui):
    open_runs(page, ui, "tags.stage LIKE 'train%'", "CHART")
    for name in TRAININGS:
        page.get_by_text(f"{name} (batch/rec)").first.wait_for()
    assert page.get_by_text("analyze", exact=True).count() == 0
    page.get_by_text("Model metrics").first.scroll_into_view_if_needed()
    page.get_by_text("System metrics").first.scroll_into_view_if_needed()
    pictures(page, "filters%2Bstep%2B0").first.wait_for()
    page.get_by_role("slider").first.press("ArrowRight")  # to the next step with a picture
    pictures(page, "filters%2Bstep%2B24").first.wait_for()


def test_ui__run_opens_on_its_note_with_a_table_and_its_figure(page, ui, finished):
    run = run_of(finished, "train_sparse")
    page.goto(f"{ui}/#/experiments/1/runs/{run}")
    page.get_by_role("cell", name="explained_variance", exact=True).first.wait_for()
    figure = pictures(page, "get-artifact?path=filters.png")
    figure.wait_for()
    page.wait_for_function("image => image.naturalWidth > 0", arg=figure.element_handle())


def test_report__works_within_mlflows_artifact_viewer(page, ui, finished):
    run = run_of(finished, "analyze")
    page.goto(f"{ui}/#/experiments/1/runs/{run}/artifacts/report.html")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Editor").click()
    frame.locator("#editor-sliders input").first.fill("0")
    turned = frame.locator("#editor-turned-psnr").inner_text()
    assert "PSNR" in turned
    assert turned != frame.locator("#editor-plain-psnr").inner_text()
    frame.locator("#units-grid [data-unit='3']").click()
    assert frame.locator("#unit-title").inner_text() == "Unit 3, sparse"
