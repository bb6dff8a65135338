"""``impact``, ``explain``, ``accept``, ``diff`` and ``prune`` on a finished smoke study."""

import json

import pytest

NUMBER = "lifting:table-2:p1-ours:avg"
OURS = "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"
ATTENTION = "src/posepaper/models/attention.py"
SEQUENCE_ATTENTION = "posepaper.models.attention:SequenceAttention"
P_MPJPE = (
    "src/posepaper/evaluation/metrics.py",
    "joint_errors(align_similarity(predicted, target), target).mean()",
    "joint_errors(align_similarity(predicted, target), target).mean() * 2",
)


@pytest.fixture(scope="module")
def run(second, tmp_path_factory):
    """A finished study that these tests edit."""
    return second.duplicate(tmp_path_factory.mktemp("impact") / "run")


def ask(run, *words, code):
    """What a command prints as JSON."""
    done = run.run("posepaper", *words, "--json", "--study", "smoke")
    assert done.returncode == code, done.stdout
    return json.loads(done.stdout)


def refused(run, *words):
    """The one line a wrong question gets."""
    done = run.run("posepaper", *words, "--study", "smoke")
    assert done.returncode == 2 and done.stdout.startswith("posepaper: "), done.stdout
    assert len(done.stdout.splitlines()) == 1
    return done.stdout


def test_nothing_changed(run):
    assert ask(run, "impact", code=0)["jobs"] == {}
    found = ask(run, "explain", NUMBER, code=0)
    assert not found["stale"] and found["made"]["definitions"] > 20
    assert found["made"]["packages"].keys() == {"h5py", "numpy", "safetensors"}
    assert ask(run, "prune", code=0)["artefacts"] == []


def test_an_edit_is_traced_to_jobs_and_numbers(run, edit):
    edit(ATTENTION, "self.norm(F.gelu(", "self.norm(F.relu(")
    found = ask(run, "impact", code=1)
    assert [c["name"] for c in found["changes"]] == [SEQUENCE_ATTENTION]
    trained = {t for t, job in found["jobs"].items() if job["rule"].startswith("train_")}
    assert trained == {
        f"results/smoke/checkpoints/lift/{name}/seed0.safetensors"
        for name in ("ours-f81-cpn", "ours-f81-gt", "ours-f9-3dhp")
    }
    assert NUMBER in found["numbers"]["lifting:table-2"]
    assert not [n for n in found["numbers"]["lifting:table-2"] if "yang" in n]
    why = ask(run, "explain", NUMBER, code=1)["causes"]
    assert why[OURS] == [f"{SEQUENCE_ATTENTION} changed in meaning"]
    poseformer = OURS.replace("ours", "poseformer")
    assert not ask(run, "explain", poseformer, code=0)["stale"]


def test_the_working_tree_against_a_commit(run, edit):
    assert ask(run, "impact", "HEAD", code=0)["jobs"] == {}
    edit(ATTENTION, "self.norm(F.gelu(", "self.norm(F.relu(")
    against_commit = ask(run, "impact", "HEAD", code=1)
    assert against_commit["jobs"] == ask(run, "impact", code=1)["jobs"]


def test_a_waiver_holds_until_the_next_change(run, edit):
    reason = "only the name of the kernel changed"
    edit(ATTENTION, "self.norm(F.gelu(", "self.norm(F.relu(")
    stale = ask(run, "impact", code=1)["jobs"]
    code = f"{SEQUENCE_ATTENTION} changed in meaning"
    accepted = ask(run, "accept", ATTENTION, "--because", reason, code=0)
    # What reaches the code itself; what is made from it then follows.
    assert {w["target"] for w in accepted} == {t for t, job in stale.items() if code in job["why"]}
    assert OURS in stale and {w["because"] for w in accepted} == {reason}
    assert run.planned() in ({}, {"track_results": 1})
    assert ask(run, "impact", code=0)["jobs"] == {}
    assert reason in run.run("posepaper", "audit", NUMBER, "--study", "smoke").stdout
    assert {w["because"] for w in ask(run, "explain", NUMBER, code=0)["waivers"]} == {reason}
    edit(ATTENTION, "self.norm(F.relu(", "self.norm(F.silu(")
    assert OURS in ask(run, "impact", code=1)["jobs"]


def test_a_waiver_needs_something_to_vouch_for(run):
    line = refused(run, "accept", "src/posepaper/models/hrnet.py", "--because", "so")
    assert "hrnet.py" in line and "nothing of this study is stale through it alone" in line


def test_every_changed_number_and_its_cause(run, edit):
    edit(*P_MPJPE)
    assert run.snakemake("all").returncode == 0
    numbers = ask(run, "diff", "HEAD", code=1)["numbers"]
    assert numbers and all(":p2" in n["address"] for n in numbers)
    for number in numbers:
        assert number["new"] == pytest.approx(2 * number["old"], rel=1e-3)
        assert number["causes"] == {
            "code": ["posepaper.evaluation.metrics:p_mpjpe changed in meaning"]
        }
    page = run.root / "diff.html"
    run.run("posepaper", "diff", "HEAD", "--study", "smoke", "--html", str(page))
    assert numbers[0]["address"] in page.read_text(encoding="utf-8")
    text = run.run("posepaper", "diff", "HEAD", "--study", "smoke").stdout
    assert text.count("p_mpjpe changed in meaning") == len(numbers)


def test_renamed_experiments_leave_orphans_that_only_prune_deletes(run, edit):
    edit("workflow/studies/smoke.yaml", "  - lift/ours-f81-gt\n", "")
    checkpoint = run.root / OURS.replace("cpn", "gt")
    found = ask(run, "prune", code=0)
    assert str(checkpoint.relative_to(run.root)) in found["artefacts"] and checkpoint.exists()
    assert any("runs/lift/ours-f81-gt" in path for path in found["runs"])
    ask(run, "prune", "--delete", code=0)
    assert not checkpoint.exists() and not checkpoint.parent.exists()
    assert ask(run, "prune", code=0)["artefacts"] == []
    assert not (run.root / "results/smoke/runs/lift/ours-f81-gt").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("impact", "nowhere"), "nowhere: is no commit here"),
        (("diff", "nowhere"), "nowhere: is no commit here"),
        (("explain", "results/smoke/nothing.json"), "does not make it. Nearest: 'results/smoke/"),
        (("explain", "lifting:table-2:nobody:avg"), "has no row 'nobody'. It has: p1-martinez"),
        (("explain", "lifting:table-99:nobody:avg"), "no such table"),
        (("explain", "lifting:table-2"), "is not paper:table-N:row:column"),
    ],
)
def test_wrong_questions_get_one_line(run, words, what):
    assert what in refused(run, *words)
