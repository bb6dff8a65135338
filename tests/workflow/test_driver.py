"""Two drivers in one folder, and a driver that was killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from posepaper import files, lease

TARGET = "results/smoke/checkpoints/lift/ours-f81-gt/seed0.safetensors"


@pytest.fixture
def stale(second, tmp_path):
    """A finished study of which one training is stale."""
    copy = second.duplicate(tmp_path / "stale")
    copy.edit("workflow/studies/smoke.yaml", "lifting: {epochs: 2,", "lifting: {epochs: 5,")
    return copy


def start(copy, log):
    """Snakemake in the background."""
    command = [sys.executable, "-m", "snakemake", TARGET, "--cores", "2"]
    with open(log, "w") as stream:
        return subprocess.Popen(
            [*command, "--config", "study=smoke"],
            cwd=copy.root,
            env=copy.environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_for(found, process):
    """What ``found`` returns as soon as it is true, while a process runs."""
    end = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    return value


def leases(copy):
    return list((copy.root / "results/smoke/runs").rglob("lease.json"))


def test_a_dry_run_beside_a_driver_leaves_its_stamps(clone):
    def stamps() -> dict:
        paths = (clone.root / "results/smoke/stamps").rglob("*.json")
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}

    assert clone.snakemake("all", "-n").returncode == 0
    planned = stamps()
    # The driver that runs is this process.
    told = {**lease.me(), "since": "2026-11-21T10:00:00", "study": "smoke", "submits": True}
    files.write_json(clone.root / ".snakemake/driver.json", {**told, "command": "snakemake all"})
    clone.edit("workflow/studies/smoke.yaml", "lifting: {epochs: 2,", "lifting: {epochs: 5,")
    done = clone.snakemake("all", "-n")
    assert done.returncode == 0 and f"process {os.getpid()} on" in done.stdout, done.stdout
    assert planned and stamps() == planned
    (clone.root / ".snakemake/driver.json").unlink()
    assert clone.snakemake("all", "-n").returncode == 0
    assert stamps() != planned


def test_a_second_driver_is_refused_and_a_killed_one_s_training_is_not_repeated(stale, tmp_path):
    driver = start(stale, tmp_path / "driver.log")
    (lease,) = wait_for(lambda: leases(stale), driver)
    trainer = json.loads(lease.read_text(encoding="utf-8"))["pid"]
    # It shall not end before all has been seen.
    os.kill(trainer, signal.SIGSTOP)
    try:
        refused = stale.snakemake(TARGET)
        assert refused.returncode
        assert f"process {driver.pid} on" in refused.stdout
        assert "runs here" in refused.stdout
        assert "Traceback" not in refused.stdout
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        locked = stale.snakemake(TARGET)
        assert locked.returncode and "was killed. Type: snakemake --unlock" in locked.stdout
        assert stale.snakemake("--unlock").returncode == 0
        again, log = start(stale, tmp_path / "again.log"), tmp_path / "again.log"
        wait_for(lambda: f"process {trainer} on" in log.read_text(encoding="utf-8"), again)
    finally:
        os.kill(trainer, signal.SIGCONT)
        driver.kill()
    code, told = again.wait(120), log.read_text(encoding="utf-8")
    assert code == 0 and "trains on from an" in told, told
    log = stale.root / "results/smoke/logs/train/lift/ours-f81-gt/seed0.log"
    assert "step" not in log.read_text(encoding="utf-8"), "it trained again"
    assert not leases(stale) and (stale.root / TARGET).exists()
