"""A bundle is read safely, and what it says of itself is held against its bytes."""

import copy
import hashlib
import json
import re
import stat
import struct
import warnings
import zipfile
import zlib

import pytest

from posepaper.errors import InputError
from posepaper.provenance import run_crate
from posepaper.provenance.crate import METADATA, Crate

CODE = {
    "Snakefile": b"rule all:\n",
    "README.md": b"# Poses\n",
    "config.yaml": b"study: tiny\n",
    "workflow/studies/tiny.yaml": b"title: tiny\n",
    "envs/lock.txt": b"numpy==2.4.6\n",
}
METRICS = "results/tiny/metrics/lift/a/seed0.json"
CHECKPOINT = "results/tiny/checkpoints/lift/a/seed0.safetensors"
TABLE = "results/tiny/tables/lifting/table-1.json"
ABOUT = {
    "name": "tiny",
    "title": "a tiny study",
    "note": "",
    "configs": ["config.yaml"],
    "results": [TABLE],
    "commit": "c" * 40,
    "dirty": False,
    "snakemake": "9.27.1",
    "author": "A. Author",
}
MACHINE = {"host": "vm", "cpu": "a cpu", "gpus": [], "slurm_job": None, "lock": "f" * 32}


def described(content: bytes) -> dict:
    return {
        "size": len(content),
        "md5": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def record(rule: str, path: str, content: bytes, inputs: dict[str, bytes], second: int) -> dict:
    """A record as the jobs write them, as far as a crate reads it."""
    files = {p: {"path": p, **_two(c)} for p, c in inputs.items()}
    return {
        "rule": rule,
        "target": path,
        "seed": 0,
        "fingerprint": "a" * 64,
        "inputs": files,
        "raw": {},
        "outputs": {"it": {"path": path, **_two(content)}},
        "git": {"commit": "c" * 40, "dirty": True},
        "machine": MACHINE,
        "start": f"2026-11-21T10:00:{second:02d}.000001+00:00",
        "end": f"2026-11-21T10:00:{second:02d}.500001+00:00",
        "peak_memory_bytes": 1000,
    }


def _two(content: bytes) -> dict:
    known = described(content)
    return {"md5": known["md5"], "size": known["size"]}


def contents() -> tuple[dict[str, bytes], list[dict]]:
    """Every file of a crate but its metadata, and the records of its jobs."""
    weights, numbers, table = b"weights" * 9, b'{"values": {}}', b'{"rows": []}'
    records = [
        record("train_lifting", CHECKPOINT, weights, {}, 1),
        record("evaluate_lifting", METRICS, numbers, {CHECKPOINT: weights}, 2),
        record("make_table", TABLE, table, {METRICS: numbers}, 3),
    ]
    kept = {**CODE, METRICS: numbers, TABLE: table}
    for made in records:
        kept[f"{made['target']}.record.json"] = json.dumps(made).encode()
    return kept, records


def metadata(kept: dict, records: list[dict]) -> dict:
    return run_crate.metadata(ABOUT, {p: described(c) for p, c in kept.items()}, records)


def pack(file, entries: dict, told=None):
    """A zip of entries (names or ZipInfos), with the metadata first where there is any."""
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        if told is not None:
            archive.writestr(METADATA, told if isinstance(told, str) else json.dumps(told))
        for name, content in entries.items():
            archive.writestr(name, content)
    return file


@pytest.fixture
def crate(tmp_path):
    kept, records = contents()
    return pack(tmp_path / "a.zip", kept, metadata(kept, records))


def faults(file) -> list[str]:
    return [str(fault) for fault in Crate(file).faults()]


def test_a_whole_crate_has_no_faults_and_gives_its_bytes(crate):
    store = Crate(crate)
    assert list(store.faults()) == [] and store.studies == ["tiny"]
    assert store.read("Snakefile") == CODE["Snakefile"] == store.local("Snakefile").read_bytes()
    assert store.md5(METRICS) == described(contents()[0][METRICS])["md5"]
    assert store.size(METRICS) == 14 and store.paths("envs") == ["envs/lock.txt"]
    assert store.md5(CHECKPOINT) is store.read(CHECKPOINT) is store.size(CHECKPOINT) is None
    assert store.local(CHECKPOINT) is None
    assert store.promises(CHECKPOINT) and not store.promises("results/tiny/other")


def test_the_same_contents_are_told_the_same_way():
    one, other = (json.dumps(metadata(*contents())) for _ in range(2))
    assert one == other


def test_a_job_is_told_with_what_it_read_and_made():
    graph = {e["@id"]: e for e in metadata(*contents())["@graph"]}
    job = graph[f"#job/{METRICS}"]
    md5 = described(b"weights" * 9)["md5"]
    assert job["@type"] == "CreateAction" and job["result"] == {"@id": METRICS}
    assert {"@id": f"#{CHECKPOINT}@{md5}"} in job["object"]
    assert graph[f"#{CHECKPOINT}@{md5}"]["contentSize"] == "63"
    assert job["startTime"] == "2026-11-21T10:00:02.000+00:00"
    assert "with uncommitted changes" in job["description"]
    assert graph[METRICS]["sha256"] == described(b'{"values": {}}')["sha256"]


def test_a_flipped_bit_is_found_in_the_file_it_is_in(crate):
    with zipfile.ZipFile(crate) as archive:
        entry = archive.getinfo(METRICS)
    data = bytearray(crate.read_bytes())
    data[entry.header_offset + 30 + len(METRICS) + 4] ^= 4
    crate.write_bytes(data)
    assert faults(crate) == [f"{METRICS}: is damaged: its bytes are not those that were packed"]
    assert Crate(crate).read(METRICS) is None


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (
            lambda kept, told: kept.update({METRICS: b"{}"}),
            f"{METRICS}: is not as {METADATA} lists",
        ),
        (lambda kept, told: kept.pop("README.md"), "README.md: .* lists it, but it is not inside"),
        (lambda kept, told: kept.update({"x.py": b""}), "x.py: is inside, but .* does not list it"),
        (
            lambda kept, told: told[f"#job/{METRICS}"].update(startTime="2020"),
            f"{METRICS}: {METADATA} tells its job otherwise than its record",
        ),
        (
            lambda kept, told: told[f"#job/{METRICS}"].update(object={"@id": "#other@0"}),
            f"{METRICS}: {METADATA} tells its job otherwise than its record",
        ),
        (
            lambda kept, told: told[f"#job/{METRICS}"].update({"@id": "#job/results/tiny/else"}),
            f"{METRICS}: {METADATA} tells its job otherwise than its record",
        ),
        (
            lambda kept, told: told["./"].update({"@id": "#job/results/tiny/else"}),
            f"results/tiny/else: {METADATA} tells of its job, no record does",
        ),
    ],
)
def test_what_does_not_agree_is_named(tmp_path, spoil, fault):
    kept, records = contents()
    told = copy.deepcopy(metadata(kept, records))
    spoil(kept, {entity["@id"]: entity for entity in told["@graph"]})
    found = faults(pack(tmp_path / "b.zip", kept, told))
    assert found and any(re.match(fault, line) for line in found), found


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"../evil": b""}, "leads outside, '../evil'"),
        ({"a/../../evil": b""}, "leads outside"),
        ({"/etc/passwd": b""}, "leads outside"),
        ({"C:/evil": b""}, "leads outside"),
        ({"a//b": b""}, "no plain path"),
        ({"a\nb": b""}, "no plain path, 'a%0Ab'"),
        ({link("a"): b"/etc/passwd"}, "a link"),
        ({"a": b"", "a/b": b""}, "a file that is a folder too, 'a'"),
    ],
)
def test_unsafe_names_are_refused_before_anything_is_read(tmp_path, entries, fault):
    file = pack(tmp_path / "c.zip", entries, {"@graph": []})
    with pytest.raises(InputError, match=fault) as refused:
        Crate(file)
    assert "\n" not in str(refused.value)


