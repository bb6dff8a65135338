"""What jobs ask of a cluster, from recipe, study and site."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import (
    get_forbidden_slurm_options,
    validate_slurm_extra,
)
from snakemake_interface_common.exceptions import WorkflowError

from posepaper.config.cluster import load_site
from posepaper.errors import InputError
from posepaper.experiments import load_study
from posepaper.stages.cluster import LOCAL_RULES, Cluster, profile_of
from posepaper.stages.plan import Plan

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[2]
SITE = "workflow/profiles/slurm/site.yaml"
RECIPES = "workflow/experiments/lifting.yaml"
STUDY = "workflow/studies/smoke.yaml"
OURS = {"experiment": "lift/ours-f81-cpn", "seed": "0"}


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def cluster(profile="slurm"):
    load_study.cache_clear()
    return Cluster(Plan({"study": "smoke"}), profile)


def devices(given: str) -> None:
    """Sets ``devices`` and ``nodes`` of ours."""
    old = "lift/ours-f81-cpn:\n    recipe: ours\n"
    edit(RECIPES, old, f"{old}    training: {{{given}}}\n")


def ask(given: Cluster, rule: str, wildcards: dict, attempt: int = 1) -> dict:
    """The resources of a job, as Snakemake will have them."""
    found = {
        name: value(wildcards, attempt) if callable(value) else value
        for name, value in given.resources(rule).items()
    }
    return {name: value for name, value in found.items() if value is not None}


def test_a_network_gets_a_gpu_and_a_reader_none():
    assert ask(cluster(), "train_lifting", OURS) == {
        "slurm_partition": "gpu", "gres": "gpu:1", "cpus_per_task": 1, "mem_mb": 4000,
        "runtime": 30, "slurm_extra": "--requeue --open-mode=append --signal=USR1@120",
    }  # fmt: skip
    assert ask(cluster(), "prepare_world", {}) == {
        "slurm_partition": "cpu", "cpus_per_task": 2, "mem_mb": 4000, "runtime": 30,
        "slurm_extra": "--requeue --open-mode=append",
    }  # fmt: skip
    assert cluster().launch("train_lifting")(OURS) == "python"


def test_published_weights_need_no_gpu_and_no_training_time():
    edit(RECIPES, "lift/ours-f81-cpn:\n", "lift/ours-f81-cpn:\n    weights: ours.bin\n")
    Path("data/weights").mkdir(parents=True)
    Path("data/weights/ours.bin").touch()
    load_study.cache_clear()
    given = Cluster(Plan({"study": "smoke", "data": "data"}), "slurm")
    assert ask(given, "train_lifting", OURS)["slurm_partition"] == "cpu"
    assert ask(given, "predict_lifting", OURS)["gres"] == "gpu:1"


def test_memory_and_time_grow_with_the_attempt_up_to_the_site_s():
    edit(STUDY, "only:", "needs: {train: {memory: 10000, minutes: 400}}\nonly:")
    asked = [ask(cluster(), "train_lifting", OURS, attempt) for attempt in (1, 2, 3)]
    assert [a["mem_mb"] for a in asked] == [10000, 20000, 32000]
    assert [a["runtime"] for a in asked] == [400, 800, 1440]


def test_needs_follow_stage_then_rule_then_network():
    needs = "{train: {memory: 2000, minutes: 10}, train_lifting: {epoch_minutes: 40, workers: 3},"
    edit(STUDY, "only:", f"needs: {needs} gsam: {{memory: 3000}}}}\nonly:")
    asked = ask(cluster(), "train_lifting", OURS)
    assert (asked["mem_mb"], asked["runtime"], asked["cpus_per_task"]) == (3000, 10 + 2 * 40, 1 + 3)
    other = {"experiment": "lift/poseformer-f81-cpn", "seed": "0"}
    assert ask(cluster(), "train_lifting", other)["mem_mb"] == 2000


def test_devices_of_one_node_share_an_epoch_and_start_by_torchrun():
    edit(STUDY, "only:", "needs: {train: {epoch_minutes: 100, minutes: 5}}\nonly:")
    devices("devices: 2")
    asked = ask(cluster(), "train_lifting", OURS)
    assert asked == {
        "slurm_partition": "gpu", "gres": "gpu:2", "cpus_per_task": 2, "mem_mb": 8000,
        "runtime": 5 + 2 * 100 // 2,
        "slurm_extra": "--requeue --open-mode=append --signal=USR1@120",
    }  # fmt: skip
    start = cluster().launch("train_lifting")(OURS)
    assert start == "python -m posepaper.training.launch --standalone --nproc-per-node=2"


def test_several_nodes_start_by_srun_one_task_each():
    devices("devices: 2, nodes: 2")
    edit(SITE, "type: null", "type: a100")
    asked = ask(cluster(), "train_lifting", OURS)
    assert asked["gres"] == "gpu:a100:2" and asked["mem_mb"] == 8000
    for name, value in {"nodes": 2, "tasks": 2, "tasks_per_gpu": 0, "mpi": "srun"}.items():
        assert asked[name] == value
    start = cluster().launch("train_lifting")(OURS)
    assert re.match(r"srun --nodes=2 --ntasks=2 .*--gres=gpu:a100:2 .*--nnodes=2 ", start)
    assert "--rdzv-backend=c10d" in start


def test_one_machine_ignores_the_site_and_the_devices():
    devices("devices: 64")
    Path(SITE).unlink()
    given = cluster(profile=None)
    assert set(given.resources("train_lifting")) == {"mem_mb"}
    assert given.launch("train_lifting")(OURS) == "python"
    assert profile_of(None) is None and profile_of({}) is None


def test_the_number_of_devices_is_in_the_fingerprint():
    before = cluster().plan.find("train_lifting", OURS)
    fingerprint = cluster().plan.fingerprints[before.target]
    devices("devices: 2")
    assert cluster().plan.fingerprints[before.target] != fingerprint


def test_account_qos_and_options_reach_every_job():
    edit(SITE, "account: null", "account: vision")
    edit(SITE, "extra: null", "extra: --mail-type=FAIL")
    asked = ask(cluster(), "prepare_world", {})
    assert asked["slurm_account"] == "vision" and asked["slurm_extra"].endswith(" --mail-type=FAIL")
    assert "qos" not in asked


def test_a_training_is_warned_of_its_time_limit_at_most_a_tenth_of_its_time_before():
    edit(STUDY, "only:", "needs: {train: {minutes: 4}}\nonly:")
    edit(SITE, "extra: null", "extra: --signal=TERM@300 --no-requeue")
    extra = ask(cluster(), "train_lifting", OURS)["slurm_extra"]
    # Of an option named twice sbatch takes the latter, here the site's.
    assert extra.split()[2:] == ["--signal=USR1@24", "--signal=TERM@300", "--no-requeue"]


@pytest.mark.parametrize(
    ("recipe", "needs", "line"),
    [
        ("devices: 4", "{}", "lift/ours-f81-cpn asks for 4 GPUs a node of 2"),
        (
            "",
            "{gsam: {memory: 64000}}",
            "needs 64000 MB, partition gpu has 32000",
        ),
        ("devices: 2", "{gsam: {memory: 17000}}", "needs 34000 MB, partition gpu has 32000"),
    ],
)
def test_more_than_the_site_has_is_refused_before_anything_is_submitted(recipe, needs, line):
    devices(recipe)
    edit(STUDY, "only:", f"needs: {needs}\nonly:")
    with pytest.raises(InputError, match=line):
        cluster()


def test_mistyped_keys_are_named_with_the_nearest():
    edit(SITE, "cpu, max_minutes", "cpu, max_minuts")
    with pytest.raises(InputError, match=r"'cpu.max_minuts'. Nearest valid: 'max_minutes'"):
        load_site()
    edit(STUDY, "only:", "needs: {train_liftin: {memory: 2000}}\nonly:")
    with pytest.raises(InputError, match=r"no 'train_liftin'. Nearest valid: 'train_lifting'"):
        cluster(None)


# Long and short, as the plugin's patterns spell them.
FORBIDDEN = [
    o for pattern in get_forbidden_slurm_options() for o in re.findall(r"--?[\w-]+", pattern)
]


@pytest.mark.parametrize("option", FORBIDDEN)
def test_an_option_that_the_plugin_refuses_is_refused_with_the_site(option):
    extra = f"{option}=1" if option.startswith("--") else f"{option} 1"
    with pytest.raises(WorkflowError):
        validate_slurm_extra(SimpleNamespace(resources=SimpleNamespace(slurm_extra=extra)))
    edit(SITE, "extra: null", f'extra: "--exclude=n7 {extra} --nice=5"')
    with pytest.raises(InputError) as refused:
        load_site()
    assert str(refused.value).startswith(f"{SITE}: key 'extra': Snakemake's SLURM executor sets ")
    assert f" sets {option} itself and refuses it here. Remove it; " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_quotes_left_open_in_extra_are_one_line():
    edit(SITE, "extra: null", """extra: --mail-user="me""")
    with pytest.raises(InputError, match=r"key 'extra': no closing quotation\. Close the quotes"):
        load_site()


