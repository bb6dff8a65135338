"""What the page draws is what runs measured, thinned where it is long."""

import pytest

from posepaper import files, quantities
from posepaper.stages.details import POINTS, gather

PROTOCOL = {"kind": "human36m", "name": "human36m"}
VALUES = {"mpjpe/average": 50.0, "mpjpe/Eating": 40.0, "mpjpe/Walking": 60.0, "parameters": 9}


@pytest.fixture
def write(tmp_path):
    """``write(seed, off, epochs)``: (metrics, curve) of a run, its errors higher by ``off``."""

    def make(seed, off=0.0, epochs=3):
        values = {n: v + off if "/" in n else v for n, v in VALUES.items()}
        metrics, curve = tmp_path / f"m/seed{seed}.json", tmp_path / f"c/seed{seed}.curve.json"
        for path in (metrics, curve):
            path.parent.mkdir(exist_ok=True)
        found = {
            **{"experiment": "lift/a", "seed": seed, "values": values},
            "quantities": quantities.described(values, PROTOCOL),
            "sequences": {"mpjpe": {"S9/Walking/0": 60.0 + off, "S9/Eating/0": 40.0 + off}},
        }
        files.write_json(metrics, found)
        told = [{"epoch": n + 1, "loss": 1 / (n + 1), "lr": 1.0} for n in range(epochs)]
        files.write_json(curve, {"experiment": "lift/a", "seed": seed, "epochs": told})
        return str(metrics), str(curve)

    return make


def test_seeds_are_averaged_and_curves_kept_apart(write):
    metrics, curves = zip(write(0), write(1, 10.0), strict=True)
    found = gather(reversed(metrics), reversed(curves))
    run = found["runs"]["lift/a"]
    (bars,) = run["bars"]
    assert (bars["name"], bars["unit"]) == ("MPJPE", "mm")
    assert bars["values"] == {"Eating": 45.0, "Walking": 65.0}
    assert found["groups"] == [["S9/Eating/0", "S9/Walking/0"]]
    assert run["sequences"]["values"] == [45.0, 65.0] and run["sequences"]["group"] == 0
    assert [(c["seed"], c["epochs"], c["loss"]) for c in run["curves"]] == [
        (seed, [1, 2, 3], [1.0, 0.5, 0.33333]) for seed in (0, 1)
    ]


def test_a_long_training_is_thinned_but_for_its_end(write):
    metrics, curve = write(0, epochs=10 * POINTS + 7)
    (kept,) = gather([metrics], [curve])["runs"]["lift/a"]["curves"]
    assert len(kept["epochs"]) <= POINTS + 1 and kept["epochs"][-1] == 10 * POINTS + 7
    assert kept["loss"][-1] == pytest.approx(1 / (10 * POINTS + 7), rel=1e-4)


def test_nothing_measured_gives_nothing():
    assert gather([], []) == {"runs": {}, "groups": [], "player": None}
