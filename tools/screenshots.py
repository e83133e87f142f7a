"""MLflow's pages as people use them: the steps are the tests' too; run as a script, they are the README's pictures.

Usage, beside a running `make ui`: python tools/screenshots.py http://127.0.0.1:5000
"""

import io
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright

EXAMPLES = Path(__file__).parents[1] / "examples"
PATIENCE = 120_000  # milliseconds, of a busy machine
TRAININGS = ("train_dense, lambda 0", "train_sparse, lambda 1")


def find_browser() -> str | None:
    """Find the browser of the machine, or the one that `make browser` installed."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        with sync_playwright() as driver:
            own = driver.chromium.executable_path
            found = own if Path(own).exists() else None
    return found


def launch(driver: Playwright, browser: str | None) -> Browser:
    """Start a browser."""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return driver.chromium.launch(executable_path=browser, args=options, timeout=PATIENCE)


def open_runs(page: Page, url: str, search: str = "", mode: str = "TABLE") -> None:
    """Open the list of runs, as a table or as charts (`CHART`)."""
    query = f"workflowType=machine_learning&compareRunsMode={mode}&searchFilter={quote(search)}"
    page.goto(f"{url}/#/experiments/1/runs?{query}")
    page.get_by_role("button", name="Close", exact=True).first.click(timeout=PATIENCE)  # the assistant's advertisement


def compare(page: Page, *names: str) -> None:
    """Tick the newest run of each name in the table, compare them, and show what differs and their filters."""
    for name in names:
        row = page.locator(".ag-row", has=page.get_by_role("link", name=name, exact=True)).first
        row.wait_for(timeout=PATIENCE)
        index = row.get_attribute("row-index")
        page.locator(f".ag-row[row-index='{index}'] input[type=checkbox]").first.check(force=True)
    page.get_by_role("button", name="Compare").or_(page.get_by_role("link", name="Compare")).first.click()
    page.get_by_text(f"Comparing {len(names)} Runs").first.wait_for(timeout=PATIENCE)
    page.locator("label", has_text="Show diff only").or_(page.get_by_role("switch")).first.click()
    page.get_by_text("hidden_units", exact=True).wait_for(state="detached", timeout=PATIENCE)
    page.get_by_text("filters.png").first.click()
    # Attached, not visible: the viewer scrolls within itself.
    pictures(page, "blob:").nth(len(names) - 1).wait_for(state="attached", timeout=PATIENCE)


def pictures(page: Page, address: str) -> Locator:
    """Find the pictures whose address has this part."""
    return page.locator(f"img[src*='{address}']")


def save(page: Page, name: str) -> None:
    """Save what is seen, in few colours: Git takes no file above 300 kB."""
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").quantize(64).save(EXAMPLES / name, optimize=True)


def main() -> None:
    """Take the pictures of the newest trainings."""
    url, found = sys.argv[1].rstrip("/"), find_browser()
    with sync_playwright() as driver:
        browser = launch(driver, found)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        open_runs(page, url, "tags.stage LIKE 'train%'", "CHART")
        page.get_by_text("train_dense, lambda 0 (batch/rec)").first.wait_for(timeout=PATIENCE)
        # Charts are drawn one by one: six are seen, of two curves each.
        page.wait_for_function("document.querySelectorAll('.js-plotly-plot .trace').length >= 12", timeout=PATIENCE)
        save(page, "mlflow.png")
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        open_runs(page, url)
        compare(page, *TRAININGS)
        page.get_by_text("Parameters", exact=True).first.evaluate("heading => heading.scrollIntoView()")
        page.wait_for_timeout(3000)
        save(page, "mlflow-compare.png")


if __name__ == "__main__":
    main()
