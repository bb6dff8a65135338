"""Human3.6M and MPI-INF-3DHP protocols against sums written out frame by frame."""

import numpy as np
import pytest

from posepaper.errors import InputError
from posepaper.evaluation import human36m, mpi3dhp

H36M_FRAMES = {
    "S9/Sitting/54138969": 9,
    "S9/Sitting 1/54138969": 4,
    "S11/SittingDown/55011271": 6,
    "S11/Walking 2/60457274": 12,
    "S9/WalkTogether/60457274": 3,
}


def dataset(lengths, root, seed=0, noise=30):
    rng = np.random.default_rng(seed)
    targets, predictions = {}, {}
    for key, count in lengths.items():
        target = rng.normal(0, 300, (count, 17, 3))
        target -= target[:, root : root + 1]
        targets[key] = target
        predictions[key] = target + rng.normal(0, noise, target.shape)
    return predictions, targets


def distances(predicted, target):
    return np.sqrt(((predicted - target) ** 2).sum(-1))


def pooled(predictions, targets, keys):
    return np.concatenate([distances(predictions[k], targets[k]) for k in keys]).mean()


def test_frames_are_pooled_in_actions_and_actions_averaged_without_weights():
    predictions, targets = dataset(H36M_FRAMES, 0)
    values = human36m.evaluate(predictions, targets)["values"]
    expected = {
        "Sitting": pooled(predictions, targets, ["S9/Sitting/54138969", "S9/Sitting 1/54138969"]),
        "SittingDown": pooled(predictions, targets, ["S11/SittingDown/55011271"]),
        "Walking": pooled(predictions, targets, ["S11/Walking 2/60457274"]),
        "WalkTogether": pooled(predictions, targets, ["S9/WalkTogether/60457274"]),
    }
    for action, value in expected.items():
        assert values[f"mpjpe/{action}"] == pytest.approx(value)
    assert values["mpjpe/average"] == pytest.approx(sum(expected.values()) / 4)
    assert values["mpjpe/average"] != pytest.approx(pooled(predictions, targets, targets), abs=1e-6)
    names = {key.split("/")[0] for key in values}
    assert names == {"mpjpe", "p_mpjpe", "n_mpjpe", "mpjve"}
    assert len(values) == 4 * 5


def test_sitting_is_not_sitting_down():
    predictions, targets = dataset(H36M_FRAMES, 0)
    key = "S11/SittingDown/55011271"
    predictions[key] = predictions[key] + 1000.0
    clean = human36m.evaluate(*dataset(H36M_FRAMES, 0))["values"]
    spoilt = human36m.evaluate(predictions, targets)["values"]
    assert spoilt["mpjpe/Sitting"] == clean["mpjpe/Sitting"]
    assert spoilt["mpjpe/SittingDown"] > 1000


def test_root_may_be_put_at_the_origin():
    predictions, targets = dataset(H36M_FRAMES, 0)
    kept = {key: value.copy() for key, value in predictions.items()}
    zero = human36m.evaluate(predictions, targets, root="zero")["values"]
    key = "S11/Walking 2/60457274"
    errors = distances(predictions[key], targets[key])
    assert zero["mpjpe/Walking"] == pytest.approx(errors[:, 1:].sum() / errors.size)
    assert all((predictions[k] == kept[k]).all() for k in kept)


@pytest.mark.parametrize(("weight", "weights"), [("T-1", (8, 3)), ("T", (9, 4))])
def test_velocity_is_taken_inside_sequences(weight, weights):
    predictions, targets = dataset(H36M_FRAMES, 0)
    result = human36m.evaluate(predictions, targets, mpjve_weight=weight)
    keys = ["S9/Sitting/54138969", "S9/Sitting 1/54138969"]
    own = [
        distances(np.diff(predictions[k], axis=0), np.diff(targets[k], axis=0)).mean() for k in keys
    ]
    for key, value in zip(keys, own, strict=True):
        assert result["sequences"]["mpjve"][key] == pytest.approx(value)
    expected = (own[0] * weights[0] + own[1] * weights[1]) / sum(weights)
    assert result["values"]["mpjve/Sitting"] == pytest.approx(expected)


def test_sequences_rebuild_the_values():
    result = human36m.evaluate(*dataset(H36M_FRAMES, 0))
    own = result["sequences"]
    assert own["frames"] == H36M_FRAMES
    for name in ("mpjpe", "p_mpjpe", "n_mpjpe"):
        keys = [k for k in H36M_FRAMES if k.split("/")[1].split(" ")[0] == "Sitting"]
        total = sum(own[name][k] * H36M_FRAMES[k] for k in keys)
        expected = total / sum(H36M_FRAMES[k] for k in keys)
        assert result["values"][f"{name}/Sitting"] == pytest.approx(expected)


