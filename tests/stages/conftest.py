"""What tests of plans share."""

import shutil
from pathlib import Path

import pytest

from posepaper.experiments import load_study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of all settings and of the committed rates, as the working directory."""
    for folder in ("workflow", "report", "benchmarks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    load_study.cache_clear()
    yield tmp_path
    load_study.cache_clear()
