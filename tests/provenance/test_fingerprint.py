"""What the stages of this package reach, and the rules' commands."""

import fnmatch
from pathlib import Path

import pytest

from posepaper.provenance import fingerprint
from posepaper.stages import choices, dag

ROOT = Path(__file__).parents[2]
MODELS = {
    "hrnet": {"name": "hrnet_w32"},
    "hrnet with attention": {"name": "hrnet_w32", "attention": [[1, 1]]},
    "poseformer": {"name": "poseformer"},
    "plain ours": {"name": "gsam", "sam": "none", "tam": "none"},
    "ours": {"name": "gsam", "sam": "after_msa", "tam": "none"},
}


def own(rule: str, **settings) -> set[str]:
    """What a job of a rule reaches in this package, as its fingerprint has it."""
    return set(dag.code(rule, settings)["definitions"])


@pytest.mark.parametrize(
    ("rule", "settings", "reached", "unreached"),
    [
        ("train_lifting", MODELS["poseformer"], "models.poseformer:PoseFormer", "evaluation.*"),
        ("train_lifting", MODELS["poseformer"], "training.loop:fit", "models.attention:*"),
        ("train_lifting", MODELS["poseformer"], "data.layout:read_poses", "models.hrnet:*"),
        (
            "train_lifting",
            MODELS["plain ours"],
            "models.gsam:GSAM",
            "*:SequenceAttention",
        ),
        ("train_lifting", MODELS["ours"], "*:SequenceAttention", "*:ImageAttention"),
        ("train_pose2d", MODELS["hrnet"], "models.hrnet:HRNet", "*:ImageAttention"),
        ("train_pose2d", MODELS["hrnet"], "training.augmentation:draw", "evaluation.*"),
        ("train_pose2d", MODELS["hrnet with attention"], "*:SpatialAttention", "*:PoseFormer"),
    ],
)
def test_a_training_reaches_its_own_network_and_no_metric(rule, settings, reached, unreached):
    found = own(rule, model=settings)
    assert fnmatch.filter(found, f"posepaper.{reached}")
    assert not fnmatch.filter(found, f"posepaper.{unreached}")


@pytest.mark.parametrize("reader", ["human36m", "mpi_inf_3dhp", "cmu"])
@pytest.mark.parametrize("rule", ["prepare_poses", "prepare_keypoints"])
def test_a_dataset_reaches_its_own_reader(rule, reader):
    found = own(rule, reader=reader)
    for other in ("human36m", "mpi_inf_3dhp", "cmu"):
        readers = set(fnmatch.filter(found, f"posepaper.data.{other}:*"))
        assert bool(readers) == (other == reader)


def test_a_figure_reaches_its_own_kind():
    found = own("make_figure", figure={"kind": "curves"})
    assert "posepaper.reporting.figures:_curves" in found
    assert not {"posepaper.reporting.figures:_actions", "posepaper.reporting.figures:_bars"} & found


def test_a_diagram_reaches_the_networks_it_shows():
    """Made from a network, so an edit of that network has to draw it again."""
    models = {"a": MODELS["hrnet"] | {"attention": [[1, 1]]}, "b": {"name": "gsam"}}
    found = own("make_figure", figure={"kind": "architecture"}, models=models)
    networks = {"hrnet:HRNet", "attention:ImageAttention", "gsam:GSAM", "poseformer:Block"}
    assert {f"posepaper.models.{name}" for name in networks} < found
    assert not fnmatch.filter(found, "posepaper.models.videopose3d:*")
    plain = own(
        "make_figure", figure={"kind": "architecture"}, models={"b": {"name": "poseformer"}}
    )
    assert not fnmatch.filter(plain, "posepaper.models.attention:*")
    assert not fnmatch.filter(own("make_figure", figure={"kind": "failures"}), "posepaper.models*")


def test_a_protocol_reaches_its_own_metrics():
    found = own("evaluate_lifting", protocol={"kind": "mpi3dhp"})
    metrics = {n.partition(":")[2] for n in found if n.startswith("posepaper.evaluation.metrics:")}
    assert metrics == {"AUC_THRESHOLDS", "auc", "checked", "joint_errors", "mpjpe", "pck"}


def test_choices_name_what_is_there():
    names = [value for key, value in vars(choices).items() if key.isupper()]
    assert len(names) == 9
    for name in names:
        module, _, definition = name.partition(":")
        assert definition in fingerprint.installed().modules.table(module)["definitions"], name


def test_plumbing_lies_outside():
    """And names modules that there are."""
    assert set(fingerprint.PLUMBING) <= set(fingerprint.installed().modules.names)
    for rule, settings in (("train_pose2d", {"model": MODELS["hrnet"]}), ("make_report", {})):
        found = own(rule, **settings)
        assert not {n for n in found if fingerprint.is_plumbing(n.partition(":")[0])}


def test_every_package_that_is_reached_is_installed():
    for rule in ("train_pose2d", "prepare_crops", "evaluate_pose2d", "make_table", "make_report"):
        settings = {"model": MODELS["hrnet"]} if rule == "train_pose2d" else {}
        packages = dag.code(rule, settings)["packages"]
        assert packages and "absent" not in packages.values()


def test_a_digest_knows_no_key_order():
    assert fingerprint.digest({"a": 1, "b": [1, 2]}) == fingerprint.digest({"b": [1, 2], "a": 1})
    assert fingerprint.digest({"a": [1, 2]}) != fingerprint.digest({"a": [2, 1]})


RULE = """
rule first:
    input:
        "a",
    output:
        "b",
    shell:
        "python -m first {output:q}"
        " --flag"


rule second:  # the other
    shell:
        "python -m second"
"""


def test_a_rule_s_text_is_its_command(tmp_path):
    file = tmp_path / "x.smk"

    def text(content, rule="first"):
        file.write_text(content)
        return fingerprint.rule_text(file, rule)

    first = text(RULE)
    assert first == '"python -m first {output:q}" " --flag"'
    assert text(RULE, "second") == '"python -m second"' and text(RULE, "third") == ""
    assert text(RULE.replace('"a"', '"other input"')) == first
    assert text(RULE.replace("    shell:", "    # why\n    shell:")) == first
    assert text(RULE.replace('        " --flag"', '\n        # why\n        " --flag"')) == first
    assert text(RULE.replace("--flag", "--other")) != first
    assert text(RULE.replace("-m second", "-m third")) == first


def test_every_rule_that_makes_an_artefact_has_its_text():
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        lines = file.read_text(encoding="utf-8").splitlines()
        for name in (line[5:-1] for line in lines if line.startswith("rule ")):
            assert "posepaper.stages." in fingerprint.rule_text(file, name), name
