"""The figures a paper's ``figures.yaml`` declares, checked on reading."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from posepaper.reporting.layout import Part, load
from posepaper.skeleton import COCO


class Curves(Part):
    """Training loss against epoch, one line per experiment."""

    id: str
    kind: Literal["curves"]
    caption: str
    experiments: list[str]
    names: dict[str, str] = Field(default_factory=dict)


class Actions(Part):
    """Bars of a table's columns, claimed beside reproduced, one colour per row."""

    id: str
    kind: Literal["actions"]
    caption: str
    table: int
    rows: list[str]


class Video(Part):
    """Frames of a video, and in each the person's box, 2D keypoints and 3D pose."""

    id: str
    kind: Literal["video"]
    caption: str


class Effects(Part):
    """Intervals of a paper's comparisons in one unit, one line per row compared."""

    id: str
    kind: Literal["effects"]
    caption: str
    families: list[str]
    unit: str


class System(Part):
    """Both networks of a whole system, by their experiments."""

    pose2d: str
    lifting: str


class Panel(Part):
    """One diagram: a ``network`` (by its experiment) or a module ``within`` it, or a ``system``.

    Other keys are those of :func:`posepaper.models.structure.diagram` and
    :func:`posepaper.reporting.diagram.draw`.
    """

    title: str
    system: System | None = None
    network: str | None = None
    within: str = ""
    boxes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    flow: Literal["across", "down"] = "down"
    columns: int = Field(default=1, ge=1, le=6)
    beside: bool = False

    @model_validator(mode="after")
    def _either(self):
        if (self.system is None) == (self.network is None):
            raise ValueError("shows either a network or a system")
        return self

    @property
    def experiments(self) -> list[str]:
        """What it is drawn from."""
        return [self.system.pose2d, self.system.lifting] if self.system else [self.network]


class Architecture(Part):
    """Networks as they are built, drawn from what they run."""

    id: str
    kind: Literal["architecture"]
    caption: str
    panels: list[Panel]


class Heatmaps(Part):
    """Input, heatmaps and keypoints of the first annotated person of the smallest image id.

    One ``joint`` is shown alone beside all together.
    """

    id: str
    kind: Literal["panels"]
    caption: str
    experiment: str
    joint: Literal[COCO.joints]


class Detectors(Part):
    """One frame through two 2D detectors, and the poses lifted from each.

    ``experiments`` are two lifters of different 2D sources, ``names`` the detectors'.
    """

    id: str
    kind: Literal["detectors"]
    caption: str
    experiments: list[str] = Field(min_length=2, max_length=2)
    names: list[str] = Field(min_length=2, max_length=2)


class Failures(Part):
    """Test frames at ``percentiles`` of the error, of a lifting experiment."""

    id: str
    kind: Literal["failures"]
    caption: str
    experiment: str
    percentiles: list[Annotated[float, Field(ge=0, le=100)]] = Field(min_length=1, max_length=4)


Any = Curves | Actions | Video | Effects | Architecture | Heatmaps | Detectors | Failures


class Figures(Part):
    """A paper's ``figures.yaml``."""

    paper: str
    figures: list[Annotated[Any, Field(discriminator="kind")]]


def read_figures(path: str | Path) -> Figures:
    """The figures a paper's report shows; raises InputError naming file, place and fault."""
    return load(path, Figures)


def is_wide(figure: Part) -> bool:
    """Whether a figure spans both columns of a page."""
    return figure.kind != "curves"
