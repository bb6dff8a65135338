"""Which tests one process runs, those that stand on the same real run; and a browser for pages."""

import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

# xdist's own groups need node ids that pytest 9.2 no longer lets it write.
TOGETHER = {
    "tests/workflow/test_smoke.py": "first",
    "tests/workflow/test_bad_input.py": "first",
    "tests/workflow/test_command.py": "first",
    "tests/workflow/test_page.py": "first",
    "tests/workflow/test_changes.py": "second",
    "tests/workflow/test_draft.py": "second",
    "tests/workflow/test_clones.py": "second",
    "tests/workflow/mutations/test_mutations.py": "mutations",
    "tests/workflow/mutations/test_mutations_clone.py": "clone",
    "tests/workflow/test_watch.py": "second",
    "tests/workflow/traced/test_traced.py": "second",
    "tests/workflow/test_sanity.py": "mini",
    "tests/cluster/test_slurm.py": "cluster",
    "tests/cluster/test_watch.py": "cluster",
    "tests/cluster/test_doctor.py": "cluster",
    "tests/cluster/test_faults.py": "cluster",
    "tests/cluster/test_faults_of_drivers.py": "cluster",
    "tests/cluster/test_with_accounts.py": "cluster",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keeps the files of a group together, whatever ``--dist`` says of the others."""
    from xdist.scheduler import LoadGroupScheduling

    class Together(LoadGroupScheduling):
        def _split_scope(self, nodeid):
            return TOGETHER.get(nodeid.partition("::")[0]) or super()._split_scope(nodeid)

    return Together(config, log)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; a page nobody opened is not tested, so its absence fails."""
    if CHROMIUM is None:
        pytest.fail("the pages are tested in a browser: install the package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """``visit(file, anchor, width=1600, **options)``: a page from ``file://``, opened; it fails the
    test if it asks a network for anything or says anything to the console."""
    opened, wrong = [], []

    def open_page(file, anchor="", width=1600, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(120_000)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        asked = file.as_uri()
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("data:", asked)) else wrong.append(request.url)
            ),
        )
        page.goto(asked + (f"#{anchor}" if anchor else ""))
        return page

    yield open_page
    assert wrong == []
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def faint():
    """``faint(page)``: texts below WCAG AA's contrast with what lies behind them."""
    script = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
    return lambda page: page.evaluate(script)
