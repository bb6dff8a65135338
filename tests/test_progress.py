"""Progress as plain lines."""

import re

import pytest

from posepaper.progress import Progress

LINE = re.compile(r"train x \d+/400 steps \d+% \d\d:\d\d left( loss=0\.03123)?$")


def test_lines_are_few_and_the_last_says_all(capsys):
    with Progress("train x", 400) as bar:
        for _ in range(400):
            bar.update(loss=0.03123456)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert not out and len(lines) == 1 and LINE.match(lines[0])
    assert "400/400 steps 100% 00:00 left loss=0.03123" in lines[0]


def test_every_says_how_often(capsys):
    with Progress("train x", 400, every=0) as bar:
        for _ in range(3):
            bar.update(100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and all(LINE.match(line) for line in lines)


def test_what_was_done_before_does_not_speed_up_the_forecast(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 10.0, 10.0])
    monkeypatch.setattr("posepaper.progress.time.monotonic", lambda: next(clock))
    bar = Progress("train x", 400)
    bar.skip(200)
    bar.update(100)
    # 100 in 10 s and 100 left: ten more seconds, whatever the 200 before took.
    assert "300/400 steps 75% 00:10 left" in capsys.readouterr().err


def test_a_failure_prints_no_last_line(capsys):
    with pytest.raises(RuntimeError), Progress("train x", 4):
        raise RuntimeError
    assert not capsys.readouterr().err


def test_of_several_processes_one_is_shown(capsys):
    with Progress("train x", 400, every=0, shown=False) as bar:
        bar.update(400)
        assert bar.as_json()["done"] == 400
    assert not capsys.readouterr().err


def test_nothing_to_do_is_all_done(capsys):
    with Progress("train x", 0):
        pass
    assert "0/0 steps 100%" in capsys.readouterr().err
