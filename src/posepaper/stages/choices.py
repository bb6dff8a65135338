"""What a job's settings choose of the code its stage could reach.

A fingerprint follows a registry (a dictionary with text as keys) only to the entries named here,
and leaves out what a network without attention never builds. What is chosen wrongly is found:
``networks`` refuses to run a network with a class that its job's fingerprint does not cover.
"""

NETWORKS = "posepaper.models:_NETWORKS"
POSES = "posepaper.stages.prepare:POSES"
KEYPOINTS = "posepaper.stages.prepare:KEYPOINTS"
PROTOCOLS = "posepaper.stages.evaluate:PROTOCOLS"
DETECTORS = "posepaper.models.person_boxes:DETECTORS"
FIGURES = "posepaper.reporting.figures:KINDS"
SHOWN = "posepaper.stages.figures:SHOWN"
IMAGE_ATTENTION = "posepaper.models.attention:ImageAttention"
SEQUENCE_ATTENTION = "posepaper.models.attention:SequenceAttention"


def choices(rule: str, settings: dict) -> dict[str, tuple]:
    """Entries by registry for one job; nothing of a definition its network leaves out."""
    chosen = _of_model(settings["model"]) if "model" in settings else {}
    if rule == "make_parameters":
        chosen[NETWORKS] = tuple(sorted({m["name"] for m in settings["models"].values()}))
    if rule in ("prepare_poses", "prepare_keypoints"):
        registry = POSES if rule == "prepare_poses" else KEYPOINTS
        chosen[registry] = (settings["reader"],)
    if rule == "evaluate_lifting":
        chosen[PROTOCOLS] = (settings["protocol"]["kind"],)
    if rule == "detect_video":
        chosen = _of_both(settings["pose2d"]["model"], settings["lifting"]["model"])
        chosen[DETECTORS] = (settings["detector"],)
    if rule == "make_figure":
        if "models" in settings:
            chosen |= _of_both(*settings["models"].values())
        chosen[FIGURES] = chosen[SHOWN] = (settings["figure"]["kind"],)
    return chosen


def _of_model(model: dict) -> dict[str, tuple]:
    chosen: dict[str, tuple] = {NETWORKS: (model["name"],)}
    if not model.get("attention"):
        chosen[IMAGE_ATTENTION] = ()
    if model["name"] == "gsam" and model.get("sam") == model.get("tam") == "none":
        chosen[SEQUENCE_ATTENTION] = ()
    return chosen


def _of_both(*models: dict) -> dict[str, tuple]:
    """The networks of all; left out is only what each of them leaves out."""
    each = [_of_model(model) for model in models]
    chosen = dict.fromkeys(set.intersection(*map(set, each)), ())
    return chosen | {NETWORKS: tuple(sorted({m["name"] for m in models}))}
