"""Takes the screenshots of the README: `make screenshots`, after `make demo`.

Serves the UI of the demo's home, opens it in a Chromium that is installed, and writes
`docs/lineage.png` and `docs/embeddings.png`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import ASSET_KEYS, EMBEDDINGS
from wiki_embeddings_tests.support.served_ui import served_ui

DOCS = Path(__file__).resolve().parent

LINEAGE: ViewportSize = {"width": 2300, "height": 620}
"""Wide enough for seven assets in a row, each with its state."""

PAGE: ViewportSize = {"width": 1280, "height": 800}

MAX_BYTES = 200_000
"""Of one picture: they are part of the repository."""


def main() -> None:
    """Take both screenshots."""
    browser = os.environ.get("WIKI_EMBEDDINGS_BROWSER") or shutil.which("chromium")
    if browser is None:
        sys.exit("No Chromium is installed: name one in WIKI_EMBEDDINGS_BROWSER.")
    home = settings.home()
    if not (home / "dagster").is_dir():
        sys.exit(f"There is nothing to see in {home}: run `make demo` first.")
    with served_ui(home) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = chromium.new_page(viewport=LINEAGE)
        page.set_default_timeout(120_000)
        show_lineage(page, address)
        save(page, "lineage.png")
        page.set_viewport_size(PAGE)
        show_embeddings(page, address)
        save(page, "embeddings.png")
        chromium.close()


def show_lineage(page: Page, address: str) -> None:
    """Open the lineage, and wait until each asset has its state."""
    page.goto(f"{address}/asset-groups")
    page.get_by_text("Hide navigation").click()
    for asset in ASSET_KEYS:
        page.get_by_text(asset, exact=True).first.wait_for()
    page.get_by_text("1 partition", exact=True).nth(len(ASSET_KEYS) - 1).wait_for()
    page.wait_for_load_state("networkidle")


def show_embeddings(page: Page, address: str) -> None:
    """Open the page of the embeddings, and wait for its pictures."""
    page.goto(f"{address}/assets/{EMBEDDINGS}?view=partitions&partition=sample")
    page.get_by_text("dagster/row_count").first.wait_for()
    page.wait_for_load_state("networkidle")


def save(page: Page, name: str) -> None:
    """Write a picture.

    Raises:
        SystemExit: It is too large for the repository.
    """
    picture = page.screenshot()
    if len(picture) > MAX_BYTES:
        sys.exit(f"{name} has {len(picture):,} bytes, more than {MAX_BYTES:,}.")
    (DOCS / name).write_bytes(picture)


if __name__ == "__main__":
    main()
