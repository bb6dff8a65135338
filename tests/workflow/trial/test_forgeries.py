"""Forgeries that agree with themselves throughout: only running the checkpoint again tells."""

import h5py
import numpy as np
import safetensors
import safetensors.numpy
from dvc.repo import Repo

from posepaper import files
from posepaper.provenance import record
from posepaper.stages import evaluate, job, plan

BASE = "results/smoke"
OURS = f"{BASE}/checkpoints/lift/ours-f81-cpn/seed0.safetensors"
PREDICTED = f"{BASE}/predictions/lift/ours-f81-cpn/seed0.h5"
MEASURED = f"{BASE}/metrics/lift/ours-f81-cpn/seed0.json"
PHOTOS = "lifting:table-1:hrnet-w32:ap50"


def better(value):
    """Every number a tenth better."""
    if isinstance(value, dict):
        return {k: better(v) for k, v in value.items()}
    if isinstance(value, list):
        return [better(v) for v in value]
    return 0.9 * value if isinstance(value, float) else value


def test_metrics_and_all_that_follows_forged(study):
    def forge(metrics):
        costs = {k: metrics["values"][k] for k in ("parameters", "gmac", "checkpoint_bytes")}
        metrics["values"] = {**better(metrics["values"]), **costs}
        metrics["sequences"] = better(metrics["sequences"])

    study.change_json(MEASURED, forge)
    study.fix(MEASURED)
    study.rebuild(MEASURED)
    study.track()
    study.finds("reevaluate", MEASURED, "made again it differs")


def test_predictions_and_all_that_follows_forged(study):
    """Predictions drawn towards the truth, honestly measured from there on."""
    study.write(PREDICTED, (study.root / PREDICTED).read_bytes())
    with h5py.File(PREDICTED, "r+") as file:

        def soften(_, node):
            if isinstance(node, h5py.Dataset):
                node[...] = 0.5 * node[()]

        file.visititems(soften)
    study.fix(PREDICTED)
    study.rerun(MEASURED, evaluate.evaluate_lifting)
    study.rebuild(MEASURED)
    study.track()
    study.finds("reevaluate", PREDICTED, "made again it differs")


def test_a_tenth_of_the_sequences_tells_too(study):
    study.write(PREDICTED, (study.root / PREDICTED).read_bytes())
    with h5py.File(PREDICTED, "r+") as file:
        file.visititems(
            lambda _, n: n.__setitem__(..., n[()] + 0.01) if hasattr(n, "dtype") else None
        )
    study.fix(PREDICTED)
    study.rerun(MEASURED, evaluate.evaluate_lifting)
    study.rebuild(MEASURED)
    study.track()
    (answer,) = study.ask("reevaluate", "lifting:table-2:p1-ours:avg", share=0.1, seed=5)
    (why,) = answer["why"]
    assert why.startswith(f"broken: {PREDICTED}: 2 of its sequences made again it differs")


def test_the_flip_test_off_and_nowhere_said(study):
    made = files.read_json(plan.stamp_path(PREDICTED))["job"]
    settings = made["settings"]
    settings["protocol"]["flip"] = False
    study.write(PREDICTED, b"")
    run = job.Run(PREDICTED, made["inputs"], {}, {"predictions": study.root / PREDICTED}, settings,
                  study.root)  # fmt: skip
    evaluate.predict_lifting(run)
    with h5py.File(PREDICTED, "r+") as file:
        file.attrs["identity"] = file.attrs["identity"].replace('"flip": false', '"flip": true')
    study.fix(PREDICTED)
    study.rerun(MEASURED, evaluate.evaluate_lifting)
    study.rebuild(MEASURED)
    study.track()
    study.finds("reevaluate", PREDICTED, "made again it differs")


def test_the_best_epoch_s_weights_in_place_of_the_last(study):
    """Weights that say the right experiment and seed inside, and were never the ones measured."""
    last = f"{BASE}/checkpoints/pose2d/hrnet-w32/seed0.safetensors"
    predicted = f"{BASE}/predictions/pose2d/hrnet-w32/seed0.h5"
    weights = safetensors.numpy.load_file(last)
    with safetensors.safe_open(last, framework="np") as stream:
        facts = stream.metadata()
    name = next(k for k, v in weights.items() if v.ndim == 4)
    weights[name] = weights[name] + np.float32(0.05)
    study.write(last, safetensors.numpy.save(weights, facts))
    study.fix(last)
    study.track()
    study.finds("reevaluate", predicted, "made again it differs", address=PHOTOS)


def test_a_checkpoint_is_taken_from_dvc_s_remote(study, tmp_path):
    """Gone here and from the cache, it is run from the remote."""
    md5 = next(o["md5"] for o in record.read(OURS)["outputs"].values() if o["path"] == OURS)
    store = tmp_path / "store"
    text = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n"
    study.write(".dvc/config.local", text.encode())
    with Repo(".") as repo:
        repo.push(targets=[f"{BASE}/checkpoints.dvc"])
    (study.root / OURS).unlink()
    (study.root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").unlink()
    (answer,) = study.ask("reevaluate", "lifting:table-2:p1-ours:avg")
    notes = {link["path"]: link["notes"] for link in answer["links"]}
    assert "made again: equal bits" in notes[PREDICTED]
    assert notes[OURS] == ["its bytes come from DVC's remote"]
    assert answer["verdict"] == "proven", answer["why"]
