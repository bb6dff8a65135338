"""kill -9 at any moment, inside the writing of a state too, costs nothing but time."""

import importlib.util
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from posepaper import files

SPEC = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("test_loop.py"))
TOY = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(TOY)
FORK = multiprocessing.get_context("fork")


def slowly(_epoch, _step):
    time.sleep(0.01)


def train(path):
    TOY.run(path, TOY.Samples(slowly))


def die_in_write(path, calls):
    """Trains, and is killed in the middle of writing its n-th file: whole, but not yet in place."""
    replace, seen = os.replace, [0]

    def killed(old, new):
        seen[0] += 1
        if seen[0] == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(old, new)

    files.os.replace = killed
    train(path)


def child(target, *arguments):
    process = FORK.Process(target=target, args=arguments)
    process.start()
    return process


def test_ten_kills_at_random_moments_end_in_the_same_bytes(tmp_path):
    undisturbed = TOY.run(tmp_path / "a")[0]
    moments, killed = random.Random(7), 0
    while killed < 10:
        process = child(train, tmp_path / "b")
        process.join(timeout=moments.uniform(0.02, 0.25))
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            break
    assert killed >= 3
    assert TOY.run(tmp_path / "b")[0] == undisturbed


@pytest.mark.parametrize("calls", [1, 2, 3, 5])
def test_a_kill_within_a_write_ends_in_the_same_bytes(tmp_path, calls):
    process = child(die_in_write, tmp_path / "b", calls)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert TOY.run(tmp_path / "b")[0] == TOY.run(tmp_path / "a")[0]
