"""Two drivers in one folder, and a driver that was killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

TARGET = "results/smoke/checkpoints/lift/ours-f81-gt/seed0.safetensors"


@pytest.fixture
def long(second, tmp_path):
    """A finished study of which one training is stale, and takes half a minute."""
    copy = second.duplicate(tmp_path / "long")
    study = copy.root / "workflow/studies/smoke.yaml"
    text = study.read_text(encoding="utf-8")
    old = "lifting: {epochs: 2, batch: 64, threads: 1, samples_per_epoch: 256}"
    assert old in text
    study.write_text(text.replace(old, old.replace("epochs: 2,", "epochs: 300,")), encoding="utf-8")
    return copy


def start(copy):
    """Snakemake in the background, once its training writes in the run folder."""
    command = [sys.executable, "-m", "snakemake", TARGET, "--cores", "2"]
    process = subprocess.Popen(
        [*command, "--config", "study=smoke"],
        cwd=copy.root,
        env=copy.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not leases(copy):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.1)
    return process


def leases(copy):
    return list((copy.root / "results/smoke/runs").rglob("lease.json"))


def test_a_second_driver_is_refused_and_a_killed_one_s_training_is_not_repeated(long):
    driver = start(long)
    try:
        refused = long.snakemake(TARGET)
        assert refused.returncode
        assert f"process {driver.pid} on" in refused.stdout
        assert "runs here" in refused.stdout
        assert "Traceback" not in refused.stdout
        (lease,) = leases(long)
        trainer = json.loads(lease.read_text(encoding="utf-8"))["pid"]
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        os.kill(trainer, 0)
        locked = long.snakemake(TARGET)
        assert locked.returncode and "was killed. Type: snakemake --unlock" in locked.stdout
        assert long.snakemake("--unlock").returncode == 0
        again = long.snakemake(TARGET)
        assert again.returncode == 0, again.stdout
        assert f"process {trainer} on" in again.stdout and "trains on from an" in again.stdout
        log = long.root / "results/smoke/logs/train/lift/ours-f81-gt/seed0.log"
        assert "step" not in log.read_text(encoding="utf-8"), "it trained again"
    finally:
        driver.kill()
    assert not leases(long) and (long.root / TARGET).exists()
