"""Pre-emption, and a driver that is interrupted or killed: nothing is lost, nothing runs twice.

One of two nodes takes no jobs, so that of three trainings two run and one waits.
"""

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

NAMES = ("drive1", "drive2", "drive3")


@pytest.fixture(scope="module")
def seen(struck, tools, slurm, drive):
    """What three drivers said, one after the other, and what became of their jobs."""
    seen = SimpleNamespace(study=struck)
    words = [struck.target(name) for name in (*NAMES, tools.SERENE)]
    words.append("--slurm-keep-successful-logs")
    drain = ("scontrol", "update", "NodeName=n2")
    tools.slurm_says(*drain, "State=DRAIN", "Reason=test")
    try:
        driver, log = drive(struck.copy, *words)
        seen.driver = driver
        preempt(seen, tools)
        interrupt(seen, tools, driver)
        seen.first = log.read_text()
        driver, log = drive(struck.copy, *words)
        seen.driver = driver
        with two(seen, tools, 14) as (running, waiting):
            driver.kill()
            driver.wait()
            seen.second, seen.killed = log.read_text(), driver.pid
            seen.locked = struck.copy.run(*driver.args).stdout
            seen.unlocked = struck.copy.run("snakemake", "--unlock", "--config", "study=smoke")
            own = ("--parsable", f"--chdir={struck.root}", "--mem=100", "--partition=cpu")
            foreign = tools.slurm_says("sbatch", *own, "--output=/dev/null", "--wrap=sleep 900")
            driver, log = drive(struck.copy, *words)
            tools.wait_for(lambda: log.read_text().count("of an earlier run") == 3)
            seen.running, seen.waiting = running, waiting
        tools.slurm_says(*drain, "State=RESUME")
        seen.code, seen.third = driver.wait(tools.SECONDS), log.read_text()
        seen.foreign = tools.state(foreign)
        tools.slurm_says("scancel", foreign)
    finally:
        subprocess.run((*drain, "State=RESUME"), check=False, capture_output=True)
    return seen


@contextlib.contextmanager
def two(seen, tools, epoch: int) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """(the two that run, the one that waits), by name their jobs; those that run are stopped."""
    jobs = tools.wait_for(lambda: submitted(seen), what="three jobs")
    running = tools.wait_for(lambda: running_of(jobs, tools), what="two of them to run")
    # None may end while another is on its way.
    tools.wait_for(lambda: seen.study.stop(running, epoch), what=f"epoch {epoch} of both")
    with contextlib.ExitStack() as stack:
        held = {name: stack.enter_context(seen.study.held(name, epoch))[0] for name in running}
        yield held, {name: job for name, job in jobs.items() if name not in held}


def submitted(seen) -> dict[str, str]:
    assert seen.driver.poll() is None, "the driver has ended"
    found = {name: seen.study.job(name) for name in NAMES}
    return found if all(found.values()) else {}


def running_of(jobs: dict[str, str], tools) -> list[str]:
    found = [name for name, job in jobs.items() if tools.state(job) == "RUNNING"]
    return found if len(found) == 2 else []


def preempt(seen, tools) -> None:
    """A job of a partition of higher priority takes the GPUs of both, for a moment."""
    with two(seen, tools, 2) as (running, _):
        share = ("--partition=urgent", "--nodelist=n1", "--gres=gpu:2", "--mem=100")
        words = ("sbatch", "--parsable", *share, "--output=/dev/null", "--wrap=sleep 900")
        urgent = tools.slurm_says(*words)
        tools.wait_for(lambda: all(preempted(tools, job) for job in running.values()))
    tools.wait_for(lambda: tools.state(urgent) == "RUNNING", what="the urgent job")
    seen.preempted = {
        name: (tools.state(job), tools.restarts(job)) for name, job in running.items()
    }
    tools.slurm_says("scancel", urgent)


def preempted(tools, job: str) -> bool:
    shown = tools.slurm_says("scontrol", "show", "job", job)
    return "Restarts=0" not in shown or re.search(r"PreemptTime=\d", shown) is not None


def interrupt(seen, tools, driver) -> None:
    """Ctrl-C, while two run and one waits."""
    with two(seen, tools, 8) as (running, waiting):
        seen.cancelled = {**running, **waiting}
        driver.send_signal(signal.SIGINT)
        seen.interrupted = driver.wait(tools.SECONDS)
    tools.wait_for(lambda: not tools.slurm_says("squeue", "-h"), what="an empty queue")
    seen.ended = [tools.state(job) for job in seen.cancelled.values()]
    seen.told = {name: seen.study.log(name) for name in running}
    seen.left = seen.study.leftovers()


def test_a_pre_empted_training_goes_back_into_the_queue(seen, tools):
    assert len(seen.preempted) == 2
    for name, (state, restarts) in seen.preempted.items():
        assert (state, restarts) == ("PENDING", 1), name
        assert len(tools.submissions(seen.first, name)) == 1


def test_ctrl_c_cancels_what_runs_and_what_waits(seen, tools):
    assert seen.interrupted != 0 and seen.ended == ["CANCELLED"] * 3
    assert not seen.left
    for name, log in seen.told.items():
        assert f"train lift/{name} seed 0: stopped by SIGTERM at epoch" in log
        back = log.count("goes back into the queue")
        assert back == tools.restarts(seen.cancelled[name]), "a cancelled job was put back"


def test_a_killed_driver_leaves_the_folder_locked_and_says_what_to_type(seen):
    (line,) = [line for line in seen.locked.splitlines() if "was killed" in line]
    assert f"process {seen.killed} on" in line
    assert line.endswith("was killed. Type: snakemake --unlock; then start again")
    assert seen.unlocked.returncode == 0


def test_the_next_one_waits_for_what_runs_and_takes_back_what_waits(seen, tools):
    told = [line for line in seen.third.splitlines() if "of an earlier run" in line]
    expected = [
        f"SLURM job {job} of an earlier run (train_lifting of smoke_lift_{name}_0) {does}"
        for jobs, does in (
            (seen.running, "runs, waiting for it"),
            (seen.waiting, "is still queued, cancelling it"),
        )
        for name, job in jobs.items()
    ]
    assert sorted(told) == sorted(expected)
    assert seen.code == 0, seen.third
    for name, job in seen.running.items():
        assert tools.submissions(seen.second, name) == [job] and tools.state(job) == "COMPLETED"
        assert not tools.submissions(seen.third, name)
    for name, job in seen.waiting.items():
        assert tools.state(job) == "CANCELLED"
        assert len(tools.submissions(seen.third, name)) == 1


def test_a_job_of_the_user_s_own_is_let_alone(seen):
    assert seen.foreign == "RUNNING"


@pytest.mark.parametrize("name", NAMES)
def test_each_training_ends_in_the_undisturbed_one_s_bytes(seen, tools, name):
    assert seen.study.epochs(name) == list(range(1, tools.EPOCHS + 1))
    assert seen.study.weights(name) == seen.study.weights(tools.SERENE)


def test_the_folder_is_then_at_rest(seen, on_slurm, tools):
    done = on_slurm(seen.study.copy, *map(seen.study.target, NAMES))
    assert done.returncode == 0 and "Nothing to be done" in done.stdout, done.stdout
    assert not seen.study.leftovers()
