"""Every setting of a study, declared once."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from posepaper.config.cluster import Need
from posepaper.config.reading import nearest, parse, read_yaml
from posepaper.config.strict import Strict

__all__ = ["nearest", "parse", "read_yaml"]

Position = Literal["none", "before_msa", "after_msa", "after_mlp"]
Network = Literal[
    *("hrnet_w32", "hrnet_w48", "simplebaseline_resnet50", "simplebaseline_resnet101"),
    *("hourglass_8", "moganet_tiny", "moganet_small", "martinez", "videopose3d", "poseformer"),
    "gsam",
]


# What a study's needs are said of: a stage, a rule or a network.
Asking = Literal[
    *("prepare", "prepare_world", "prepare_poses", "prepare_people", "prepare_crops"),
    *("prepare_video", "prepare_keypoints", "prepare_frames", "prepare_few", "train"),
    *("train_pose2d", "train_lifting", "detect", "detect_video", "predict", "predict_pose2d"),
    *("predict_lifting", "evaluate", "evaluate_pose2d", "evaluate_lifting", "evaluate_epochs"),
    *("make", Network),
]


# A file of a data root's folder ``weights``.
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"


class Config(Strict):
    """``config.yaml`` with what ``--config`` sets."""

    study: str
    data: str | tuple[str, ...] = Field((), description="folders searched for the datasets")
    rehearse: bool = Field(False, description="a few steps of everything, in a folder of its own")


class Model(Strict):
    """A network and its options; an option left out keeps the network's own default."""

    name: Network
    frames: int | None = Field(None, description="receptive field of a lifting network, frames")
    sam: Position | None = Field(None, description="where the spatial attention stands")
    tam: Position | None = Field(None, description="where the temporal attention stands")
    attention: bool | tuple[tuple[int, int], ...] | None = Field(
        None, description="CAM+SAM: an HRNet's (paper stage, sub-network); true: after each stage"
    )
    reading: Literal["literal", "count_matching"] | None = None
    width: int | None = Field(None, description="channels of a 2D network's first branch or stage")
    widths: tuple[int, ...] | None = Field(None, description="channels of MogaNet's stages")
    depths: tuple[int, ...] | None = Field(None, description="blocks of MogaNet's stages")
    deconv: int | None = Field(None, description="channels of a deconvolution head")
    stacks: int | None = Field(None, description="stacked hourglasses")
    stem: int | None = Field(None, description="channels of an HRNet's stem")
    modules: tuple[int, int, int] | None = Field(None, description="modules of stages 2-4")
    blocks: int | tuple[int, ...] | None = Field(None, description="of a branch; of ResNet stages")
    channels: int | None = Field(None, description="channels of a convolutional or linear lifter")
    spatial_width: int | None = Field(None, description="width of a spatial transformer block")
    depth: int | None = Field(None, description="transformer blocks of each kind; of an hourglass")
    heads: int | None = None
    dropout: float | None = Field(None, ge=0, lt=1)
    drop_path: float | None = Field(None, ge=0, lt=1)

    def options(self) -> dict:
        """Keyword arguments of ``posepaper.models.create``."""
        given = self.model_dump(exclude_none=True)
        given.pop("name")
        return given


class Training(Strict):
    """How a network is trained."""

    optimizer: Literal["adam", "amsgrad", "adamw"] = "adam"
    lr: float = Field(gt=0)
    weight_decay: float = 0.0
    lr_decay: float = Field(1.0, description="factor on the learning rate")
    lr_decay_every: int = Field(1, gt=0, description="epochs between two such factors")
    milestones: tuple[int, ...] = Field((), description="epochs at which the rate falls tenfold")
    epochs: int = Field(gt=0)
    batch: int = Field(gt=0)
    samples_per_epoch: int | None = Field(None, gt=0, description="None: every sample once")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    threads: int = Field(gt=0, description="torch's threads; results depend on it")
    devices: int = Field(1, gt=0, description="processes of a node that share the batch")
    nodes: int = Field(1, gt=0, description="nodes; a cluster grants both, one machine runs one")
    padding: Literal["edge", "none"] = Field("edge", description="of a lifter's training windows")
    flip: bool = True
    compile: bool = Field(False, description="torch.compile the network while it trains")
    scale_factor: float = Field(
        0.0, ge=0, le=0.5, description="2D augmentation, +- share of the scale"
    )
    rotation: float = Field(0.0, ge=0, description="2D augmentation, degrees")
    half_body: float = Field(0.0, ge=0, le=1, description="2D augmentation, probability")
    bn_momentum: tuple[float, float] | None = Field(None, description="first and last epoch's")
    save_every: int = Field(1, gt=0, description="epochs between two saved states")
    validate_every: int | None = Field(
        None, gt=0, description="2D: epochs between two kept ones, AP of which is measured later"
    )


class Human36mProtocol(Strict):
    """Errors in mm on Human3.6M, or on another dataset in its joints."""

    name: str
    kind: Literal["human36m"]
    flip: bool = Field(description="average with the mirrored input at test time")
    root: Literal["predicted", "zero"] = Field(description="whether the predicted root counts")
    mpjve_weight: Literal["T-1", "T"] = Field(description="a sequence's weight in MPJVE")


