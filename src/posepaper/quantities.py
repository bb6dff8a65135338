"""What a measured number is: its unit, which way is better, the alignment and joints behind it.

Every value in a metrics file travels with its quantity, and a table's column takes no other.
"""

from dataclasses import asdict, dataclass, field
from typing import Literal

from posepaper.errors import InputError
from posepaper.skeleton import COCO, H36M, MPI3DHP

HELD_OUT = "held_out_"
JOINTS = {"human36m": H36M.name, "mpi3dhp": MPI3DHP.name, "coco": COCO.name}


@dataclass(frozen=True)
class Quantity:
    """One kind of number.

    ``shown`` are the units in which a table may print it, each with the factor from ``unit``;
    ``alignment`` is what is done to a predicted pose before it is compared; ``people`` are all of
    the test set, or those of whom no sequence is in the training.
    """

    name: str
    unit: str
    better: Literal["lower", "higher"]
    shown: dict[str, float] = field(default_factory=dict)
    alignment: Literal["root", "similarity", "scale"] | None = None
    joints: str | None = None
    people: Literal["all", "held-out"] = "all"


def _error(name: str, unit: str, alignment: str, joints: str, people: str = "all") -> Quantity:
    return Quantity(name, unit, "lower", {unit: 1.0}, alignment, joints, people)


def _human36m(protocol: dict) -> dict[str, Quantity]:
    found = {}
    for prefix, people in (("", "all"), (HELD_OUT, "held-out")):
        found[f"{prefix}mpjpe"] = _error("MPJPE", "mm", "root", H36M.name, people)
        found[f"{prefix}p_mpjpe"] = _error("P-MPJPE", "mm", "similarity", H36M.name, people)
        found[f"{prefix}n_mpjpe"] = _error("N-MPJPE", "mm", "scale", H36M.name, people)
        found[f"{prefix}mpjve"] = _error("MPJVE", "mm/frame", "root", H36M.name, people)
    return found


def _mpi3dhp(protocol: dict) -> dict[str, Quantity]:
    joints = f"{protocol['pck_joints']} of {MPI3DHP.name}"
    shares = {n.lower(): Quantity(n, "%", "higher", {"%": 1.0}, "root", joints) for n in RATES}
    return {"mpjpe": _error("MPJPE", "mm", "root", MPI3DHP.name), **shares}


def _coco(protocol: dict) -> dict[str, Quantity]:
    return {
        metric: Quantity(name, "%", "higher", {"points": 1.0}, joints=COCO.name)
        for metric, name in PRECISIONS.items()
    }


RATES = ("PCK", "AUC")
PRECISIONS = {
    **{"ap": "AP", "ap50": "AP^50", "ap75": "AP^75", "ap_medium": "AP^M", "ap_large": "AP^L"},
    "ar": "AR",
}
COSTS = {
    "parameters": Quantity("#Param", "1", "lower", {"M": 1e-6}),
    "gmac": Quantity("GMAC", "GMAC", "lower", {"GMAC": 1.0}),
    "checkpoint_bytes": Quantity("Checkpoint", "byte", "lower", {"MB": 1e-6}),
}
MEASURED = {"human36m": _human36m, "mpi3dhp": _mpi3dhp, "coco": _coco}


def of(protocol: dict) -> dict[str, Quantity]:
    """Every quantity a protocol measures, and a network's costs, by the metric's name.

    Args:
        protocol: all its settings, ``kind`` among them.
    """
    return MEASURED[protocol["kind"]](protocol) | COSTS


def metric_of(value: str) -> str:
    """The metric's name in that of a value: ``mpjpe`` of ``mpjpe/Walking``."""
    return value.partition("/")[0]


def described(values: dict, protocol: dict) -> dict[str, dict]:
    """What the values of a metrics file are, as JSON, by the metric's name.

    Raises:
        InputError: a value is of no quantity that the protocol measures.
    """
    known, names = of(protocol), sorted({metric_of(value) for value in values})
    if unknown := [name for name in names if name not in known]:
        what = f"measures no '{unknown[0]}'"
        raise InputError(f"protocol {protocol['name']}", what, "Say in quantities.py what it is")
    return {name: asdict(known[name]) for name in names}


def factor(metrics: dict, value: str, unit: str) -> float:
    """From the unit in which a metrics file has a value to the one in which a table prints it."""
    return metrics["quantities"][metric_of(value)]["shown"][unit]
