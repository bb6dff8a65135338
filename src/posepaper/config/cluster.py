"""What a job asks of a cluster, and what a cluster has to give."""

import re
import shlex
from pathlib import Path

from pydantic import Field

from posepaper.config.reading import parse, read_yaml
from posepaper.config.strict import Strict
from posepaper.errors import InputError

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"
# All that Snakemake's SLURM executor takes between the colons of a job's gres; no hyphen.
GPU_TYPE = r"^[A-Za-z0-9_.]+$"
DAY = 24 * 60


class Need(Strict):
    """What a job of one kind asks for at its first attempt. It changes no result."""

    memory: int | None = Field(None, ge=1000, description="MB of a process; of Snakemake: 160")
    minutes: int | None = Field(None, gt=0, description="of a job; of a training beside its epochs")
    epoch_minutes: float | None = Field(None, ge=0, description="of a training on one device")
    workers: int | None = Field(None, ge=0, description="processors a device that read data")


class Queue(Strict):
    """A partition."""

    partition: str = Field(pattern=NAME)
    max_minutes: int = Field(DAY, gt=0, description="no job asks for more; the partition's limit")
    max_memory: int = Field(gt=0, description="MB a node; no job asks for more")
    constraint: str | None = Field(None, min_length=1, description="sbatch --constraint")


class GpuQueue(Queue):
    """A partition with GPUs."""

    type: str | None = Field(None, pattern=GPU_TYPE, description="as in --gres=gpu:TYPE:1")
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
        InputError: absent, or a key is wrong; names file, key and the nearest valid name. Or
            ``extra`` has an option that Snakemake's SLURM executor sets itself; names that.
    """
    file = site_file(profile, root)
    site = parse(Site, read_yaml(file), file)
    try:
        extra = shlex.split(site.extra or "")
    except ValueError as error:
        raise InputError(file, f"key 'extra': {str(error).lower()}", "Close the quotes") from None
    if option := _refused(extra):
        what = f"key 'extra': Snakemake's SLURM executor sets {option} itself and refuses it here"
        todo = "Remove it; account, qos, partition and constraint are keys, the rest is the rules'"
        raise InputError(file, what, todo)
    return site


def _refused(extra: list[str]) -> str:
    """The first option that the executor refuses beside its own, '' for none."""
    if not extra:
        return ""
    # Here, for most sites have no extra, and this imports Snakemake.
    from snakemake_executor_plugin_slurm.validation import get_forbidden_slurm_options

    found = (re.search(pattern, shlex.join(extra)) for pattern in get_forbidden_slurm_options())
    return next((match[0].rstrip("= ") for match in found if match), "")
