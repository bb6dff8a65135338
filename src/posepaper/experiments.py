"""A study with every recipe of ``workflow/experiments`` resolved for it."""

import fnmatch
import functools
from collections.abc import Iterable
from pathlib import Path

from posepaper.config import (
    CocoProtocol,
    Experiment,
    Human36mProtocol,
    Model,
    Mpi3dhpProtocol,
    Recipes,
    Study,
    Training,
    nearest,
    parse,
    read_yaml,
)
from posepaper.errors import InputError


@functools.lru_cache(maxsize=8)
def load_study(name: str, root: str | Path = ".") -> Study:
    """The study ``workflow/studies/{name}.yaml``, its scale applied to every experiment.

    Raises:
        InputError: any setting is wrong; names file, key and the nearest valid name.
    """
    file = Path(root) / "workflow" / "studies" / f"{name}.yaml"
    study = parse(Study, {"name": name, **read_yaml(file)}, file)
    _check_options(study, file)
    experiments = _resolve_all(study, root)
    _check_sources(study, experiments, file)
    _check_patterns(study, experiments, file)
    return study.model_copy(update={"experiments": experiments})


def published_models(root: str | Path = ".") -> dict[str, Model]:
    """The network of every experiment at the size its recipe states, by no study's scale.

    Raises:
        InputError: as ``load_study``.
    """
    models = {}
    for path in sorted((Path(root) / "workflow" / "experiments").glob("*.yaml")):
        recipes = parse(Recipes, read_yaml(path), path)
        for name, given in recipes.experiments.items():
            value = {**recipes.defaults, **given}.get("model") or {}
            models[name] = parse(Model, value, path, f"experiments.{name}.model")
    return models


def network_settings(e: Experiment) -> dict:
    """What a stage reads of an experiment to run its trained network."""
    return {
        "experiment": e.name,
        "model": e.model.options() | {"name": e.model.name},
        "threads": e.training.threads,
        "flip": e.protocol.flip,
        "decoder": getattr(e.protocol, "decoder", None),
        "image": e.image,
    }


def _resolve_all(study: Study, root: str | Path) -> dict[str, Experiment]:
    experiments, homes = {}, {}
    for path in sorted((Path(root) / "workflow" / "experiments").glob("*.yaml")):
        recipes = parse(Recipes, read_yaml(path), path)
        for name, given in recipes.experiments.items():
            if name in experiments:
                raise InputError(
                    path, f"experiment '{name}' stands in {homes[name]} too", "Rename one of them"
                )
            homes[name] = path
            experiments[name] = _resolve(study, recipes, name, given, path)
    return experiments


def _resolve(study: Study, recipes: Recipes, name: str, given: dict, path: Path) -> Experiment:
    value = {**recipes.defaults, **given, "name": name}
    training = dict(_named(recipes.recipes, value.pop("recipe", None), "recipe", name, path))
    training |= value.pop("training", {})
    protocol = value.get("protocol")
    value["protocol"] = {
        "name": protocol,
        **_named(recipes.protocols, protocol, "protocol", name, path),
        **study.scale.protocols.get(protocol, {}),
    }
    value["training"] = training
    kind, scale = value.get("kind"), study.scale
    model = dict(value.get("model") or {})
    for key in (kind, model.get("name")):
        training |= scale.training.get(key, {})
    value["model"] = model | scale.models.get(model.get("name"), {})
    if model.get("frames") is not None:
        value["model"]["frames"] = scale.frames.get(model["frames"], model["frames"])
    if kind == "pose2d" and scale.image:
        value["image"] = scale.image
    experiment = parse(Experiment, value, path, f"experiments.{name}")
    if experiment.data not in study.datasets:
        raise InputError(
            path,
            f"experiment '{name}' needs data role '{experiment.data}'",
            f"Nearest valid: '{nearest(experiment.data, study.datasets)}'",
        )
    if experiment.kind == "lifting" and experiment.source not in study.keypoints:
        raise InputError(
            path,
            f"experiment '{name}' needs 2D source '{experiment.source}'",
            f"Nearest valid: '{nearest(experiment.source, study.keypoints)}'",
        )
    return experiment


def _named(table: dict, key, what: str, name: str, path: Path) -> dict:
    if key not in table:
        raise InputError(
            path,
            f"experiment '{name}' names {what} '{key}'",
            f"Nearest valid: '{nearest(key, table)}'",
        )
    return table[key]


def _check_sources(study: Study, experiments: dict, file: Path) -> None:
    for source, keypoints in study.keypoints.items():
        wanted = keypoints.experiment
        if wanted is not None and wanted not in experiments:
            raise InputError(
                file,
                f"key 'keypoints.{source}.experiment': no '{wanted}'",
                f"Nearest valid: '{nearest(wanted, experiments)}'",
            )
        if keypoints.data not in study.datasets:
            raise InputError(
                file,
                f"key 'keypoints.{source}.data': no role '{keypoints.data}'",
                f"Nearest valid: '{nearest(keypoints.data, study.datasets)}'",
            )


def _check_options(study: Study, file: Path) -> None:
    """What the study's scale sets must be a setting, even where no experiment meets it."""
    protocols = {
        f for k in (Human36mProtocol, Mpi3dhpProtocol, CocoProtocol) for f in k.model_fields
    }
    known = {
        "models": Model.model_fields,
        "training": Training.model_fields,
        "protocols": protocols,
    }
    for part, fields in known.items():
        for owner, options in getattr(study.scale, part).items():
            _check_known(options, fields, file, f"unknown key 'scale.{part}.{owner}.{{}}'")


def _check_patterns(study: Study, experiments: dict, file: Path) -> None:
    """Every pattern must meet an experiment, every protocol that is changed must be in use."""
    for key in ("only", "not_run"):
        patterns = [p for p in getattr(study, key) if not fnmatch.filter(experiments, p)]
        _check_known(patterns, experiments, file, f"key '{key}': no experiment '{{}}'")
    protocols = sorted({e.protocol.name for e in experiments.values()})
    _check_known(study.scale.protocols, protocols, file, "key 'scale.protocols': no protocol '{}'")


def _check_known(names: Iterable[str], known: Iterable[str], file: Path, what: str) -> None:
    for name in names:
        if name not in known:
            hint = f"Nearest valid: '{nearest(name, known)}'"
            raise InputError(file, what.format(name), hint)
