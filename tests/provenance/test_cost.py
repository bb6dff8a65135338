"""Rates, estimates and wall times against closed forms worked out by hand."""

import pytest

from posepaper.provenance import cost

NEED = {
    "target": "a",
    "rule": "train_lifting",
    "like": "train_lifting",
    "kind": "gsam",
    "device": "cpu",
    "threads": 1,
    "trained": True,
    "steps": 100,
    "work": 50.0,
    "size": 1.0,
    "volume": 1000,
    "held": 0,
}
# A training of 1 s that is fixed, 0.01 s a step and 0.2 s a GMAC.
MADE = {**NEED, "seconds": 12.0, "loop": 11.0, "memory": 4e8, "bytes": 20_000}


def training(target="a", *, steps=100, work=50.0, **changed):
    loop = 0.01 * steps + 0.2 * work
    made = {**MADE, "target": target, "steps": steps, "work": work}
    return {**made, "seconds": 1 + loop, "loop": loop, **changed}


def need(**changed):
    return {**NEED, "target": "b", **changed}


def test_what_is_fixed_a_step_and_a_gmac_are_told_apart():
    found = cost.rates([training(), training(steps=200, work=10.0), training(steps=50, work=80.0)])
    rate = found["cpu"]["train_lifting"]["gsam"]
    assert rate["fixed"] == pytest.approx(1.0)
    assert rate["per_step"] == pytest.approx(0.01)
    assert rate["per_work"] == pytest.approx(0.2)
    assert rate["factor"] == cost.AGAIN and rate["bytes"] == 20
    assert cost.seconds_of(rate, need(steps=1000, work=500.0)) == pytest.approx(1 + 10 + 100)
    assert cost.seconds_of(rate, need(steps=0, work=500.0, threads=4)) == pytest.approx(1 + 25)


def test_like_jobs_of_one_size_give_a_rate_in_proportion():
    found = cost.rates([training(), training()])["cpu"]["train_lifting"]["gsam"]
    assert (found["fixed"], found["per_step"]) == (pytest.approx(1.0), 0.0)
    assert found["per_work"] == pytest.approx(11 / 50)


def test_no_rate_is_negative():
    rows = [training(steps=100, work=10.0), training(steps=100, work=40.0)]
    rows[0] |= {"seconds": 11.0, "loop": 10.0}  # more than in proportion
    rows[1] |= {"seconds": 101.0, "loop": 100.0}
    rate = cost.rates(rows)["cpu"]["train_lifting"]["gsam"]
    assert rate["per_step"] == 0.0 and 1.0 < rate["per_work"] < 2.5
    assert rate["factor"] > cost.AGAIN, "what fits badly says so"


def test_one_amount_of_work_without_a_network_is_taken_half_as_fixed():
    made = {**MADE, "rule": "evaluate_lifting", "kind": "", "trained": False, "loop": None}
    rate = cost.rates([{**made, "seconds": 4.0, "work": 100}])["cpu"]["evaluate_lifting"][""]
    assert cost.seconds_of(rate, need(work=100)) == pytest.approx(4.0)
    assert cost.seconds_of(rate, need(work=0)) == pytest.approx(2.0)
    assert cost.seconds_of(rate, need(work=300)) == pytest.approx(8.0)


def test_a_job_measured_before_is_scaled_by_its_work_now():
    alike = cost.rates([training(), training(steps=200, work=10.0)])
    same = cost.estimate(need(), training("b"), alike, {})
    assert same["basis"] == cost.HERE and same["seconds"][1] == pytest.approx(12.0)
    twice = cost.estimate(need(work=100.0, steps=200), training("b"), alike, {})
    assert twice["seconds"] == pytest.approx([23 / cost.AGAIN, 23, 23 * cost.AGAIN])
    assert twice["bytes"][1] == 20_000


def test_the_basis_is_the_nearest_measurement_there_is():
    known = cost.rates([training(), training(steps=200, work=10.0)])
    found = {
        "alike": cost.estimate(need(), None, known, known),
        "reference": cost.estimate(need(), None, {}, known),
        "other network": cost.estimate(need(kind="poseformer"), None, {}, known),
        "other size": cost.estimate(need(size=1000.0), None, known, known),
        "nothing known": cost.estimate(need(rule="new", like="new"), None, known, known),
        "amount unknown": cost.estimate(need(work=None), None, known, known),
    }
    assert {name: made["basis"] for name, made in found.items()} == {
        "alike": cost.ALIKE,
        "reference": cost.REFERENCE,
        "other network": cost.ARITHMETIC,
        "other size": cost.ARITHMETIC,
        "nothing known": cost.ASSUMED,
        "amount unknown": cost.ASSUMED,
    }
    widths = [made["seconds"][2] / made["seconds"][1] for made in found.values()]
    assert widths[0] < widths[1] < widths[2] == widths[3] < widths[4]
    assert found["alike"]["seconds"][1] == pytest.approx(12.0)


