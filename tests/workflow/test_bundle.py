"""``snakemake bundle``: official, small, the same every time, checked with nothing else at hand."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from posepaper import files
from posepaper.provenance.crate import METADATA

VALIDATOR = Path(__file__).with_name("crate") / "validator.py"
BUNDLE = "results/smoke/bundle/smoke.crate.zip"
ADDRESS = "lifting:table-2:p1-ours:avg"
METRICS = "results/smoke/metrics/lift/ours-f81-cpn/seed0.json"
CHECKPOINT = METRICS.replace("metrics", "checkpoints").replace(".json", ".safetensors")
TABLE = "results/smoke/tables/lifting/table-2.json"
PAGE = "results/smoke/report/index.html"
CODE = "src/posepaper/evaluation/metrics.py"


@pytest.fixture(scope="module")
def bundled(once, second):
    """A finished smoke study with its bundle; to be read only."""

    def make(folder):
        copy = second.duplicate(folder)
        done = copy.snakemake("bundle")
        assert done.returncode == 0, done.stdout[-5000:]

    return once("bundled", make)


@pytest.fixture(scope="module")
def file(bundled, tmp_path_factory) -> Path:
    """The bundle alone, in a folder that has nothing else."""
    return Path(shutil.copy(bundled.root / BUNDLE, tmp_path_factory.mktemp("alone")))


@pytest.fixture
def audit(bundled):
    """``audit(file, *words)``: exit code and answer, asked where there are no results."""

    def ask(file: Path, *words):
        command = ["posepaper", "audit", "--bundle", str(file), "--json", *words]
        done = subprocess.run(
            command, cwd=file.parent, env=bundled.environment, capture_output=True, text=True
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return ask


def unpack(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(content: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file


def relist(content: dict[str, bytes], *paths: str) -> None:
    """Forges the manifest to agree with changed files."""
    told = json.loads(content[METADATA])
    for entity in told["@graph"]:
        if entity["@id"] in paths:
            data = content[entity["@id"]]
            md5, sha256 = (hashlib.new(name, data).hexdigest() for name in ("md5", "sha256"))
            entity.update(md5=md5, sha256=sha256, contentSize=str(len(data)))
    content[METADATA] = json.dumps(told).encode()


def rerecord(content: dict[str, bytes], path: str) -> None:
    """Forges a file's record, and what the metadata tells of its job, to agree with its bytes."""
    old = json.loads(content[f"{path}.record.json"])
    before = next(o["md5"] for o in old["outputs"].values() if o["path"] == path)
    md5, size = hashlib.md5(content[path]).hexdigest(), len(content[path])
    for output in old["outputs"].values():
        if output["path"] == path:
            output.update(md5=md5, size=size)
    records = [f"{o['path']}.record.json" for o in old["outputs"].values()]
    for name in records:
        content[name] = files.dump_json(old).encode()
    content[METADATA] = content[METADATA].replace(before.encode(), md5.encode())
    relist(content, path, *records)


