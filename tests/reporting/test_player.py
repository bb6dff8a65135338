"""The 3D skeleton player: what is embedded, and how it behaves in a browser."""

import base64
import re

import numpy as np
import pytest

from posepaper.reporting.player import ABSENT, player_data, write_page
from posepaper.skeleton import H36M

FRAMES, OFF = 12, 0.03
NASTY = "</script><script>document.title='broken'</script> & \"S9\""


def poses():
    """(predicted, target): every joint 30 mm off to the right, but for a frame without a pose."""
    rng = np.random.default_rng(0)
    target = rng.normal(0, 0.4, (FRAMES, 17, 3)) + (0, 0, 4)
    predicted = target - target[:, :1] + (OFF, 0, 0)
    predicted[5] = np.nan
    return predicted.astype(np.float32), target.astype(np.float32)


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), "<i2")


def test_poses_are_millimetres_from_the_root():
    predicted, target = poses()
    data = player_data("one", predicted, target, skeleton=H36M, fps=50)
    there = np.delete(np.arange(FRAMES), 5)
    shown = unpacked(data["predicted"]).reshape(FRAMES, 17, 3)
    np.testing.assert_allclose(shown[there], 1000 * predicted[there], atol=0.51)
    assert (shown[5] == ABSENT).all()
    truth = unpacked(data["target"]).reshape(FRAMES, 17, 3)
    assert not truth[:, 0].any()
    errors = unpacked(data["error"])
    assert (errors[there] == 300).all() and errors[5] == ABSENT
    assert len(data["predicted"]) == FRAMES * 17 * 3 * 2 * 4 / 3


def test_without_ground_truth_there_is_no_error():
    data = player_data("one", poses()[0], None, skeleton=H36M, fps=50)
    assert "target" not in data and "error" not in data


@pytest.mark.parametrize(
    ("predicted", "target"),
    [((0, 17, 3), None), ((4, 16, 3), None), ((4, 17, 2), None), ((4, 17, 3), (3, 17, 3))],
)
def test_other_shapes_are_refused(predicted, target):
    with pytest.raises(ValueError, match=r"\(\d, 1[67], [23]\)"):
        given = np.zeros(predicted), None if target is None else np.zeros(target)
        player_data("one", *given, skeleton=H36M, fps=50)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    predicted, target = poses()
    players = [
        player_data(NASTY, predicted, target, skeleton=H36M, fps=50, note=NASTY),
        player_data("demo", predicted, None, skeleton=H36M, fps=50),
    ]
    path = tmp_path_factory.mktemp("player") / "player.html"
    write_page(path, players, title=NASTY, facts=[("Video", NASTY)])
    return path


def test_a_page_holds_all_it_needs_and_nothing_that_its_names_say(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert "document.title='broken'</script>" not in text
    assert not re.findall(r"(?:src|href)=|https?://|@import|url\(", text)
    assert len(text) < 40_000


@pytest.fixture
def page(visit, page_file):
    """The page at phone width."""
    return visit(page_file, width=400)


def picture(page):
    return page.locator(".player-view").first.evaluate("view => view.toDataURL()")


def test_frames_and_errors_are_told(page):
    assert "broken" in page.title() and page.title().startswith("</script>")
    first = page.locator(".player").first
    state, slider = first.locator(".player-state"), first.locator("input[type=range]")
    assert state.inner_text() == "frame 0 of 11, 0.00 s, error 30.0 mm"
    blank = picture(page)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert state.inner_text().startswith("frame 1 of 11, 0.02 s") and picture(page) != blank
    assert slider.get_attribute("aria-valuetext") == state.inner_text()
    assert first.locator("[role=status]").inner_text() == state.inner_text()
    slider.fill("5")
    assert state.inner_text() == "frame 5 of 11, 0.10 s, nobody found"
    second = page.locator(".player").nth(1)
    assert second.locator(".player-state").inner_text() == "frame 0 of 11, 0.00 s"
    assert second.locator("input[type=checkbox]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_view_turns_by_keys_and_mouse_and_comes_back(page):
    view = page.locator(".player-view").first
    start = picture(page)
    seen = {start}
    view.focus()
    for key in ("ArrowLeft", "ArrowUp", "+"):
        page.keyboard.press(key)
        seen.add(picture(page))
    page.keyboard.press("0")
    assert picture(page) == start
    box = view.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 120)
    page.mouse.up()
    seen.add(picture(page))
    assert len(seen) == 5
    page.locator("[data-part=reset]").first.click()
    assert picture(page) == start
    page.locator("input[type=checkbox]").uncheck()
    assert picture(page) != start


def test_it_plays_and_pauses(page):
    first = page.locator(".player").first
    button, state = first.locator("[data-part=play]"), first.locator(".player-state")
    first.locator("select").select_option("0.1")
    first.locator(".player-view").focus()
    page.keyboard.press("Space")
    assert button.inner_text() == "Pause"
    page.wait_for_function(
        "!document.querySelector('.player-state').innerText.startsWith('frame 0')"
    )
    button.click()
    assert button.inner_text() == "Play"
    still = state.inner_text()
    page.wait_for_timeout(400)
    assert state.inner_text() == still
    first.locator(".player-view").focus()
    page.keyboard.press(",")
    assert int(state.inner_text().split()[1]) == int(still.split()[1]) - 1


def test_colours_follow_the_reader_s_scheme(page):
    light = picture(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "was => document.querySelector('.player-view').toDataURL() !== was", arg=light
    )
    assert picture(page) != light