def test_a_gpu_nobody_measured_is_an_assumption_and_no_cpu_s_time():
    known = cost.rates([training()])
    wanted = need(device="gpu", work=1e6, threads=4)
    made = cost.estimate(wanted, training("b"), known, known)
    assert made["basis"] == cost.ASSUMED
    assert made["seconds"][1] == pytest.approx(1 + 1e6 / cost.ASSUMED_GPU)
    measured = cost.rates([training(device="gpu")])
    assert cost.estimate(wanted, None, {}, measured)["basis"] == cost.REFERENCE


def job(target, seconds, *after, slots=1):
    return {"target": target, "seconds": seconds, "slots": slots, "after": list(after)}


def test_wall_time_on_two_cores():
    chain = [job("a", 2.0), job("b", 3.0, "a"), job("c", 4.0, "b")]
    assert cost.wall(chain, 2) == 9.0
    beside = [*chain, job("d", 5.0), job("e", 1.0)]
    assert cost.wall(beside, 1) == 15.0
    # core 1: a b c = 9; core 2: d e = 6
    assert cost.wall(beside, 2) == 9.0
    # b wants both: a beside d until 5, then b until 8, then c beside e until 12
    wide = [job("a", 2.0), job("b", 3.0, "a", slots=2), job("c", 4.0, "b"), job("d", 5.0)]
    assert cost.wall([*wide, job("e", 1.0, "b")], 2) == 12.0
    assert cost.wall([job("a", 2.0, slots=8)], 2) == 2.0, "a job gets what there is"
    assert cost.wall([job("b", 1.0, "a"), job("a", 2.0)], 2) == 3.0, "in any order"
    assert cost.wall([], 2) == 0.0


def test_hours_are_summed_by_device_and_threads():
    one = {"seconds": [1800.0, 3540.0, 7140.0], "start": 60.0, "bytes": [1, 2, 3]}
    one |= {"memory": [1, 5, 9], "basis": cost.HERE}
    on_cpu = {**one, "device": "cpu", "threads": 2}
    on_gpu = {**one, "device": "gpu", "threads": 4, "basis": cost.ASSUMED, "memory": [1, 7, 9]}
    found = cost.total([on_cpu, on_gpu])
    assert found["cpu_hours"][1:] == [2.0, 4.0] and found["gpu_hours"][1:] == [1.0, 2.0]
    assert found["bytes"] == [2, 4, 6] and found["peak_memory"] == 7
    assert found["basis"] == {cost.ASSUMED: 1, cost.HERE: 1} and found["jobs"] == 2


def test_a_rehearsal_comes_after_the_job_itself_and_before_like_ones():
    few = {**training(steps=3, work=1.5), "loop": 0.33, "seconds": 5.33, "target": "few"}
    alike = cost.rates([training()])
    found = cost.estimate(need(), None, alike, alike, few)
    assert found["basis"] == cost.REHEARSED
    assert found["seconds"] == pytest.approx([s * 16.0 for s in (1 / cost.FEW, 1, cost.FEW)])
    assert found["memory"][1] == 4e8 and found["bytes"][1] == 20_000
    assert cost.estimate(need(held=1e9), None, {}, {}, few)["memory"][1] == 1.4e9
    own = training("b")
    assert cost.estimate(need(), own, alike, alike, few)["basis"] == cost.HERE


@pytest.mark.parametrize("change", [{"device": "gpu"}, {"kind": "martinez"}, {"work": None}])
def test_a_rehearsal_of_another_kind_tells_nothing(change):
    assert not cost.tells(training(), need(**change))
    assert cost.estimate(need(**change), None, {}, {}, training())["basis"] == cost.ASSUMED


def test_a_few_samples_tell_of_a_network_only():
    assert not cost.tells({**training(), "loop": None}, need()), "its speed is not known"
    plain = {**MADE, "trained": False, "loop": None, "size": 10}
    assert cost.tells(plain, need(trained=False, size=90))
    assert not cost.tells(plain, need(trained=False, size=110))
