"""One Snakemake at a time in a folder."""

import fcntl
import json
import os
import subprocess
import sys

import pytest

from posepaper import lease
from posepaper.errors import InputError
from posepaper.stages import driver

RUN = ["all", "-call", "--config", "study=open"]
OTHER = {"pid": 4711, "host": os.uname().nodename, "since": "2026-11-21T10:00:00"}


@pytest.fixture
def folder(tmp_path):
    """Snakemake's folder after a driver was killed there."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "0.output.lock").touch()
    (tmp_path / "driver.json").write_text(json.dumps(OTHER))
    return tmp_path


@pytest.fixture(autouse=True)
def free():
    """Gives back what a test claimed."""
    yield
    while driver._held:
        os.close(driver._held.pop())


@pytest.fixture
def lockless(monkeypatch):
    """A file system without locks."""

    def refuse(handle, how):
        raise OSError(38, "not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)


def write(folder, **facts):
    """The word of another driver, which the test's parent process stands for."""
    pid = os.getppid()
    told = {**lease.me(), "pid": pid, "started": lease._started(pid), "study": "open", **facts}
    (folder / "driver.json").write_text(json.dumps({"since": "2026-11-21T10:00:00", **told}))


def claim_elsewhere(folder) -> subprocess.CompletedProcess:
    code = (
        "from pathlib import Path; from posepaper.stages import driver;"
        f"driver.claim({RUN!r}, Path({str(folder)!r}))"
    )
    return subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path):
    driver.claim(RUN, tmp_path)
    done = claim_elsewhere(tmp_path)
    line = done.stderr.splitlines()[-1]
    assert done.returncode and f"process {os.getpid()} on" in line
    assert line.endswith(f"runs here. Wait for it, or end it with: kill -INT {os.getpid()}")
    os.close(driver._held.pop())
    assert claim_elsewhere(tmp_path).returncode == 0


def test_whether_one_runs_can_be_asked(tmp_path):
    assert driver.running_since(tmp_path / "none") is None
    driver.claim(RUN, tmp_path)
    assert driver.running_since(tmp_path) == (tmp_path / "driver.json").stat().st_mtime
    os.close(driver._held.pop())
    assert driver.running_since(tmp_path) is None


@pytest.mark.parametrize(
    "reading", ["-n", "-np", "--dry-run", "--unlock", "--summary", "--report=x"]
)
def test_who_only_reads_is_not_refused(folder, reading):
    driver.claim([*RUN, reading], folder)
    assert json.loads((folder / "driver.json").read_text()) == OTHER


def test_a_killed_driver_s_lock_says_what_to_type(folder):
    with pytest.raises(InputError, match=r"process 4711 .* was killed. Type: snakemake --unlock"):
        driver.claim(RUN, folder)
    (folder / "locks" / "0.output.lock").unlink()
    driver.claim(RUN, folder)
    assert json.loads((folder / "driver.json").read_text())["pid"] == os.getpid()


def test_a_lock_of_another_machine_may_be_a_living_one(folder):
    (folder / "driver.json").write_text(json.dumps({**OTHER, "host": "login2"}))
    with pytest.raises(InputError, match=r"runs here or was killed. Look on login2; where it no"):
        driver.claim(RUN, folder)


def test_a_lock_by_nobody_known_is_told_too(folder):
    (folder / "driver.json").unlink()
    with pytest.raises(InputError, match=r"another snakemake was killed"):
        driver.claim(RUN, folder)


def test_without_locks_a_driver_drives_all_the_same(tmp_path, lockless):
    driver.claim(RUN, tmp_path, study="open")
    assert driver.holds()
    assert driver.running_since(tmp_path) == (tmp_path / "driver.json").stat().st_mtime
    known = driver.known(tmp_path)
    assert (known["pid"], known["study"], known["state"]) == (os.getpid(), "open", "running")
    driver.release()
    assert not driver.holds()
    driver.claim(RUN, tmp_path)


def test_without_locks_what_another_driver_wrote_keeps_the_second_out(folder, lockless):
    write(folder)
    with pytest.raises(InputError, match=rf"runs here\. Wait .* kill -INT {os.getppid()}"):
        driver.claim(RUN, folder)
    write(folder, started="1")
    with pytest.raises(InputError, match=r"was killed\. Type: snakemake --unlock"):
        driver.claim(RUN, folder)
    (folder / "locks" / "0.output.lock").unlink()
    assert driver.running_since(folder) is None
    driver.claim(RUN, folder)
    assert driver.known(folder)["pid"] == os.getpid()


def test_who_looks_leaves_the_stamps_of_a_driver_that_runs(tmp_path, capsys):
    assert not driver.yields("open", tmp_path)
    write(tmp_path)
    assert driver.yields("open", tmp_path) and not driver.yields("mini", tmp_path)
    assert f"process {os.getppid()} on" in capsys.readouterr().err
    write(tmp_path, started="1")
    assert not driver.yields("open", tmp_path), "it has ended"
    driver.claim(RUN, tmp_path, study="open")
    assert not driver.yields("open", tmp_path), "its own"


def test_a_machine_without_slurm_submits_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    driver.claim([*RUN, "-n"], tmp_path, submits=True)
    with pytest.raises(InputError, match=r"no sbatch on this machine. Start it on a login node"):
        driver.claim(RUN, tmp_path, submits=True)
    driver.claim(RUN, tmp_path)
