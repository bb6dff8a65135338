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
LONG = 60  # epochs of five steps
FORK = multiprocessing.get_context("fork")


def train(path, epochs=5, begun=None):
    def slowly(_epoch, _step):
        time.sleep(0.01)
        if begun:
            begun.set()

    TOY.run(path, TOY.Samples(slowly), epochs=epochs, validate_every=2)


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
    undisturbed = TOY.run(tmp_path / "a", epochs=LONG)[0]
    moments = random.Random(7)
    # The training's pauses alone take as long as ten moments at the most: none comes too late.
    for _ in range(10):
        begun = FORK.Event()
        process = child(train, tmp_path / "b", LONG, begun)
        assert begun.wait(60)
        process.join(timeout=moments.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert list((tmp_path / "b").glob("state-*.pt")), "no kill came after an epoch"
    assert TOY.run(tmp_path / "b", epochs=LONG)[0] == undisturbed


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5, 7])
def test_a_kill_within_a_write_ends_in_the_same_bytes(tmp_path, calls):
    """The writes: the status, then states, and before those of epochs 2 and 4 their weights."""
    process = child(die_in_write, tmp_path / "b", calls)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    for name in "ab":
        TOY.run(tmp_path / name, validate_every=2)
    for file in ("end", "epoch-000002", "epoch-000004"):
        one, other = (tmp_path / name / f"{file}.safetensors" for name in "ab")
        assert one.read_bytes() == other.read_bytes()
