"""The shipped studies hold together, and a wrong setting is named before anything runs."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from posepaper import models
from posepaper.errors import InputError
from posepaper.experiments import load_study
from posepaper.stages.jobs import Builder
from posepaper.stages.plan import Plan

ROOT = Path(__file__).parents[1]
STUDIES = sorted(p.stem for p in (ROOT / "workflow/studies").glob("*.yaml"))


def test_the_studies_are_those_of_the_design():
    assert {"mini", "open", "paper", "smoke"} <= set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_every_experiment_of_a_study_has_a_network(name):
    study, made = load_study(name, ROOT), {}
    for experiment in study.experiments.values():
        given = experiment.model.model_dump_json()
        if given not in made:
            with torch.device("meta"):
                network = models.create(experiment.model.name, **experiment.model.options())
            made[given] = sum(p.numel() for p in network.parameters())
        assert made[given] > 0
        if experiment.kind == "lifting":
            assert experiment.source in study.keypoints and experiment.image is None
        else:
            assert experiment.image and experiment.source is None and experiment.boxes


@pytest.mark.parametrize("name", STUDIES)
def test_every_experiment_stands_on_data_it_can_read(name):
    study = load_study(name, ROOT)
    for experiment in study.experiments.values():
        assert experiment.data in study.datasets
        if experiment.source:
            assert study.keypoints[experiment.source].data == experiment.data


def rows():
    for file in sorted((ROOT / "report/papers").glob("*/table-*.yaml")):
        for row in yaml.safe_load(file.read_text(encoding="utf-8"))["rows"]:
            yield f"{file.parent.name}:{file.stem}:{row['id']}", row


def test_every_table_row_is_quoted_or_bound_to_an_experiment():
    known = load_study("paper", ROOT).experiments
    addresses = [address for address, _ in rows()]
    assert len(addresses) == len(set(addresses)) == 160
    for address, row in rows():
        if row["origin"] == "quoted":
            assert row.get("reason") and not row.get("experiment"), address
        else:
            assert row["experiment"] in known, address


def test_the_paper_study_changes_no_recipe():
    study = load_study("paper", ROOT)
    assert not any(study.scale.model_dump(exclude_defaults=True).values())
    assert study.experiments["lift/videopose3d-f243-cpn"].model.frames == 243
    assert study.experiments["pose2d/hrnet-w32"].image == (256, 192)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_plans_each_artefact_once(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = Plan({"study": name, "data": ["data", "../shared/data"]})
    outputs = plan.targets()
    assert len(outputs) == len(set(outputs))
    inputs = {p for job in plan.jobs for v in job.inputs.values() for p in _listed(v)}
    assert inputs <= set(outputs), "an input that no job makes"
    assert len(plan.targets("make_table")) == 2 * 21


def _listed(given):
    return [given] if isinstance(given, str) else given


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of all settings to be spoilt; the working directory."""
    for folder in ("workflow/studies", "workflow/experiments", "report/papers"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    load_study.cache_clear()
    yield tmp_path
    load_study.cache_clear()


POSE2D, LIFTING = "workflow/experiments/pose2d.yaml", "workflow/experiments/lifting.yaml"
SMOKE = "workflow/studies/smoke.yaml"
TABLE, FIGURES = "report/papers/lifting/table-9.yaml", "report/papers/gsam/figures.yaml"
MARTINEZ = "lift/martinez-cpn: {recipe: martinez, source: cpn, model: {name: martinez}}"


def martinez(**change):
    given = {"recipe": "martinez", "source": "cpn", "model": {"name": "martinez"}} | change
    return f"lift/martinez-cpn: {yaml.safe_dump(given, default_flow_style=True, width=999).strip()}"


FAULTS = {
    "unknown key of a study": (
        SMOKE, "seeds: 1", "seeds: 1\nsedes: 1", SMOKE, ["'sedes'", "'seeds'"]),
    "unknown key below a study": (
        SMOKE, "image: [64, 48]", "imag: [64, 48]", SMOKE, ["'scale.imag'", "'image'"]),
    "unknown setting in a scale": (
        SMOKE, "{epochs: 2, milestones", "{epocs: 2, milestones", SMOKE,
        ["'scale.training.pose2d.epocs'", "'epochs'"]),
    "unknown network in a scale": (
        SMOKE, "poseformer: {", "posformer: {", SMOKE, ["'posformer'", "'poseformer'"]),
    "a pattern that meets nothing": (
        SMOKE, "- lift/ours-f81-gt", "- lift/ours-f81-gd", SMOKE,
        ["'only'", "'lift/ours-f81-gd'", "'lift/ours-f81-gt'"]),
    "unknown key of an experiment": (
        LIFTING, MARTINEZ, martinez(sorce="cpn"), LIFTING,
        ["'experiments.lift/martinez-cpn.sorce'", "'source'"]),
    "unknown key of its model": (
        LIFTING, MARTINEZ, martinez(model={"name": "martinez", "chanels": 3}), LIFTING,
        ["martinez-cpn.model.chanels'", "'channels'"]),
    "unknown key of its training": (
        LIFTING, MARTINEZ, martinez(training={"bach": 3}), LIFTING,
        ["martinez-cpn.training.bach'", "'batch'"]),
    "unknown recipe": (
        LIFTING, MARTINEZ, martinez(recipe="martines"), LIFTING, ["'martines'", "'martinez'"]),
    "unknown protocol": (
        LIFTING, MARTINEZ, martinez(protocol="human3.6m"), LIFTING, ["'human3.6m'", "'human36m'"]),
    "unknown network": (
        LIFTING, MARTINEZ, martinez(model={"name": "martines"}), LIFTING,
        ["'martines'", "'martinez'"]),
    "2D source that does not exist": (
        LIFTING, MARTINEZ, martinez(source="cpm"), LIFTING, ["2D source 'cpm'", "'cpn'"]),
    "data role that does not exist": (
        LIFTING, MARTINEZ, martinez(data="pose3b"), LIFTING, ["data role 'pose3b'", "'pose3d'"]),
    "experiment named twice in one file": (
        LIFTING, MARTINEZ, f"{MARTINEZ}\n  {MARTINEZ}", LIFTING,
        ["'lift/martinez-cpn' stands twice"]),
    "experiment named in two files": (
        POSE2D, "pose2d/moganet-s: {recipe", "lift/martinez-cpn: {recipe", POSE2D,
        ["'lift/martinez-cpn'", "lifting.yaml"]),
    "2D source of no network": (
        SMOKE, "{experiment: pose2d/hrnet-w32}", "{experiment: pose2d/hrnet-w33}", SMOKE,
        ["'keypoints.hrnet-w32.experiment'", "'pose2d/hrnet-w33'", "'pose2d/hrnet-w32'"]),
    "2D source of no dataset": (
        SMOKE, "gt-3dhp: {data: mpi3dhp", "gt-3dhp: {data: mpi3hdp", SMOKE,
        ["'keypoints.gt-3dhp.data'", "'mpi3hdp'", "'mpi3dhp'"]),
    "table row naming no experiment": (
        TABLE, "experiment: lift/videopose3d-f243-cpn", "experiment: lift/videopose3d-f242-cpn",
        TABLE, ["'lift/videopose3d-f242-cpn'", "'lift/videopose3d-f243-cpn'"]),
    "not YAML": (SMOKE, "seeds: 1", "seeds: [1", SMOKE, ["is not valid YAML"]),
    "empty": (SMOKE, None, "", SMOKE, ["holds no keys"]),
    "no dataset for a role": (
        SMOKE, "  mpi3dhp: {reader", "  mpi3dph: {reader", SMOKE, ["'mpi3dph'", "'mpi3dhp'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_setting_is_one_line(project, case):
    path, old, new, named, parts = FAULTS[case]
    text = (project / path).read_text(encoding="utf-8")
    assert old is None or old in text
    (project / path).write_text(new if old is None else text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        Plan({"study": "smoke", "data": []})
    line = str(raised.value)
    assert line.startswith(f"{named}: ") and "\n" not in line and len(line) < 400
    assert all(part in line for part in parts), line
    assert not (project / "results").exists()


def test_an_unknown_study_is_one_line(project):
    with pytest.raises(InputError, match=r"studies/minni.yaml: is not there.*'mini'"):
        Plan({"study": "minni", "data": []})
    with pytest.raises(InputError, match=r"config.yaml: unknown key 'studdy'.*'study'"):
        Plan({"study": "mini", "studdy": "open"})


def test_a_figure_naming_no_experiment_is_one_line(project):
    layout = yaml.safe_load((project / FIGURES).read_text(encoding="utf-8"))
    figure = next(f for f in layout["figures"] if f.get("experiments"))
    figure["experiments"][0] = "lift/nobody"
    (project / FIGURES).write_text(yaml.safe_dump(layout), encoding="utf-8")
    with pytest.raises(InputError, match="no experiment 'lift/nobody'"):
        Plan({"study": "smoke", "data": []})


def test_a_scale_changes_what_it_names_only(project):
    smoke, paper = load_study("smoke"), load_study("paper")
    name = "lift/ours-f81-cpn"
    ours, full = smoke.experiments[name], paper.experiments[name]
    assert (ours.model.frames, full.model.frames) == (9, 81)
    assert ours.training.epochs == 2 and ours.training.lr == full.training.lr
    assert ours.model.drop_path == full.model.drop_path == 0.1
    assert ours.protocol == full.protocol and ours.source == full.source


PUBLISHED = "pose2d/hrnet-w48: {recipe: hrnet, model: {name: hrnet_w48}"


def test_published_weights_are_found_or_named(project):
    path = project / POSE2D
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(PUBLISHED, f"{PUBLISHED}, weights: w48.pth"), encoding="utf-8")
    paper = load_study("paper", project)
    dataset = paper.datasets["pose2d"]
    for name in dataset.files:
        file = project / "data" / dataset.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    config, name = {"study": "paper", "data": ["nowhere", "data"]}, "pose2d/hrnet-w48"
    assert Plan(config).builder.states[name] == "missing-data:weights/w48.pth"
    (project / "data/weights").mkdir()
    (project / "data/weights/w48.pth").touch()
    jobs = [j for j in Plan(config).jobs if j.wildcards.get("experiment") == name]
    assert [j.rule for j in jobs] == ["train_pose2d", "predict_pose2d", "evaluate_pose2d"]
    assert jobs[0].raw == {"weights/w48.pth": "data/weights/w48.pth"} and not jobs[0].inputs
    assert "training" not in jobs[0].settings


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("weights: ../w48.pth", "weights"),
        ("weights: a.pth, backbone: b.pth", "exclude each other"),
        ("wieghts: a.pth", "'weights'"),
    ],
)
def test_wrong_weights_are_one_line(project, more, fault):
    path = project / POSE2D
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(PUBLISHED, f"{PUBLISHED}, {more}"), encoding="utf-8")
    with pytest.raises(InputError, match=fault):
        load_study("paper", project)


def test_protocol_choices_travel_with_the_settings():
    study = load_study("paper", ROOT)
    by_name = {e.protocol.name: e.protocol for e in study.experiments.values()}
    human36m, mpi3dhp = by_name["human36m"], by_name["mpi3dhp"]
    assert (human36m.root, human36m.mpjve_weight, human36m.flip) == ("predicted", "T-1", True)
    assert (mpi3dhp.root, mpi3dhp.pck_joints, mpi3dhp.flip) == ("zero", 14, True)


@pytest.mark.parametrize(("name", "source"), [("paper", "gt-3dhp"), ("open", "cpn")])
def test_keypoints_without_a_file_of_their_own_are_read_from_the_dataset(name, source, tmp_path):
    study = load_study(name, ROOT)
    dataset = study.datasets[study.keypoints[source].data]
    for file in dataset.files:
        (tmp_path / dataset.folder).mkdir(exist_ok=True)
        (tmp_path / dataset.folder / file).touch()
    jobs = Builder(study, [str(tmp_path)]).jobs()
    made = [j for j in jobs if j.rule == "prepare_keypoints"]
    assert set(next(j for j in made if j.wildcards["source"] == source).raw) == set(dataset.files)
