"""Parts of a trial that need no finished study: drift, lock file, PDF text, nearness."""

import json
import re

import h5py
import numpy as np
import pytest

from posepaper.provenance.environment import LOCK, Environment
from posepaper.provenance.fingerprint import digest
from posepaper.provenance.links import Link
from posepaper.stages.trial import again, printed
from posepaper.stages.trial.today import Today

PATH = "results/s/metrics/e/seed0.json"


def stamp(settings=None, raw=None, parents=None, definitions=None, rule="evaluate_lifting") -> dict:
    settings = settings or {"experiment": "e", "seed": 0, "flip": True}
    parts = {
        "code": {"definitions": definitions or {"m:f": "1"}, "packages": {"numpy": "2.0"}},
        "rule": "run",
        "settings": digest(settings),
        "parents": parents or {"a.h5": "1"},
        "raw": raw or {},
    }
    job = {"rule": rule, "settings": settings, "target": PATH, "outputs": {"metrics": PATH}}
    return {"fingerprint": digest(parts), "parts": parts, "job": job}


def whole(**parts) -> dict:
    made = stamp(**parts)
    job = {"rule": made["job"]["rule"], "settings": made["job"]["settings"]}
    return {**job, "covers": made["parts"], "fingerprint": made["fingerprint"]}


def told(record: dict, planned: dict, imagined: dict | None = None) -> list[tuple]:
    plans = [{PATH: planned}, {PATH: imagined} if imagined else None]
    return [(f.verdict, f.why) for f in Today(*plans)(Link(PATH), record)]


DRIFT = {
    "nothing": ({}, {}, None, ""),
    "code": ({}, {"definitions": {"m:f": "2"}}, "behind", "m:f changed in meaning"),
    "a setting": (
        {},
        {"settings": {"experiment": "e", "seed": 0, "flip": False}},
        "stale",
        "setting flip is False, was True",
    ),
    "another input": (
        {},
        {"parents": {"b.h5": "1"}},
        "stale",
        "it would not be made from a.h5 any more; it would be made from b.h5 too",
    ),
    "only an input's plan": ({}, {"parents": {"a.h5": "2"}}, None, ""),
    "a raw file": ({"raw": {"r": "1"}}, {"raw": {"r": "2"}}, "stale", "raw file r changed"),
    "another experiment": (
        {},
        {"settings": {"experiment": "f", "seed": 0, "flip": True}},
        "broken",
        "its record is of experiment e, the study makes it with f",
    ),
    "another rule": (
        {},
        {"rule": "evaluate_pose2d"},
        "broken",
        "its record is of rule evaluate_lifting, the study makes it by evaluate_pose2d",
    ),
}


@pytest.mark.parametrize("case", DRIFT)
def test_what_changed_since_has_its_verdict(case):
    then, now, verdict, why = DRIFT[case]
    assert told(whole(**then), stamp(**now)) == ([(verdict, why)] if verdict else [])


def test_an_artefact_that_the_study_does_not_make_is_stale():
    (finding,) = Today({})(Link(PATH), whole())
    assert finding.verdict == "stale" and finding.why == "no job of the study makes it now"


def test_a_record_made_where_the_data_are_agrees_with_the_plan_as_if_they_were_here():
    """A reviewer without the licensed data sees other jobs planned, and no fault in that."""
    made = {"raw": {"data.npz": "1"}, "parents": {"a.h5": "1", "b.h5": "1"}}
    without = stamp(parents={"b.h5": "1"})
    there = stamp(raw={"data.npz": None}, parents={"a.h5": "", "b.h5": ""})
    del there["fingerprint"]
    assert [v for v, _ in told(whole(**made), without)] == ["stale"]
    assert told(whole(**made), without, there) == []


class Lock:
    """A store with a lock file alone."""

    def __init__(self, text: str):
        self.text = text

    def md5(self, path):
        return digest(self.text)[:32] if path == LOCK else None

    def size(self, path):
        return len(self.text)

    def read(self, path):
        return self.text.encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("numpy==2.0\ntorch==9+cpu  # x\n", ""),
        ("NumPy==2.1 ; python_version > '3'\n", "numpy 2.1, it was made with 2.0"),
        ("", ""),
    ],
)
def test_a_lock_file_counts_by_the_packages_a_job_reached(text, why):
    made = {**whole(), "machine": {"lock": "another"}}
    found = Environment(Lock(text))(Link(PATH), made)
    assert [f.verdict for f in found] == (["behind"] if why else [])
    assert not why or why in found[0].why