def test_what_nodes_must_have_is_a_partition_s_own():
    edit(SITE, "gpu: {", 'gpu: {constraint: "a100&ib", ')
    assert ask(cluster(), "train_lifting", OURS)["constraint"] == "a100&ib"
    assert "constraint" not in ask(cluster(), "prepare_world", {})


@pytest.mark.parametrize("kind", ["2080ti", "1g.10gb", "nvidia_a100_3g.20gb", "a-100", "a100:2"])
def test_a_gpu_s_type_is_what_the_plugin_takes(kind):
    edit(SITE, "type: null", f'type: "{kind}"')
    gres = f"gpu:{kind}:1"
    job = SimpleNamespace(resources=SimpleNamespace(gres=gres, get={"gres": gres}.get))
    if kind in ("a-100", "a100:2"):
        with pytest.raises(InputError, match=r"key 'gpu\.type': string should match pattern"):
            load_site()
        with pytest.raises(WorkflowError):
            set_gres_string(job)
    else:
        assert load_site().gpu.type == kind
        assert set_gres_string(job) == f" --gres={gres}"


def test_a_profile_without_a_site_is_one_line():
    Path(SITE).unlink()
    with pytest.raises(InputError, match=r"site.yaml: is not there"):
        cluster()


def test_the_snakefile_runs_beside_itself_what_never_queues():
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    block = re.search(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE)[1]
    assert set(re.findall(r"\w+", block)) == {"all", "draft", *LOCAL_RULES}
