"""Checks that arrays of outside files must pass, with errors a user can act on."""

import numpy as np

from posepaper.errors import InputError


def check_array(file, label: str, array, joints: int | None, channels: int) -> np.ndarray:
    """Gives ``array`` as numpy's, checked to be (T, joints, channels) of finite numbers.

    ``label`` says in errors which array of the file it is.

    Raises:
        InputError: another shape, another joint count, no frame, or a coordinate that is no number.
    """
    try:
        array = np.asarray(array)
    except ValueError:
        raise InputError(file, f"{label} is ragged", "Fetch or make the file again") from None
    if array.ndim != 3 or array.shape[-1] != channels or array.dtype.kind not in "fiu":
        fault = f"{label} is {array.dtype} {array.shape}, not numbers (frames, joints, {channels})"
        raise InputError(file, fault, "Fetch or make the file again")
    if joints is not None and array.shape[1] != joints:
        fault = f"{label} has {array.shape[1]} joints, not {joints}"
        raise InputError(file, fault, "Use the file of the joint set that the study names")
    if not len(array):
        raise InputError(file, f"{label} has no frames", "Fetch or make the file again")
    if not np.isfinite(array).all():
        frame = int(np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))[0])
        fault = f"{label} has a coordinate that is not a finite number at frame {frame}"
        raise InputError(file, fault, "Repair or leave out the sequence")
    return array
