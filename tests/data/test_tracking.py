"""One person is followed: the one who is large, sure and moving."""

import numpy as np
import pytest

from posepaper.data import tracking
from posepaper.data.tracking import Look, follow

EVERY, HEIGHT = 5, 400


def looks(*people, count=12):
    """A look every 5 frames; people are (box at look i or None, score, movement)."""
    found = []
    for i in range(count):
        there = [(box(i), score, moves) for box, score, moves in people if box(i) is not None]
        rows = np.array([[*b, s] for b, s, _ in there], np.float32).reshape(-1, 5)
        found.append(Look(EVERY * i, rows, np.array([m for *_, m in there])))
    return found


def walker(i):
    return (100 + 4 * i, 50, 100, 200)


def bystander(i):
    return (10, 100, 60, 120)


def test_the_one_who_moves_is_followed_though_another_is_found_more_surely():
    track = follow(looks((bystander, 1.5, 0.0), (walker, 0.6, 0.3)), 60, EVERY, HEIGHT)
    assert track.present.all() and track.detected.sum() == 12
    np.testing.assert_allclose(track.boxes[20], (116, 50, 100, 200), atol=4)
    assert (np.diff(track.boxes[:, 0]) >= 0).all()


def test_who_stands_still_is_followed_where_nobody_moves():
    track = follow(looks((bystander, 1.0, 0.0)), 60, EVERY, HEIGHT)
    np.testing.assert_allclose(track.boxes, np.tile((10, 100, 60, 120), (60, 1)))


def test_missed_looks_are_interpolated_and_a_wrong_box_between_is_no_jump():
    gappy = lambda i: None if 4 <= i <= 7 else walker(i)  # noqa: E731
    wrong = lambda i: (130, 120, 60, 130) if i == 5 else None  # noqa: E731
    track = follow(looks((gappy, 1.0, 0.2), (wrong, 0.1, 0.05)), 60, EVERY, HEIGHT)
    assert track.present.all()
    assert not track.detected[20:36].any() and track.detected[[15, 40]].all()
    np.testing.assert_allclose(track.boxes[27, 1:], (50, 100, 200), atol=1)
    assert 110 < track.boxes[27, 0] < 130


def test_one_bad_size_does_not_show():
    odd = lambda i: (100, 30, 110, 260) if i == 6 else (100, 50, 100, 200)  # noqa: E731
    track = follow(looks((odd, 1.0, 0.2)), 60, EVERY, HEIGHT)
    np.testing.assert_allclose(track.boxes, np.tile((100, 50, 100, 200), (60, 1)), atol=1e-4)


def test_nobody_is_there_long_before_and_after():
    brief = lambda i: walker(i) if 10 <= i <= 12 else None  # noqa: E731
    track = follow(looks((brief, 1.0, 0.2), count=24), 120, EVERY, HEIGHT)
    reach = EVERY * tracking.MOST_MISSED
    np.testing.assert_array_equal(np.flatnonzero(track.present), np.arange(50 - reach, 61 + reach))
    assert np.isnan(track.boxes[~track.present]).all()
    assert np.isfinite(track.boxes[track.present]).all()


def test_nobody_at_all():
    assert follow(looks(count=5), 25, EVERY, HEIGHT) is None


def test_what_moved_is_seen_in_the_box_it_moved_in():
    before = np.full((240, 320, 3), 90, np.uint8)
    after = before.copy()
    after[40:120, 40:80] = 200
    small = [tracking.thumbnail(image) for image in (before, after)]
    assert small[0].shape == (120, 160)
    boxes = np.array([[40, 40, 40, 80, 1], [200, 40, 60, 120, 1], [-30, -30, 20, 20, 1]])
    shares = tracking.moved(*small, boxes, 320)
    assert shares[0] > 0.85 and shares[1] == 0 and shares[2] == pytest.approx(0)
