"""What a job of the DAG is, and which module runs it."""

from dataclasses import dataclass, field

MODULES = {
    "prepare": "posepaper.stages.prepare",
    "train": "posepaper.stages.train",
    "detect": "posepaper.stages.detect",
    "predict": "posepaper.stages.evaluate",
    "evaluate": "posepaper.stages.evaluate",
    "make_table": "posepaper.stages.tables",
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

    @property
    def module(self) -> str:
        """The stage module that runs it."""
        return MODULES.get(self.rule) or MODULES[self.rule.partition("_")[0]]