def test_a_backslash_leads_outside_too(tmp_path):
    file = pack(tmp_path / "c.zip", {"aXb": b""}, {"@graph": []})
    file.write_bytes(file.read_bytes().replace(b"aXb", b"a\\b"))
    with pytest.raises(InputError, match="leads outside"):
        Crate(file)


def test_two_entries_of_one_name_are_refused(tmp_path):
    file = pack(tmp_path / "c.zip", {"aXb": b"1", "aYb": b"2"}, {"@graph": []})
    file.write_bytes(file.read_bytes().replace(b"aYb", b"aXb"))
    with pytest.raises(InputError, match="two entries 'aXb'"):
        Crate(file)


def test_a_bomb_is_refused_by_what_it_claims(tmp_path):
    file = pack(tmp_path / "c.zip", {f"bomb{n}": b"0" for n in range(2)}, {"@graph": []})
    data = bytearray(file.read_bytes())
    place = 0
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        struct.pack_into("<I", data, place + 24, 0xFFFF_FF00)
        place += 4
    file.write_bytes(data)
    with pytest.raises(InputError, match="unpacks to 13 GB"):
        Crate(file)


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_claims(tmp_path):
    kept, records = contents()
    kept["bomb"] = b"0" * 50_000_000
    file = pack(tmp_path / "c.zip", kept, metadata({**kept, "bomb": b"0"}, records))
    data = bytearray(file.read_bytes())
    place = data.find(b"bomb", data.find(b"PK\x01\x02")) - 46
    struct.pack_into("<I", data, place + 24, 1)
    file.write_bytes(data)
    assert Crate(file).read("bomb") is None
    assert faults(file) == ["bomb: is damaged: its bytes are not those that were packed"]


def test_other_packings_and_encryption_are_refused(tmp_path):
    kept, records = contents()
    file = tmp_path / "c.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(METADATA, json.dumps(metadata(kept, records)))
    with pytest.raises(InputError, match="packed in a way"):
        Crate(file)
    pack(file, {}, {"@graph": []})
    data = bytearray(file.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(data)
    with pytest.raises(InputError, match="encrypted"):
        Crate(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x05\x06" + b"\0" * 10, zlib.compress(b"x"), b"PK\x03\x04" * 40],
)
def test_what_is_no_zip_is_one_line(tmp_path, content):
    (tmp_path / "d.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"d\.zip: is no zip file\. Name a bundle"):
        Crate(tmp_path / "d.zip")
    with pytest.raises(InputError, match="is not there"):
        Crate(tmp_path / "e.zip")
    with pytest.raises(InputError, match="is no zip file"):
        Crate(tmp_path)


@pytest.mark.parametrize(
    "told",
    [None, "no json", "[]", '{"@graph": [1]}', '{"@graph": [{"@id": "a"}]}', "[" * 100_000],
)
def test_without_metadata_a_zip_is_no_bundle(tmp_path, told):
    file = pack(tmp_path / "d.zip", {"a": b""}, told)
    with pytest.raises(InputError, match=METADATA):
        Crate(file)


def test_a_truncated_bundle_is_no_zip(crate):
    crate.write_bytes(crate.read_bytes()[:-40])
    with pytest.raises(InputError, match="is no zip file"):
        Crate(crate)
