"""Settings: what is refused, in which words."""

from typing import get_args

import pytest

from posepaper import config, models
from posepaper.config import Config, Experiment, Study, nearest, parse, read_yaml
from posepaper.errors import InputError

TRAINING = {"lr": 0.1, "epochs": 1, "batch": 2, "threads": 1}
PROTOCOL = {"name": "p", "kind": "mpi3dhp", "flip": True, "root": "zero"}
EXPERIMENT = {
    "name": "lift/x", "kind": "lifting", "model": {"name": "gsam"}, "data": "pose3d",
    "training": TRAINING, "protocol": PROTOCOL,
}  # fmt: skip
STUDY = {
    "name": "s", "title": "t", "note": "n", "seeds": 1, "datasets": {}, "keypoints": {},
    "verdicts": {"tolerance": {}},
}  # fmt: skip


def test_every_network_can_be_configured():
    assert set(get_args(config.Network)) == set(models.list())


def test_options_left_out_keep_the_network_s_own():
    model = parse(config.Model, {"name": "gsam", "frames": 9, "sam": "none"}, "f")
    assert model.options() == {"frames": 9, "sam": "none"}


FAULTS = [
    (Experiment, EXPERIMENT, {"sorce": "cpn"}, "unknown key 'sorce'", "'source'"),
    (
        Experiment,
        EXPERIMENT,
        {"model": {"name": "gsamm"}},
        "key 'model.name': no 'gsamm'",
        "'gsam'",
    ),
    (
        Experiment,
        EXPERIMENT,
        {"model": {"name": "gsam", "sam": "after_mas"}},
        "key 'model.sam': no 'after_mas'",
        "'after_msa'",
    ),
    (
        Experiment,
        EXPERIMENT,
        {"model": {"name": "gsam", "drop_pth": 0.1}},
        "unknown key 'model.drop_pth'",
        "'drop_path'",
    ),
    (Experiment, EXPERIMENT, {"training": TRAINING | {"lr": 0}}, "key 'training.lr'", "0"),
    (
        Experiment,
        EXPERIMENT,
        {"training": TRAINING | {"lr": "fast"}},
        "key 'training.lr'",
        "'fast'",
    ),
    (
        Experiment,
        EXPERIMENT,
        {"training": TRAINING | {"epoch": 3}},
        "unknown key 'training.epoch'",
        "'epochs'",
    ),
    (
        Experiment,
        EXPERIMENT,
        {"protocol": PROTOCOL | {"flp": 1}},
        "unknown key 'protocol.mpi3dhp.flp'",
        "'flip'",
    ),
    (
        Experiment,
        EXPERIMENT,
        {"protocol": PROTOCOL | {"kind": "mpi3hp"}},
        "key 'protocol': no 'mpi3hp'",
        "'mpi3dhp'",
    ),
    (Experiment, EXPERIMENT, {"name": "Lift X"}, "key 'name'", "'Lift X'"),
    (Study, STUDY, {"seeds": 0}, "key 'seeds'", "0"),
    (Study, STUDY, {"datasets": {"pose4d": {}}}, "no 'pose4d'", "'pose3d'"),
    (
        Study,
        STUDY,
        {"datasets": {"pose3d": {"samples": {"train": 0}}}},
        "key 'datasets.pose3d.samples.train'",
        "0",
    ),
    (
        Study,
        STUDY,
        {"keypoints": {"cpn": {"fil": "x"}}},
        "unknown key 'keypoints.cpn.fil'",
        "'file'",
    ),
    (
        Study,
        STUDY,
        {"scale": {"models": {"hrnet_w3": {}}}},
        "key 'scale.models.hrnet_w3': no 'hrnet_w3'",
        "'hrnet_w32'",
    ),
    (Config, {"study": "mini"}, {"studdy": "open"}, "unknown key 'studdy'", "'study'"),
]


@pytest.mark.parametrize(("kind", "whole", "change", "what", "hint"), FAULTS)
def test_a_fault_is_one_line_that_says_where_and_what_would_do(kind, whole, change, what, hint):
    parse(kind, whole, "some.yaml")
    with pytest.raises(InputError) as raised:
        parse(kind, whole | change, "some.yaml", "top")
    line = str(raised.value)
    assert line.startswith("some.yaml: ") and "\n" not in line
    assert what.replace("key '", "key 'top.") in line or what in line
    assert hint in line


def test_a_mistyped_key_is_named_before_the_one_it_leaves_missing():
    given = {k: v for k, v in STUDY.items() if k != "title"} | {"titel": "t"}
    with pytest.raises(InputError, match=r"unknown key 'titel'. Nearest valid: 'title'"):
        parse(Study, given, "f")
    with pytest.raises(InputError, match=r"key 'seeds' is missing. Add it"):
        parse(Study, {k: v for k, v in STUDY.items() if k != "seeds"}, "f")


def test_nearest_is_the_most_similar_or_all():
    assert nearest("gasm", ["martinez", "gsam"]) == "gsam"
    assert nearest("zzz", ["martinez", "gsam"]) == "martinez, gsam"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: 1\nb: [\n", "is not valid YAML"),
        ("a: !!python/object/apply:os.system [true]\n", "is not valid YAML"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        ("", "holds no keys"),
        ("- a\n- b\n", "holds no keys"),
        ("a: 1\nb: {c: 1, d: 2, c: 3}\n", "key 'c' stands twice (block at line 2)"),
        (None, "is not there. Nearest valid: 'open'"),
    ],
)
def test_a_bad_yaml_file_is_one_line(tmp_path, text, what):
    (tmp_path / "open.yaml").write_text("a: 1")
    file = tmp_path / "opne.yaml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as raised:
        read_yaml(file)
    line = str(raised.value)
    assert line.startswith(f"{file}: ") and what in line and "\n" not in line


def test_yaml_is_read_as_written(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: &x {b: 1}\nc: *x\nd: 1.5\n")
    assert read_yaml(file) == {"a": {"b": 1}, "c": {"b": 1}, "d": 1.5}
