"""One writer in a run folder."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

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
    entered = []

    def second():
        with Lease(tmp_path).held():
            entered.append(time.monotonic())

    waiting = threading.Thread(target=second)
    waiting.start()
    time.sleep(1)
    assert not entered and f"process {holder.pid} on" in caplog.text
    holder.terminate()
    holder.wait()
    waiting.join(timeout=10)
    assert entered


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


def test_a_silent_holder_elsewhere_is_taken_over_and_a_live_one_waited_for(tmp_path):
    path = Path(tmp_path, "lease.json")
    path.write_text(json.dumps({**lease.me(), "host": "another", "boot": "another"}))
    assert Lease(tmp_path).alive()
    end = time.monotonic() + 2

    def beat():
        while time.monotonic() < end:
            os.utime(path)
            time.sleep(0.05)

    beating = threading.Thread(target=beat)
    beating.start()
    with Lease(tmp_path, silence=0.8).held():
        assert time.monotonic() > end
    beating.join()


def test_a_lease_that_cannot_be_read_is_nobody_s(tmp_path):
    Path(tmp_path, "lease.json").write_text("{")
    with Lease(tmp_path).held():
        assert Lease(tmp_path).holder()["pid"] == os.getpid()
