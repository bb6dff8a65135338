"""What a figure's job takes beside metrics, curves and tables: inputs and settings by its kind."""

More = tuple[dict, dict]


def networks(layout: dict) -> list[str]:
    """The experiments whose networks a figure shows."""
    panels = layout.get("panels", [])
    named = [(*panel.get("system", {}).values(), panel.get("network")) for panel in panels]
    return sorted({name for names in named for name in names if name})


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
    decoders = [e.protocol.decoder for e in found.values() if e.kind == "pose2d"]
    settings = {"models": models, "image": images, "decoder": next(iter(decoders), None)}
    return {}, settings | {"detector": builder.detector()[0]}


KINDS = {"video": _video, "architecture": _architecture}
