"""Resumable state of a run, and the checkpoint a finished run leaves."""

import hashlib
import io
import json
import logging
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from posepaper.errors import InputError
from posepaper.files import atomic, read_json, write_json

LOG = logging.getLogger(__name__)
METADATA = "posepaper"


class RunFolder:
    """The folder a run keeps its state in, one file per saved moment, the newest two kept.

    A state's file name carries its bytes' md5, so that a damaged file is known from an intact
    one whatever happened to it. A kill at any moment leaves whole states only.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    @property
    def status(self) -> dict:
        """{"state": "new" | "running" | "finished" | "failed"} and what was noted with it."""
        file = self.path / "status.json"
        return read_json(file) if file.exists() else {"state": "new"}

    def set_status(self, state: str, **facts) -> None:
        """Writes the status; ``error`` among the facts says in one line why a run failed."""
        write_json(self.path / "status.json", {"state": state, **facts})

    def kept(self, epoch: int) -> Path:
        """Where the weights after an epoch (from 1) are kept for a later validation."""
        return self.path / f"epoch-{epoch:06d}.safetensors"

    def save(self, state: dict) -> None:
        """Saves tensors, numbers, strings, lists and dicts.

        ``state["epoch"]`` and ``state["step"]``, the finished epochs and the steps since, order
        states.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getbuffer()
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        earlier = self._files()
        target = self.path / f"state-{state['epoch']:06d}-{state.get('step', 0):09d}-{digest}.pt"
        try:
            with atomic(target) as part:
                part.write_bytes(data)
        except OSError as error:
            # A full disk's error names no file, and runs may lie on a disk of their own.
            error.filename = error.filename or str(target)
            raise
        for old in earlier[1:]:
            if old != target:
                old.unlink(missing_ok=True)

    def newest(self) -> str | None:
        """The newest intact state's file name, or None; damaged ones are removed with a warning."""
        for file in self._files():
            digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
            if file.stem.endswith(digest):
                return file.name
            LOG.warning("%s: is damaged. Going back to the state before it", file)
            file.unlink(missing_ok=True)
        return None

    def load(self, name: str) -> dict:
        """A state, on the CPU."""
        return torch.load(self.path / name, map_location="cpu", weights_only=True)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("state-*.pt"), reverse=True)


def write_checkpoint(path: str | Path, model: nn.Module, metadata: dict) -> None:
    """Writes weights as safetensors, atomically; the same weights give the same bytes.

    metadata: what JSON can hold. It goes into one entry, for safetensors writes several in an
    order that changes from run to run.
    """
    save_checkpoint(path, model.state_dict(), metadata)


def save_checkpoint(path: str | Path, state: dict[str, Tensor], metadata: dict) -> None:
    """:func:`write_checkpoint` of a state dict."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    text = json.dumps(metadata, sort_keys=True, allow_nan=False)
    with atomic(path) as part:
        part.write_bytes(safetensors.torch.save(tensors, {METADATA: text}))


def read_checkpoint(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """(state dict on the CPU, metadata) of a file by :func:`write_checkpoint`.

    Raises:
        InputError: the file is absent, damaged or not one of ours.
    """
    try:
        with safetensors.safe_open(str(path), framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            return tensors, json.loads((stream.metadata() or {})[METADATA])
    except (FileNotFoundError, safetensors.SafetensorError) as error:
        what = f"cannot be read as a checkpoint ({' '.join(str(error).split())})"
        raise InputError(path, what, "Train it again or fetch it with dvc pull") from None
    except (KeyError, json.JSONDecodeError):
        what = "carries no metadata of this project"
        raise InputError(path, what, "Give a checkpoint written by posepaper") from None
