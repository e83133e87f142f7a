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


def test_ui__comparing_both_trainings_shows_what_differs(page, copied):
    with mlflow_ui(copied) as url:
        page.goto(f"{url}/#/experiments/1?workflowType=machine_learning")
        for name in ("train_dense", "train_sparse"):
            row = page.locator(".ag-row", has=page.get_by_role("link", name=name, exact=True)).first
            row.wait_for(timeout=60_000)
            index = row.get_attribute("row-index")
            page.locator(f".ag-row[row-index='{index}'] input[type=checkbox]").first.check(force=True)
        page.get_by_role("button", name="Compare").or_(page.get_by_role("link", name="Compare")).first.click()
        page.get_by_text("Comparing 2 Runs").first.wait_for(timeout=60_000)
        text = page.inner_text("body")
        assert "lambda" in text
        assert "final/explained_variance" in text
