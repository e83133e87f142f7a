"""What people look at, looked at in a real browser."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
import requests
from conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="no chromium or google-chrome on the PATH"
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=BROWSER, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


def test_report__shows_every_picture_and_number_and_asks_nothing_of_the_network(page, finished):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(finished.path("analyze/report.html").as_uri())
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == 4
    assert min(widths) > 300
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("tbody tr").count() == 10
    assert "400 faces of 14 x 11 pixels from orl, 40 people" in " ".join(page.inner_text(".data").split())
    assert page.locator(".fallback").count() == 0
    assert page.errors == []
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@contextmanager
def mlflow_ui(project):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (project.folder / "tools").mkdir(exist_ok=True)
    shutil.copy(ROOT / "tools/ui.sh", project.folder / "tools/ui.sh")
    server = subprocess.Popen(
        ["tools/ui.sh", str(port)],
        cwd=project.folder,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert url in server.stdout.readline()
        for _ in range(120):
            try:
                requests.get(f"{url}/health", timeout=1).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def shoot(page, name):
    """Renew a picture of the README's where that is asked for."""
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=ROOT / "examples" / name)


def close_assistant(page):
    page.get_by_role("button", name="Close", exact=True).first.click(timeout=60_000)


def pictures(page, address):
    return page.locator(f"img[src*='{address}']")


def test_ui__comparing_both_trainings_shows_what_differs_and_their_filters(page, copied):
    with mlflow_ui(copied) as url:
        page.goto(f"{url}/#/experiments/1/runs?workflowType=machine_learning")
        close_assistant(page)
        for name in ("train_dense", "train_sparse"):
            row = page.locator(".ag-row", has=page.get_by_role("link", name=name, exact=True)).first
            row.wait_for(timeout=60_000)
            index = row.get_attribute("row-index")
            page.locator(f".ag-row[row-index='{index}'] input[type=checkbox]").first.check(force=True)
        page.get_by_role("button", name="Compare").or_(page.get_by_role("link", name="Compare")).first.click()
        page.get_by_text("Comparing 2 Runs").first.wait_for(timeout=60_000)
        page.get_by_role("row", name="lambda").get_by_text("1.0", exact=True).wait_for(timeout=60_000)
        text = page.inner_text("body")
        assert "final/explained_variance" in text
        page.locator("label", has_text="Show diff only").or_(page.get_by_role("switch")).first.click()
        page.get_by_text("hidden_units", exact=True).wait_for(state="detached", timeout=60_000)
        assert page.get_by_text("lambda", exact=True).count()
        file = page.get_by_text("filters.png").first
        file.click()
        pictures(page, "blob:").nth(1).wait_for(timeout=60_000)
        widths = pictures(page, "blob:").evaluate_all("images => images.map(image => image.naturalWidth)")
        assert min(widths) > 50
        shoot(page, "mlflow-compare.png")


def test_ui__charts_lay_curves_over_each_other_and_pictures_follow_a_slider(page, copied):
    with mlflow_ui(copied) as url:
        filters = "searchFilter=tags.stage%20LIKE%20%27train%25%27"
        page.goto(f"{url}/#/experiments/1/runs?workflowType=machine_learning&compareRunsMode=CHART&{filters}")
        close_assistant(page)
        page.get_by_text("batch/rec", exact=True).first.wait_for(timeout=60_000)
        legend = page.get_by_text("train_dense (batch/rec)").or_(page.get_by_text("train_sparse (batch/rec)"))
        legend.first.wait_for(timeout=60_000)
        assert page.get_by_text("analyze", exact=True).count() == 0
        shoot(page, "mlflow.png")
        page.get_by_text("Model metrics").first.scroll_into_view_if_needed()
        page.get_by_text("System metrics").first.scroll_into_view_if_needed()
        pictures(page, "filters%2Bstep%2B0").first.wait_for(timeout=60_000)
        page.get_by_role("slider").first.press("End")
        pictures(page, "filters%2Bstep%2B24").first.wait_for(timeout=60_000)
        shoot(page, "mlflow-pictures.png")
