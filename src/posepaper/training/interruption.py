"""Signals that end a training in good order: saved after the step it is at, to be gone on with."""

import signal
import threading

from posepaper.errors import Interrupted

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Interruption:
    """While entered, the signals of pre-emption and of time limits only leave a note.

    SLURM sends SIGTERM before it takes a node away or cancels a job, and the signal a user chose
    (``--signal``) before a time limit. A second SIGINT ends the process at once.
    """

    def __init__(self):
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame) -> None:
        if self.signal == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)

    def error(self, label: str, where: str) -> Interrupted:
        """What to raise once the state is saved."""
        name = self.signal.name if self.signal else "another process of this training"
        return Interrupted(f"{label}: stopped by {name} at {where}. Run again to go on from there")