def cell(claimed="", value="", half="", numeric=True, name="a"):
    return {"claimed": claimed, "value": value, "half": half, "numeric": numeric, "address": name}


NARROW = {
    "wide": False, "roman": "II", "id": "p:table-2",
    "sections": [{"rows": [{
        "origin": "reproduced", "label": "PoseFormer",
        "cells": [cell("44.3", "709.0", "5.3", name="x"), cell(numeric=False, name="t"),
                  cell("28.5M", "0.2M", name="y")],
    }]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        ("PoseFormer 44.3 709.0±5.3 4+3 words 28.5M 0.2M", None),
        ("PoseFormer 44.3‡ 709.0=±5.3\nwords 28.5M\n0.2M", None),
        ("PoseFormer 44.3 70.9±5.3 words 28.5M 0.2M", "x"),
        ("PoseFormer 44.3 1709.0±5.3 words 28.5M 0.2M", "x"),
        ("PoseFormer 44.3 709.01±5.3 words 28.5M 0.2M", "x"),
        ("PoseFormer 44.3 709.0±5.4 words 28.5M 0.2M", "x"),
        ("PoseFormer 44.3 709.0±5.3 words 28.5M 0.3M", "y"),
        ("PoseFormer 43.3 709.0±5.3 words 28.5M 0.2M", "x"),
        ("PoseFormer 709.0±5.3 44.3 words 28.5M 0.2M", "x"),
        ("Martinez 44.3 709.0±5.3 words 28.5M 0.2M", "x"),
    ],
)
def test_a_row_of_a_pdf_has_each_number_in_its_place(line, odd):
    (row,) = NARROW["sections"][0]["rows"]
    ((start, wanted),) = printed._lines(NARROW, row)
    found = re.search(start + printed._pattern(wanted), line, re.DOTALL)
    assert bool(found) == (odd is None)
    assert odd is None or printed._first_absent(start, wanted, line)["address"] == odd


def archive(path, **arrays):
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            file[f"S9/{key}/positions"] = values.astype(np.float32)
    return path


def test_poses_are_equal_within_a_tolerance_but_for_strays(tmp_path):
    poses = np.random.default_rng(0).standard_normal((100, 17, 3))
    told = archive(tmp_path / "a.h5", walk=poses, sit=poses)
    moved = poses + 5e-6
    near = archive(tmp_path / "b.h5", walk=moved, sit=poses)
    assert again._odd(told, near, 0.0, None) and not again._odd(told, near, 1e-5, None)
    stray = poses.copy()
    stray[3, 4] += 1
    one = archive(tmp_path / "c.h5", walk=stray, sit=poses)
    assert not again._odd(told, one, 1e-5, None)
    far = archive(tmp_path / "d.h5", walk=poses, sit=poses + 1e-3)
    (why,) = again._odd(told, far, 1e-5, None)
    assert why == "S9/sit/positions by up to 0.001"
    some = archive(tmp_path / "e.h5", walk=poses)
    assert again._odd(told, some, 1e-5, None) == ["its arrays have other names or shapes"]
    assert not again._odd(told, some, 1e-5, ["S9/walk"])


def test_sequences_are_drawn_by_a_seed(tmp_path):
    poses = np.zeros((1, 17, 3))
    told = archive(tmp_path / "a.h5", **{f"take{n}": poses for n in range(40)})
    draws = [again._drawn(told, 0.1, seed) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2] and len(draws[0]) == 4
    assert len(again._drawn(told, 0.001, 0)) == 1


def test_numbers_are_near_by_their_own_size(tmp_path):
    def metrics(name, **values):
        path = tmp_path / name
        path.write_text(json.dumps({"values": values}))
        return path

    told = metrics("a.json", mpjpe=40.0, ap=0.0, none=None)
    assert not again._odd(told, metrics("b.json", mpjpe=40.03, ap=0.0005, none=None), 1e-3, None)
    odd = again._odd(told, metrics("c.json", mpjpe=40.05, ap=0.002, none=1.0), 1e-3, None)
    assert [why.partition(" ")[0] for why in odd] == ["ap", "mpjpe", "none"]
    assert again._odd(told, metrics("d.json", mpjpe=40.0, ap=0.0), 0.0, None) == []
