"""A small study, real in git and DVC, whose files are words; a folder and a bucket for it."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from posepaper import files
from posepaper.stages import diff, storage, track

CELL = {"claimed": 1.0, "ci": None, "n_seeds": 1, "status": "ok", "verdict": None, "sources": []}
BASE = "results/smoke"


def table(value: float) -> dict:
    column = {"id": "avg", "label": "Avg.", "unit": "mm", "better": "lower"}
    row = {"id": "ours", "label": "Our", "origin": "reproduced"}
    rows = [{**row, "cells": {"avg": {**CELL, "value": value}}}]
    return {"paper": "lifting", "table": 1, "columns": [column], "rows": rows}


class Toy:
    """A clone whose smoke study is one number and the checkpoint it came from.

    What is asked of it runs in this process, in the clone's folder.
    """

    def __init__(self, root: Path):
        self.root = root
        self.table = root / BASE / "tables/lifting/table-1.json"
        self.checkpoint = root / BASE / "checkpoints/lift/ours/seed0.safetensors"

    def sh(self, *command) -> str:
        """A command that must succeed; what it prints."""
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def dvc(self, *words) -> str:
        return self.sh(Path(sys.executable).with_name("dvc"), *words)

    def state(self, value: float, weights: str) -> str:
        """Makes both files, tracks them; the checkpoint's md5."""
        files.write_json(self.table, table(value))
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self.checkpoint.write_text(weights)
        with contextlib.chdir(self.root):
            track.track("smoke")
        return files.md5(self.checkpoint)

    def edit(self, words: str) -> None:
        """Changes the code."""
        with open(self.root / "config.yaml", "a") as stream:
            stream.write(f"# {words}\n")

    def commit(self, words: str, *, tag: str = "") -> None:
        """Changes the code and commits all that is changed."""
        self.edit(words)
        self.sh("git", "commit", "-qam", words)
        if tag:
            self.sh("git", "tag", tag)

    def push(self) -> dict:
        with contextlib.chdir(self.root):
            return storage.push("smoke")

    def pull(self, rev: str = "") -> dict:
        with contextlib.chdir(self.root):
            return storage.pull("smoke", rev=rev)

    def gc(self, remote: str = "", **options) -> dict:
        with contextlib.chdir(self.root):
            return storage.collect(remote, **options)

    def value_at(self, rev: str) -> float:
        """The number at a commit, as ``posepaper diff`` reads it against one that differs."""
        now = self.table.read_bytes()
        files.write_json(self.table, table(-1.0))
        with contextlib.chdir(self.root):
            (number,) = diff.compare("smoke", rev)["numbers"]
        self.table.write_bytes(now)
        assert number["address"] == "lifting:table-1:ours:avg" and number["new"] == -1.0
        return number["old"]

    def cached(self, md5: str) -> bool:
        return (self.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").exists()


@pytest.fixture
def toy(clone, monkeypatch):
    """A clone of this project with a :class:`Toy` study."""
    for key in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{key}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "tests@example.org")
    return Toy(clone.root)


@pytest.fixture
def fresh(toy, tmp_path):
    """``fresh()``: a new clone of the toy's repository."""

    def get() -> Toy:
        toy.sh("git", "clone", "-q", toy.root, tmp_path / "fresh")
        return Toy(tmp_path / "fresh")

    return get


@pytest.fixture(scope="module")
def bucket():
    """An S3 server on this machine: the URL of a bucket and the server's address."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
    address = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="posepaper-tests")
    yield "s3://posepaper-tests", address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def remote(request, tmp_path, monkeypatch):
    """``remote(toy)``: gives a clone a default remote, a folder or a bucket."""
    url, address = str(tmp_path / "store"), None
    if request.param == "s3":
        url, address = request.getfixturevalue("bucket")
        url += f"/{tmp_path.name}"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "tests")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def add(toy: Toy) -> None:
        lines = ["[core]", "remote = store", "['remote \"store\"']", f"url = {url}"]
        lines += [f"endpointurl = {address}"] if address else []
        (toy.root / ".dvc/config.local").write_text("\n".join(lines) + "\n")

    return add
