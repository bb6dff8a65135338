"""One writer in a run folder."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from posepaper import lease
from posepaper.lease import Lease

HOLDS = """
import sys, time
from posepaper.lease import Lease
with Lease(sys.argv[1]).held():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lease of tmp_path."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_ends_gives_it_back(tmp_path):
    with Lease(tmp_path).held():
        assert Lease(tmp_path).alive() and Lease(tmp_path).holder()["pid"] == os.getpid()
    assert Lease(tmp_path).holder() is None and not list(tmp_path.iterdir())


def test_a_second_waits_for_the_first(tmp_path, holder, caplog):
    entered = threading.Event()

    def second():
        with Lease(tmp_path).held():
            entered.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    while f"process {holder.pid} on" not in caplog.text:
        assert not entered.wait(0.02)
    assert not entered.wait(1)
    holder.terminate()
    holder.wait()
    assert entered.wait(60)
    waiting.join()


def test_a_killed_holder_is_known_for_dead(tmp_path, holder):
    assert Lease(tmp_path).alive()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert Lease(tmp_path).holder()["pid"] == holder.pid and not Lease(tmp_path).alive()
    with Lease(tmp_path).held():
        assert Lease(tmp_path).holder()["pid"] == os.getpid()


def test_a_number_given_again_is_another_process(tmp_path):
    claim = {**lease.me(), "started": "1"}
    Path(tmp_path, "lease.json").write_text(json.dumps(claim))
    assert not Lease(tmp_path).alive()


def test_a_silent_holder_elsewhere_is_taken_over_and_a_live_one_waited_for(tmp_path, monkeypatch):
    path = Path(tmp_path, "lease.json")
    path.write_text(json.dumps({**lease.me(), "host": "another", "boot": "another"}))
    assert Lease(tmp_path).alive()
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds
        if clock[0] <= 100:
            os.utime(path, ns=(0, int(1e9 * clock[0])))

    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    with Lease(tmp_path, silence=30).held():
        assert 130 < clock[0] <= 133, "a holder that beats for 100 s and is silent for 30"


def test_a_lease_that_cannot_be_read_is_nobody_s(tmp_path):
    Path(tmp_path, "lease.json").write_text("{")
    with Lease(tmp_path).held():
        assert Lease(tmp_path).holder()["pid"] == os.getpid()