@pytest.mark.parametrize("weight", ["T-1", "T"])
def test_held_out_subjects_are_those_sequences_alone(weight):
    predictions, targets = dataset(H36M_FRAMES, 0)
    keys = [key for key in targets if key.startswith("S9/")]
    result = human36m.evaluate(predictions, targets, mpjve_weight=weight, held_out=keys)
    alone = human36m.evaluate(
        {k: predictions[k] for k in keys}, {k: targets[k] for k in keys}, mpjve_weight=weight
    )
    plain = human36m.evaluate(predictions, targets, mpjve_weight=weight)["values"]
    for name in ("mpjpe", "p_mpjpe", "n_mpjpe", "mpjve"):
        held = f"held_out_{name}"
        assert result["values"].pop(f"{held}/average") == alone["values"][f"{name}/average"]
        assert result["sequences"][held] == alone["sequences"][name]
    assert result["values"] == plain


def test_human36m_refuses_what_it_cannot_score():
    key = "S9/Walking/54138969"
    predictions, targets = dataset({key: 5}, 0)
    for bad, word in (
        (({}, targets), "missing"),
        ((predictions | {"S9/Eating/1": predictions[key]}, targets), "no target"),
        (({key: predictions[key][:4]}, targets), "differ in shape"),
        ((predictions, {key: targets[key] + 1}), "root-relative"),
        (({key: predictions[key] * np.nan}, targets), "not finite"),
        (({key: predictions[key][:1]}, {key: targets[key][:1]}), "velocity"),
        (({"walk": predictions[key]}, {"walk": targets[key]}), "subject/action/camera"),
        (({}, {}), "no sequence"),
    ):
        with pytest.raises(InputError, match=word) as error:
            human36m.evaluate(*bad)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="root is"):
        human36m.evaluate(predictions, targets, root="nought")
    with pytest.raises(InputError, match="mpjve_weight is"):
        human36m.evaluate(predictions, targets, mpjve_weight="t")


TS = {"TS1/Seq/0": 20, "TS5/Seq/0": 11, "TS6/Seq/0": 4}


def test_3dhp_scores_valid_frames_over_its_joint_sets():
    predictions, targets = dataset(TS, 14, noise=60)
    rng = np.random.default_rng(1)
    valid = {key: rng.random(count) < 0.6 for key, count in TS.items()}
    valid["TS6/Seq/0"][:] = False
    for key, mask in valid.items():
        predictions[key][~mask] = np.nan
    result = mpi3dhp.evaluate(predictions, targets, valid)
    all_errors = []
    for key in TS:
        for t in np.flatnonzero(valid[key]):
            predicted = predictions[key][t].copy()
            predicted[14] = 0
            all_errors.append(distances(predicted, targets[key][t]))
    all_errors = np.array(all_errors)
    limbs = all_errors[:, :14]
    values = result["values"]
    assert values["mpjpe"] == pytest.approx(all_errors.mean())
    assert values["pck"] == pytest.approx(100 * (limbs < 150).mean())
    curve = [100 * (limbs < t).mean() for t in range(0, 151, 5)]
    assert values["auc"] == pytest.approx(np.mean(curve))
    assert "TS6/Seq/0" not in result["sequences"]["mpjpe"]
    assert result["sequences"]["frames"]["TS1/Seq/0"] == valid["TS1/Seq/0"].sum()


def test_3dhp_may_count_the_predicted_root():
    predictions, targets = dataset(TS, 14)
    valid = {key: np.ones(count, bool) for key, count in TS.items()}
    counted = mpi3dhp.evaluate(predictions, targets, valid, root="predicted")["values"]
    assert counted["mpjpe"] == pytest.approx(pooled(predictions, targets, TS))


def test_3dhp_may_count_all_joints_in_pck():
    predictions, targets = dataset(TS, 14, noise=60)
    valid = {key: np.ones(count, bool) for key, count in TS.items()}
    values = mpi3dhp.evaluate(predictions, targets, valid, pck_joints=17)["values"]
    for key in TS:
        predictions[key][:, 14] = 0
    errors = np.concatenate([distances(predictions[k], targets[k]) for k in TS])
    assert values["pck"] == pytest.approx(100 * (errors < 150).mean())
    assert values["pck"] > mpi3dhp.evaluate(predictions, targets, valid)["values"]["pck"]
    with pytest.raises(InputError, match="pck_joints is 16"):
        mpi3dhp.evaluate(predictions, targets, valid, pck_joints=16)


def test_3dhp_refuses_bad_masks():
    predictions, targets = dataset(TS, 14)
    valid = {key: np.ones(count, bool) for key, count in TS.items()}
    key = "TS1/Seq/0"
    for bad, word in (
        (valid | {key: valid[key][:3]}, "does not fit"),
        (valid | {key: valid[key].astype(int)}, "does not fit"),
        ({k: v for k, v in valid.items() if k != key}, "missing"),
        ({k: ~v for k, v in valid.items()}, "no frame is valid"),
    ):
        with pytest.raises(InputError, match=word):
            mpi3dhp.evaluate(predictions, targets, bad)
