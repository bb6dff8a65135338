"""Diagrams of networks, from the networks as a study builds them."""

from torch import nn

from posepaper import models
from posepaper.errors import InputError
from posepaper.models import structure
from posepaper.models.operations import operations
from posepaper.reporting.figure_specs import Architecture, Panel
from posepaper.skeleton import COCO, H36M
from posepaper.stages import job


def panels(run: job.Run) -> list[dict]:
    """The panels of a figure, as :func:`posepaper.reporting.diagram.draw` takes them.

    The job's settings are ``figure``, ``models`` ({experiment: options and name}), ``image``
    ({2D experiment: [height, width]}), and of a system ``decoder`` and ``detector``.

    Raises:
        InputError: the figure names a module that a network lacks.
        Refused: a network has a class that the job's fingerprint leaves out.
    """
    spec, built = Architecture(**run.settings["figure"]), {}
    for name, options in run.settings["models"].items():
        given = dict(options)
        built[name] = models.outline(given.pop("name"), **given).eval()
        run.check_covers(built[name])
    return [_panel(run.settings, panel, built) for panel in spec.panels]


def _panel(settings: dict, panel: Panel, built: dict[str, nn.Module]) -> dict:
    if panel.system:
        names = panel.experiments
        graph = system(settings, names, [built[name] for name in names])
        told = [" and ".join(panel.experiments)]
    else:
        model, keys = built[panel.network], ("boxes", "lines", "repeats", "within")
        try:
            graph = structure.diagram(
                *(model, _shape(settings, panel.network, model)),
                **{key: getattr(panel, key) for key in keys},
            )
        except ValueError as error:
            where = f"{settings['paper']}:{settings['figure']['id']}"
            raise InputError(where, f"{panel.network}: {error}", "Correct figures.yaml") from None
        told = [panel.network]
    inside = f"{panel.within}: " if panel.within else ""
    told.append(f"{inside}{graph['parameters']:,} parameters")
    keys = ("title", "flow", "beside", "columns")
    return {"told": told, "graph": graph, **{key: getattr(panel, key) for key in keys}}


def _shape(settings: dict, experiment: str, model: nn.Module) -> tuple[int, ...]:
    """Of one input: a crop, or a window of 2D joints."""
    if experiment in settings["image"]:
        return (1, 3, *settings["image"][experiment])
    return (1, model.receptive_field, len(H36M.joints), 2)


def system(settings: dict, names: list[str], networks: list[nn.Module]) -> dict:
    """From a frame to a 3D pose, as ``stages.pipeline`` goes; networks' shapes are measured.

    Args:
        names, networks: the 2D experiment and the lifting one.
    """
    (pose2d, lifting), pairs = networks, zip(names, networks, strict=True)
    crop, window = (_shape(settings, name, model) for name, model in pairs)
    maps, pose = (operations(m, s)[-1].shape for m, s in ((pose2d, crop), (lifting, window)))
    steps = [
        ("frame", [], 0),
        (f"person box, {settings['detector']}", [], 0),
        ("crop", crop[1:], 0),
        (type(pose2d).__name__, maps[1:], _count(pose2d)),
        (f"decoding, {settings['decoder']}", [len(COCO.joints), 2], 0),
        ("joints of, Human3.6M", [len(H36M.joints), 2], 0),
        (f"window of, {window[1]} frames", window[1:], 0),
        (type(lifting).__name__, pose[1:], _count(lifting)),
        ("3D pose", pose[2:], 0),
    ]
    return {
        "nodes": [
            {"label": label, "name": label, "shape": list(shape), "parameters": count, "times": 1}
            for label, shape, count in steps
        ],
        "edges": [
            {"from": n, "to": n + 1, "parameters": 0, "times": 1} for n in range(len(steps) - 1)
        ],
        "frames": [],
        "parameters": _count(pose2d) + _count(lifting),
    }


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())
