"""What a figure's job takes beside metrics, curves and tables: inputs and settings by its kind."""

from posepaper.experiments import network_settings

More = tuple[dict, dict]


def networks(layout: dict) -> list[str]:
    """The experiments whose networks a figure shows."""
    panels = layout.get("panels", [])
    named = [(*panel.get("system", {}).values(), panel.get("network")) for panel in panels]
    own = [layout["experiment"]] if "experiment" in layout else []
    return sorted({name for names in named for name in names if name} | set(own))


def more(builder, layout: dict) -> More | str:
    """Further inputs and settings, or why there is nothing to draw."""
    kind = KINDS.get(layout["kind"])
    return kind(builder, layout) if kind else ({}, {})


def _video(builder, layout: dict) -> More | str:
    followed = builder.video_poses()
    if isinstance(followed, str):
        return followed
    dataset = builder.study.datasets["video"]
    return (
        {"data": followed.inputs["data"], "poses": followed.target},
        {"show": dataset.show, "identity": dataset.identity},
    )


def _architecture(builder, layout: dict) -> More:
    """Networks as this study builds them, trained or not."""
    found = {name: builder.study.experiments[name] for name in networks(layout)}
    models = {name: e.model.options() | {"name": e.model.name} for name, e in found.items()}
    images = {name: list(e.image) for name, e in found.items() if e.kind == "pose2d"}
    settings: dict = {"models": models, "image": images}
    systems = [panel["system"] for panel in layout["panels"] if "system" in panel]
    if systems:
        settings["decoder"] = found[systems[0]["pose2d"]].protocol.decoder
        settings["detector"] = builder.detector()[0]
    return {}, settings


def _heatmaps(builder, layout: dict) -> More | str:
    name = layout["experiment"]
    if builder.states[name]:
        return builder.states[name]
    e = builder.study.experiments[name]
    inputs = {
        "data": builder.data(e.data),
        "checkpoint": builder.artefact("checkpoints", name, 0, ".safetensors"),
    }
    return inputs, network_settings(e)


def _detectors(builder, layout: dict) -> More | str:
    names = layout["experiments"]
    lacking = [builder.states[name] for name in names if builder.states[name]]
    if lacking:
        return lacking[0]
    sources = [builder.study.experiments[name].source for name in names]
    return {
        "data": builder.data(builder.study.experiments[names[0]].data),
        "predictions": [builder.artefact("predictions", name, 0, ".h5") for name in names],
        "keypoints": [builder.keypoints(source) for source in sources],
        "exact": builder.keypoints("gt"),
        "frames": builder.frames(),
    }, {}


def _failures(builder, layout: dict) -> More | str:
    name = layout["experiment"]
    if builder.states[name]:
        return builder.states[name]
    inputs = {
        "data": builder.data(builder.study.experiments[name].data),
        "predictions": [builder.artefact("predictions", name, 0, ".h5")],
    }
    return inputs | ({"frames": builder.frames()} if builder.has_frames() else {}), {}


KINDS = {
    "video": _video,
    "architecture": _architecture,
    "panels": _heatmaps,
    "detectors": _detectors,
    "failures": _failures,
}
