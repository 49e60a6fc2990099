"""``make pictures``: the real review screens on a demo site, as SVG and, where Chromium is there, as PNG.

Opens the desks of the sites that ``python -m workflow.demo --keep DIR --keep-queue DIR`` left (as a scripted signer),
without a terminal: one where candidates wait, and one where they were promoted and rolled back.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from review_tui.pictures import QUEUE_WALK, RELEASE_WALK, take_pictures
from workflow.cli.opening import open_desk, open_ledger, open_releases

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m workflow.demo.pictures", description="Take pictures of the desk.")
    parser.add_argument("queue", type=Path, help="a demo site with something in its queue")
    parser.add_argument("site", type=Path, help="a demo site with batches and releases")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--as", dest="signer", default="script-1", help="a scripted signer of that site")
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for site, walk in ((chosen.queue, QUEUE_WALK), (chosen.site, RELEASE_WALK)):
        with open_ledger(site) as opened:
            desk, releases = open_desk(opened, chosen.signer), open_releases(opened, chosen.signer)
            made = take_pictures(desk, releases, chosen.folder, walk)
        for picture in made:
            _to_png(picture)
            sys.stdout.write(f"{picture}\n")
    return 0


def _to_png(picture: Path) -> None:
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return
    width, height = (2 * int(float(part)) // 2 for part in _view_box(picture.read_text(encoding="utf-8")))
    command = [browser, "--headless", "--disable-gpu", "--no-sandbox", "--hide-scrollbars"]
    shot = [f"--screenshot={picture.with_suffix('.png')}", f"--window-size={width},{height}", picture.as_uri()]
    subprocess.run([*command, *shot], check=True, capture_output=True, timeout=120)


def _view_box(svg: str) -> tuple[str, str]:
    box = svg.partition('viewBox="')[2].partition('"')[0].split()
    return box[2], box[3]


if __name__ == "__main__":
    raise SystemExit(main())