class Mpi3dhpProtocol(Strict):
    """Error in mm, PCK and AUC on MPI-INF-3DHP's valid test frames."""

    name: str
    kind: Literal["mpi3dhp"]
    flip: bool = Field(description="average with the mirrored input at test time")
    root: Literal["predicted", "zero"] = Field(description="whether the predicted root counts")
    pck_joints: Literal[14, 17] = Field(14, description="joints of PCK and AUC, see mpi3dhp.py")


class CocoProtocol(Strict):
    """AP and AR over OKS."""

    name: str
    kind: Literal["coco"]
    flip: bool = Field(description="average with the mirrored image's heatmaps")
    decoder: Literal["quarter-offset", "dark"]
    keypoint_threshold: float = Field(description="scores above it enter the rescoring")
    nms_threshold: float = Field(description="OKS above which a weaker person is dropped")


Protocol = Annotated[Human36mProtocol | Mpi3dhpProtocol | CocoProtocol, Field(discriminator="kind")]


class Experiment(Strict):
    """One training and its evaluation; table rows that need the same share it."""

    name: str = Field(pattern=r"^[a-z0-9]+/[a-z0-9.\-]+$")
    kind: Literal["pose2d", "lifting"]
    model: Model
    data: str = Field(description="data role")
    source: str | None = Field(None, description="2D source role of a lifting network")
    boxes: Literal["detector", "ground-truth"] | None = Field(None, description="person boxes")
    training: Training
    protocol: Protocol
    image: tuple[int, int] | None = Field(None, description="crop height and width of a 2D network")
    weights: str | None = Field(
        None, pattern=FILE_NAME, description="published weights, evaluated without training"
    )
    backbone: str | None = Field(
        None, pattern=FILE_NAME, description="ImageNet weights a 2D network's training starts from"
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.weights and self.backbone:
            raise ValueError("weights and backbone exclude each other")
        if self.backbone and self.kind != "pose2d":
            raise ValueError("backbone is for 2D networks")
        return self


class Dataset(Strict):
    """What a study binds to a data role."""

    identity: str = ""
    name: str = Field("", description="what a reader calls it: 'needs Human3.6M'")
    reader: Literal["human36m", "mpi_inf_3dhp", "coco", "cmu", "video"] | None = None
    folder: str = Field("", description="below a data root; 'world' is the generated mini world")
    files: dict[str, str | None] = Field({}, description="needed files and pinned sha256, if any")
    wheel: str | None = Field(None, description="package on PyPI that carries the files")
    url: str = ""
    licence: str = ""
    images: bool = Field(False, description="has video frames a 2D network can be applied to")
    boxes: str = Field("", description="'ground-truth', or the identity of its person-box file")
    show: dict[str, tuple[int, int]] = Field(
        {}, description="two frames of one video that a figure shows, counted from 0"
    )
    samples: dict[Literal["train", "test"], Annotated[int, Field(gt=0)]] = Field(
        {}, description="frames, or people and boxes; for `posepaper cost` until data are prepared"
    )
    not_applicable: str | None = Field(None, description="why this study cannot have it")


class Keypoints(Strict):
    """What a study binds to a 2D source role."""

    data: str = "pose3d"
    identity: str = ""
    file: str | None = Field(None, description="keypoint file beside the dataset")
    experiment: str | None = Field(None, description="the 2D network that detects them")
    noise: float | None = Field(None, ge=0, description="pixels of simulated detector noise")
    not_applicable: str | None = None


class World(Strict):
    """The generated mini world."""

    seed: int = 0
    frames: tuple[int, int] = Field(description="fewest and most frames of a sequence")
    coco_images: dict[Literal["train", "val"], int]
    subjects: tuple[str, ...] | None = None
    actions: tuple[str, ...] | None = None
    takes: int = Field(2, gt=0)


class Verdicts(Strict):
    """Rules by which a claimed value is called reproduced; shown beside every verdict."""

    tolerance: dict[str, float] = Field(description="by unit, in that unit")
    direction: Literal["two-sided", "no-worse"] = Field(
        "two-sided", description="whether a better number than the claimed one reproduces it"
    )
    alpha: float = Field(
        0.05, gt=0, lt=1, description="chance of any false effect among rows compared at once"
    )


class Scale(Strict):
    """What a study changes in every recipe."""

    frames: dict[int, int] = Field({}, description="receptive field in the recipe -> trained")
    models: dict[Network, dict] = Field({}, description="options by network name")
    training: dict[Literal["pose2d", "lifting", Network], dict] = Field({})
    protocols: dict[str, dict] = Field({}, description="by protocol name")
    image: tuple[int, int] | None = None


class Study(Strict):
    """A study: what every role is bound to, at which scale, and every resolved experiment."""

    name: str
    title: str
    note: str
    mark: str = Field("", description="said on every page of a study that does not repeat a paper")
    seeds: int = Field(gt=0)
    world: World | None = None
    datasets: dict[Literal["pose2d", "pose3d", "mpi3dhp", "video"], Dataset]
    keypoints: dict[str, Keypoints]
    verdicts: Verdicts
    scale: Scale = Scale()
    needs: dict[Asking, Need] = Field({}, description="what jobs ask of a cluster")
    only: tuple[str, ...] = Field(("*",), description="patterns of the experiments that are run")
    not_run: dict[str, str] = Field({}, description="experiment pattern -> why it is not run")
    experiments: dict[str, Experiment] = Field({})


class Recipes(Strict):
    """One file of ``workflow/experiments``."""

    protocols: dict[str, dict]
    recipes: dict[str, dict]
    defaults: dict
    experiments: dict[str, dict]