def test_the_official_validator_finds_nothing(file):
    """Provenance Run Crate, and with it Workflow Run, Process Run and RO-Crate 1.1."""
    command = [sys.executable, str(VALIDATOR), str(file), "provenance-run-crate-0.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_official_validator_would_find_something(file, tmp_path):
    content = unpack(file)
    told = json.loads(content[METADATA])
    for entity in told["@graph"]:
        if entity["@id"] == f"#job/{METRICS}":
            del entity["instrument"]
    content[METADATA] = json.dumps(told).encode()
    del content["README.md"]
    spoilt = pack(content, tmp_path / "spoilt.zip")
    command = [sys.executable, str(VALIDATOR), str(spoilt), "provenance-run-crate-0.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = " ".join(message for _, message in json.loads(done.stdout.splitlines()[-1]))
    assert "README.md" in found and "instrument" in found


def test_it_holds_results_records_code_and_hashes(bundled, file):
    content = unpack(file)
    assert file.stat().st_size < 1e7 and next(iter(content)) == METADATA
    heavy = {p for p in content if p.endswith((".safetensors", ".h5", ".avi", ".npz"))}
    assert not heavy
    for path in (METRICS, TABLE, PAGE, CODE, "Snakefile", "config.yaml", "envs/lock.txt"):
        assert content[path] == (bundled.root / path).read_bytes()
    there = {str(p.relative_to(bundled.root)) for p in bundled.root.glob("results/smoke/*/**/*")}
    records = {p for p in there if p.endswith(".record.json")}
    assert records - {"results/smoke/costs.json.record.json"} <= content.keys()
    told = {e["@id"]: e for e in json.loads(content[METADATA])["@graph"]}
    md5 = files.md5(bundled.root / CHECKPOINT)
    assert told[f"#{CHECKPOINT}@{md5}"]["contentSize"] == str(files.size(bundled.root / CHECKPOINT))
    listed = {i for i, e in told.items() if "File" in e["@type"] and not i.startswith("#")}
    assert listed == content.keys() - {METADATA}


def test_bundled_twice_it_has_the_same_bytes_and_is_then_up_to_date(bundled):
    before, path = files.md5(bundled.root / BUNDLE), bundled.root / BUNDLE
    assert "Nothing to be done" in bundled.snakemake("bundle").stdout
    times = os.stat(path).st_mtime_ns
    done = bundled.run("python", "-m", "posepaper.stages.bundle", "smoke")
    assert done.returncode == 0 and os.stat(path).st_mtime_ns > times
    assert files.md5(path) == before


def test_a_whole_bundle_is_found_whole_and_its_numbers_unverifiable(file, audit):
    code, answer = audit(file)
    assert code == 0 and answer["bundle"]["verdict"] == "proven" and answer["bundle"]["why"] == []
    assert answer["bundle"]["records"] > 100 and answer["bundle"]["elsewhere"] > 20
    code, answer = audit(file, "--all")
    assert code == 1 and len(answer["numbers"]) == answer["bundle"]["numbers"] > 50
    assert {number["verdict"] for number in answer["numbers"]} == {"unverifiable"}
    code, answer = audit(file, ADDRESS)
    links = {link["path"]: link for link in answer["links"]}
    assert code == 1 and links[METRICS]["verdict"] == links[TABLE]["verdict"] == "proven"
    assert links[CHECKPOINT]["verdict"] == "unverifiable"
    assert links[CHECKPOINT]["why"] == ["its bytes are not here: verified record, not recomputed"]


def metrics(content):
    content[METRICS] = content[METRICS].replace(b'"values"', b'"value5"')
    return METRICS, f"is not as {METADATA} lists it"


def metrics_and_manifest(content):
    metrics(content)
    relist(content, METRICS)
    return METRICS, "its bytes are not its record's"


def metrics_manifest_and_record(content):
    metrics(content)
    rerecord(content, METRICS)
    return METRICS, "is not what was used"


def table_and_record(content):
    """A better number, with manifest and record forged to agree."""
    table = json.loads(content[TABLE])
    row = next(r for r in table["rows"] if r["id"] == "p1-ours")
    row["cells"]["avg"]["value"] = 43.1
    content[TABLE] = files.dump_json(table).encode()
    rerecord(content, TABLE)
    return TABLE, "shows value 43.1, its metrics and layout give"


def page_and_record(content):
    text = content[PAGE].decode()
    place = text.index(f'id="{ADDRESS}"')
    cell = re.sub(
        r'data-value="[^"]*"', 'data-value="43.1 mm"', text[place : place + 2000], count=1
    )
    content[PAGE] = (text[:place] + cell + text[place + 2000 :]).encode()
    rerecord(content, PAGE)
    return PAGE, f"prints {ADDRESS} as 43.1"


def checkpoint_record(content):
    """The claim that other weights were measured."""
    name = f"{CHECKPOINT}.record.json"
    made = json.loads(content[name])
    made["outputs"]["checkpoint"]["md5"] = "0" * 32
    content[name] = files.dump_json(made).encode()
    relist(content, name)
    return CHECKPOINT, "is not what was used"


def code(content):
    content[CODE] += b"\nIMPROVED = 1\n"
    return CODE, f"is not as {METADATA} lists it"


def absent_record(content):
    del content[f"{CHECKPOINT}.record.json"]
    return f"{CHECKPOINT}.record.json", "lists it, but it is not inside"


def table_of_another_form(content):
    content[TABLE] = b'{"rows": 1}'
    rerecord(content, TABLE)
    return TABLE, "cannot be checked"


@pytest.mark.parametrize(
    "spoil",
    [
        *(metrics, metrics_and_manifest, metrics_manifest_and_record, table_and_record),
        *(page_and_record, checkpoint_record, code, absent_record, table_of_another_form),
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_tampering_is_broken_and_the_file_is_named(file, audit, tmp_path, spoil):
    content = unpack(file)
    path, why = spoil(content)
    code, answer = audit(pack(content, tmp_path / "spoilt.zip"), "--all")
    assert code == 1 and answer["bundle"]["verdict"] == "broken"
    told = [line for line in answer["bundle"]["why"] if line.startswith(f"{path}: ")]
    assert any(why in line for line in told), answer["bundle"]["why"]


def test_a_spoilt_bundle_is_broken_whatever_is_asked(file, audit, tmp_path):
    content = unpack(file)
    table_of_another_form(content)
    spoilt = pack(content, tmp_path / "spoilt.zip")
    assert [audit(spoilt, *words)[0] for words in ((), (ADDRESS,), ("--all",))] == [1, 1, 1]


def test_code_that_did_not_make_the_numbers_is_behind(file, audit, tmp_path):
    content = unpack(file)
    old = b"def mpjpe("
    assert old in content[CODE]
    content[CODE] = content[CODE].replace(old, b"def mpjpe(*_):\n    return 43.1\n\n\ndef _old(", 1)
    relist(content, CODE)
    code, answer = audit(pack(content, tmp_path / "spoilt.zip"), ADDRESS)
    found = [why for why in answer["why"] if "evaluation.metrics:mpjpe" in why]
    assert code == 1 and found[0].startswith(f"behind: {METRICS}: the code inside is not that")


def test_without_code_inside_every_link_is_behind(file, audit, tmp_path):
    content = {n: c for n, c in unpack(file).items() if not n.startswith("src/")}
    code, answer = audit(pack(content, tmp_path / "spoilt.zip"), ADDRESS)
    assert code == 1 and any(METRICS in why and "nothing is inside" in why for why in answer["why"])


def test_what_is_no_bundle_is_one_line_and_exit_code_2(file, audit, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    code, said = audit(tmp_path / "a.zip")
    assert code == 2 and "is no zip file" in said and said.count("\n") == 1
    code, said = audit(pack({"../evil": b"", METADATA: b"{}"}, tmp_path / "b.zip"))
    assert code == 2 and "leads outside" in said and said.count("\n") == 1
    code, said = audit(file, "lifting:table-2:p1-our:avg")
    assert code == 2 and "Nearest: 'p1-ours'" in said and said.count("\n") == 1


def test_a_signed_bundle_says_who_signed(file, audit, bundled, tmp_path):
    key, bundle = tmp_path / "key", Path(shutil.copy(file, tmp_path))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    kind, public, *_ = (tmp_path / "key.pub").read_text().split()
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"ann@example.org {kind} {public}\n")
    code, answer = audit(bundle, "--signers", str(signers))
    assert code == 1 and "is signed by nobody listed" in answer["bundle"]["why"][0]
    done = bundled.run("posepaper", "sign", bundle, "--key", key)
    assert done.returncode == 0, done.stdout
    code, answer = audit(bundle, "--signers", str(signers))
    assert code == 0 and answer["bundle"]["signed_by"] == "ann@example.org"
    content = unpack(bundle)
    pack(content, bundle)
    code, answer = audit(bundle, "--signers", str(signers))
    assert code == 1 and answer["bundle"]["signed_by"] is None


def test_what_changed_since_its_record_is_not_bundled(again):
    path = again.root / METRICS
    path.write_bytes(path.read_bytes() + b"\n")
    done = again.run("python", "-m", "posepaper.stages.bundle", "smoke")
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert f"{METRICS}: changed since its record" in done.stdout
    assert not (again.root / BUNDLE).exists()
