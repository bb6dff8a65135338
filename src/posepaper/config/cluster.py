"""What a job asks of a cluster, and what a cluster has to give."""

from pathlib import Path

from pydantic import Field

from posepaper.config.reading import parse, read_yaml
from posepaper.config.strict import Strict

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"
DAY = 24 * 60


class Need(Strict):
    """What a job of one kind asks for at its first attempt. It changes no result."""

    memory: int | None = Field(None, ge=1000, description="MB a node; the job's own Snakemake: 160")
    minutes: int | None = Field(None, gt=0, description="of a job; of a training beside its epochs")
    epoch_minutes: float | None = Field(None, ge=0, description="of a training on one device")
    workers: int | None = Field(None, ge=0, description="processors a device that read data")


class Queue(Strict):
    """A partition."""

    partition: str = Field(pattern=NAME)
    max_minutes: int = Field(DAY, gt=0, description="no job asks for more; the partition's limit")
    max_memory: int = Field(gt=0, description="MB a node; no job asks for more")


class GpuQueue(Queue):
    """A partition with GPUs."""

    type: str | None = Field(None, pattern=NAME, description="as in --gres=gpu:TYPE:1")
    per_node: int = Field(gt=0, description="GPUs of a node")


class Site(Strict):
    """``workflow/profiles/{name}/site.yaml``: what this project must know of a cluster."""

    account: str | None = Field(None, pattern=NAME)
    qos: str | None = Field(None, pattern=NAME)
    cpu: Queue
    gpu: GpuQueue
    growth: float = Field(2.0, gt=1, description="factor on memory and time with every attempt")
    extra: str | None = Field(None, description="further options of sbatch, as one string")


def site_file(profile: str, root: str | Path = ".") -> Path:
    """Where the site of a profile is described."""
    return Path(root) / "workflow" / "profiles" / profile / "site.yaml"


def load_site(profile: str = "slurm", root: str | Path = ".") -> Site:
    """The site of a profile.

    Raises:
        InputError: absent, or a key is wrong; names file, key and the nearest valid name.
    """
    file = site_file(profile, root)
    return parse(Site, read_yaml(file), file)
