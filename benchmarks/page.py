"""How big a page is, how soon it can be used: python benchmarks/page.py STUDY [--out FILE]

From file:// in a headless Chromium, several times at phone and desktop width; the least counts, for
whatever else runs only adds. "ready": from the address given to the script's end, when every key
and click works; "thread": seconds of processor that the page's thread took until then; "chain",
"search", "sort": from a click or key to its end. Of make_report and make_details the seconds that
their records tell.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from posepaper import files
from posepaper.provenance import record

TIMES, WIDTHS = 5, (400, 1600)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
# Run to the end in the page, so that no wire between the processes counts.
ACTS = {
    "chain": "location.hash = document.querySelector('td[data-status=ok]').id;"
    " dispatchEvent(new Event('hashchange'));",
    "sort": "document.querySelector('table.paper button.sort').click();",
    "search": "const s = document.getElementById('search'); s.value = 'ours';"
    " document.getElementById('verdict').dispatchEvent(new Event('change'));",
}


def opened(browser, page_file: Path, width: int) -> dict[str, float]:
    """Milliseconds of one opening."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(page_file.as_uri(), timeout=300_000)
    told = {m["name"]: m["value"] for m in wire.send("Performance.getMetrics")["metrics"]}
    found = {"ready": page.evaluate("Number(document.documentElement.dataset.ready)")}
    found["thread"] = round(1000 * told["TaskDuration"])
    for name, act in ACTS.items():
        timed = f"() => {{ const t = performance.now(); {act} document.body.offsetTop;"
        found[name] = round(page.evaluate(f"{timed} return performance.now() - t; }}"), 1)
    context.close()
    return found


def main() -> None:
    """Measures, prints, and writes where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--out")
    given = parser.parse_args()
    base = Path("results", given.study)
    page_file = (base / "report/index.html").resolve()
    found = {"study": given.study, "bytes": page_file.stat().st_size, "milliseconds": {}}
    for path in ("report/index.html", "tables/details.json"):
        made = record.read(base / path)
        found[f"{made['rule']}_seconds"] = round(record.seconds(made), 2)
    with sync_playwright() as playwright:
        started = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=started, args=list(FLAGS))
        for width in WIDTHS:
            runs = [opened(browser, page_file, width) for _ in range(TIMES)]
            least = {name: min(run[name] for run in runs) for name in runs[0]}
            found["milliseconds"][str(width)] = least
        browser.close()
    found["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps(found, indent=1))
    if given.out:
        files.write_json(given.out, found)


if __name__ == "__main__":
    main()
