"""A real SLURM for the tests of this folder, and the smoke study run on it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _module(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_slurm = _module("cluster_slurm", HERE / "slurm.py")
_study = _module("cluster_study", HERE / "study.py")
_module("cluster_faults", HERE / "faults.py")
_copies = _module("workflow_copies", HERE.parent / "workflow" / "conftest.py")
shared, once, snapshot = _copies.shared, _copies.once, _copies.snapshot
finished = _copies.finished

# One network without dropout or batch norm, for which sharing a batch changes only roundings.
SHARING = {"alone": "", "pair": "devices: 2", "quartet": "devices: 2, nodes: 2"}
RECIPE = """
  lift/{name}:
    recipe: poseformer-detected
    source: cpn
    model: {{name: poseformer, frames: 81, drop_path: 0}}
    training: {{{devices}}}
"""
# To be hit: of one network and one seed, so that all end in the same weights.
HIT = """
  lift/{name}:
    recipe: martinez
    source: cpn
    model: {{name: martinez, channels: 64}}
    training: {{{devices}}}
"""

FOUR = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """The cluster, up; skips where this machine cannot have one."""
    cluster = _slurm.Cluster(tmp_path_factory.mktemp("slurm"))
    with pytest.MonkeyPatch.context() as patch:
        # This machine's name need not have an address.
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        # Its GPUs are files without a device.
        patch.setenv("POSEPAPER_CPU", "1")
        try:
            cluster.up()
        except _slurm.Unavailable as error:
            pytest.skip(str(error))
        yield cluster
        cluster.down()


def _command(*words) -> tuple[str, ...]:
    return ("snakemake", "--profile", "slurm", *words, "--config", "study=smoke")


@pytest.fixture(scope="session")
def on_slurm(slurm):
    """``on_slurm(copy, *words)``: Snakemake with the profile slurm on the smoke study."""
    return lambda copy, *words: copy.run(*_command(*words))


@pytest.fixture(scope="module")
def drive(slurm):
    """``drive(copy, *words)``: the same in the background; the process and its log."""
    started = []

    def start(copy, *words):
        log = copy.root / f"driver-{os.urandom(4).hex()}.log"
        paths = {"PYTHONPATH": str(copy.root / "src")}
        paths["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with open(log, "w") as stream:
            started.append(
                # Started in the background, a test run ignores Ctrl-C, and so would all it starts.
                subprocess.Popen(
                    ("env", "--default-signal=INT", *_command(*words)),
                    cwd=copy.root, env={**os.environ, **paths},
                    stdout=stream, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip
        return started[-1], log

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def beside():
    """A thread for what is begun beside what waits for SLURM."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(scope="session")
def local(finished, beside):
    """The smoke study run without SLURM, a Future."""
    return beside.submit(finished, "first")


@pytest.fixture(scope="session", autouse=True)
def undisturbed(slurm, local, beside, tmp_path_factory):
    """The checkpoint of four processes that torchrun alone started here, a Future of its bytes.

    Begun at once, for the first tests here leave the processors idle.
    """

    def make():
        copy = local.result().duplicate(tmp_path_factory.mktemp("undisturbed") / "copy")
        _add_those_to_be_hit(copy)
        target = _study.Study(copy).target("foursome")
        assert copy.snakemake(target, "-n").returncode == 0
        done = copy.run(sys.executable, *FOUR, "-m", "posepaper.stages.train", target)
        assert done.returncode == 0, done.stdout
        made = (copy.root / target).read_bytes()
        shutil.rmtree(copy.root)
        return made

    return beside.submit(make)


@pytest.fixture(scope="session")
def submitted(on_slurm, snapshot, tmp_path_factory):
    """(copy, Snakemake's output) of the smoke study run on the cluster, three trainings added."""
    copy = snapshot.duplicate(tmp_path_factory.mktemp("cluster") / "submitted")
    file = copy.root / "workflow/experiments/lifting.yaml"
    recipes = [RECIPE.format(name=name, devices=given) for name, given in SHARING.items()]
    file.write_text(file.read_text(encoding="utf-8") + "".join(recipes), encoding="utf-8")
    names = "".join(f"\n  - lift/{name}" for name in SHARING)
    copy.edit("workflow/studies/smoke.yaml", "only:", f"only:{names}")
    done = on_slurm(copy, "all")
    assert done.returncode == 0, done.stdout[-5000:]
    return copy, done.stdout


@pytest.fixture(scope="session")
def tools():
    """The module study.py."""
    return _study


@pytest.fixture(scope="session")
def struck(submitted, tmp_path_factory):
    """A study of trainings to be hit by faults, and what it runs in; see study.py."""
    copy = submitted[0].duplicate(tmp_path_factory.mktemp("faults") / "struck")
    _add_those_to_be_hit(copy)
    yield _study.Study(copy)
    shutil.rmtree(copy.root)


def _add_those_to_be_hit(copy) -> None:
    file = copy.root / "workflow/experiments/lifting.yaml"
    recipes = [HIT.format(name=n, devices=_study.DEVICES.get(n, "")) for n in _study.NAMES]
    file.write_text(file.read_text(encoding="utf-8") + "".join(recipes), encoding="utf-8")
    names = "".join(f"\n  - lift/{name}" for name in _study.NAMES)
    copy.edit("workflow/studies/smoke.yaml", "only:", f"only:{names}")
    longer = f"lifting: {{epochs: {_study.EPOCHS}, batch: 16,"
    copy.edit("workflow/studies/smoke.yaml", "lifting: {epochs: 2, batch: 64,", longer)


@pytest.fixture
def spare(submitted, tmp_path):
    """A copy of the submitted study, to be spoilt."""
    copy = submitted[0].duplicate(tmp_path / "spare")
    yield copy
    shutil.rmtree(copy.root)
