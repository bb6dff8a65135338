"""One writer in a folder: who works there, and whether it still does."""

import contextlib
import json
import logging
import os
import platform
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LOG = logging.getLogger(__name__)
BEAT = 5.0
# Of a process on another machine all that is seen is that its file changes.
SILENCE = 60.0


class Lease:
    """The right to write in a folder.

    A trainer that outlived the driver which started it (killed with SIGKILL, say) still holds
    its run folder: who comes second waits until the first has finished, and finds its state.

    Args:
        folder: a run folder, say.
        silence: seconds without a sign of life after which a holder elsewhere counts as dead.
    """

    def __init__(self, folder: str | Path, silence: float = SILENCE):
        self.path, self.silence = Path(folder) / "lease.json", silence
        self._ended = threading.Event()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Waits for the lease and holds it, with a sign of life every few seconds."""
        self._wait()
        self.keep()
        try:
            yield
        finally:
            self.release()

    def take(self) -> bool:
        """Takes it and keeps it where nobody alive holds it; True where that worked."""
        while not self._take():
            if self.alive():
                return False
            self._drop()
        self.keep()
        return True

    def keep(self) -> None:
        """Gives signs of life from now on."""
        threading.Thread(target=self._beat, daemon=True).start()

    def release(self) -> None:
        """Gives it back, where it is still this process's."""
        self._ended.set()
        if self.holder() == me():
            self.path.unlink(missing_ok=True)

    def holder(self) -> dict | None:
        """{"host", "boot", "pid", "started", "job"} of who holds it, None where nobody does."""
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def alive(self) -> bool:
        """Whether a process on this machine holds it; of another machine's, unknown: True."""
        holder = self.holder()
        return holder is not None and lives(holder) is not False

    def here(self) -> bool:
        """Whether its holder is of this machine, since it was last started."""
        holder = self.holder()
        return holder is None or lives(holder) is not None

    def name(self) -> str:
        """The holder in words."""
        holder = self.holder() or {"pid": "unknown", "host": "unknown", "job": None}
        job = f", SLURM job {holder['job']}" if holder.get("job") else ""
        return f"process {holder['pid']} on {holder['host']}{job}"

    def _wait(self) -> None:
        seen, since, told = None, time.monotonic(), False
        while not self._take():
            if not self.alive():
                self._drop()
                continue
            sign = self.sign()
            if sign != seen:
                seen, since = sign, time.monotonic()
            holder = self.holder()
            if not self.here() and time.monotonic() - since > self.silence:
                LOG.warning("%s: no sign of life, taking over", self.path)
                self._drop()
                continue
            if not told and holder is not None:
                LOG.warning("%s: %s is at work, waiting for it", self.path.parent, self.name())
                told = True
            time.sleep(min(1.0, self.silence / 10))

    def _take(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        own = self.path.with_name(f".lease-{platform.node()}-{os.getpid()}")
        own.write_text(json.dumps(me()), encoding="utf-8")
        try:
            # A link is made once, on network file systems too.
            os.link(own, self.path)
        except FileExistsError:
            return False
        finally:
            own.unlink()
        return True

    def _drop(self) -> None:
        self.path.unlink(missing_ok=True)

    def sign(self) -> int:
        """Changes as long as the holder lives."""
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return 0

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(self.path)


def me() -> dict:
    """{"host", "boot", "pid", "started", "job"} of this process."""
    return {
        "host": platform.node(),
        "boot": _boot(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "job": os.environ.get("SLURM_JOB_ID"),
    }


def lives(process: dict) -> bool | None:
    """Whether a process that :func:`me` described still runs; None of another machine's."""
    if (process["host"], process["boot"]) != (platform.node(), _boot()):
        return None
    return _started(process["pid"]) == process["started"]


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _started(pid: int) -> str | None:
    """When a process began, in the kernel's ticks: a number is given again, this is not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
