"""What a job of the DAG is, and which module runs it."""

import json
from dataclasses import asdict, dataclass, field

from posepaper.provenance import fingerprint
from posepaper.stages.choices import choices

MODULES = {
    "prepare": "posepaper.stages.prepare",
    "train": "posepaper.stages.train",
    "detect": "posepaper.stages.detect",
    "predict": "posepaper.stages.evaluate",
    "evaluate": "posepaper.stages.evaluate",
    "make_table": "posepaper.stages.tables",
    "make_parameters": "posepaper.stages.ledger",
    "make_ledger": "posepaper.stages.ledger",
    "make_details": "posepaper.stages.details",
    "make_figure": "posepaper.stages.figures",
    "make_report": "posepaper.stages.report",
    "make_pdf": "posepaper.stages.report",
}


@dataclass(frozen=True)
class Job:
    """One run of one rule."""

    rule: str
    wildcards: dict[str, str]
    outputs: dict[str, str]
    inputs: dict[str, str | list[str]] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    settings: dict = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The first output, by which the job is known."""
        return next(iter(self.outputs.values()))

    def as_json(self) -> dict:
        """What its stamp says of it, as JSON gives it back; ``target``, for that keeps no order."""
        plain = json.loads(json.dumps(asdict(self)))
        return {**plain, "target": self.target, "module": module(self.rule)}

    def input_paths(self) -> list[str]:
        """Every artefact the job reads."""
        given = self.inputs.values()
        return [p for value in given for p in ([value] if isinstance(value, str) else value)]


def module(rule: str) -> str:
    """The stage module that runs a rule."""
    return MODULES.get(rule) or MODULES[rule.partition("_")[0]]


def code(rule: str, settings: dict, source: fingerprint.Code | None = None) -> dict:
    """The code a job can reach with its settings, see :meth:`Code.reach`.

    Args:
        source: the package that is read; default: the one this process runs.
    """
    chosen = choices(rule, settings)
    return (source or fingerprint.installed()).reach(module(rule), rule, chosen)
