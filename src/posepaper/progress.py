"""Progress of long work, readable in a terminal and in a log file alike."""

import contextlib
import math
import sys
import time

_begun: list["Progress"] = []


def now() -> dict | None:
    """How far this process is: {"label", "done", "total", "unit", "left" (s), "facts"}.

    Of progress within progress the innermost; None where nothing counts.
    """
    return _begun[-1].as_json() if _begun else None


class Progress:
    """Prints ``label 120/400 30% 00:12 left loss=0.031`` to stderr, a line every few seconds.

    Of several processes that do one work together only one has it ``shown``.
    """

    def __init__(
        self, label: str, total: int, unit: str = "step", every: float = 2.0, shown: bool = True
    ):
        self.label, self.total, self.unit, self.every = label, total, unit, every
        self.shown = shown
        self.done, self.first, self.facts = 0, 0, {}
        self.start = self.last = time.monotonic()

    def __enter__(self):
        _begun.append(self)
        return self

    def __exit__(self, kind, *_):
        _begun.remove(self)
        if kind is None:
            self._print()

    def skip(self, n: int) -> None:
        """Counts ``n`` units done before this run began; they do not speed up the forecast."""
        self.done += n
        self.first += n

    def update(self, n: int = 1, **facts) -> None:
        """Counts ``n`` more units done; ``facts`` are shown behind the time left."""
        self.done += n
        self.facts = facts or self.facts
        if time.monotonic() - self.last >= self.every:
            self._print()

    def as_json(self) -> dict:
        """See :func:`now`; facts that are no numbers as text, and those that are not finite."""
        facts = {
            k: v if isinstance(v, int | float) and math.isfinite(v) else str(v)
            for k, v in self.facts.items()
        }
        shown = {"label": self.label, "done": self.done, "total": self.total, "unit": self.unit}
        return {**shown, "left": self._left(time.monotonic()), "facts": facts}

    def _left(self, moment: float) -> float:
        rate = (self.done - self.first) / max(moment - self.start, 1e-9)
        return (self.total - self.done) / rate if rate else 0.0

    def _print(self) -> None:
        self.last = time.monotonic()
        if not self.shown:
            return
        left = self._left(self.last)
        share = 100 * self.done / self.total if self.total else 100.0
        values = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in self.facts.items()}
        facts = "".join(f" {k}={v}" for k, v in values.items())
        minutes, seconds = divmod(int(left + 0.5), 60)
        # Who reads along may leave; the work goes on.
        with contextlib.suppress(OSError):
            print(
                f"{self.label} {self.done}/{self.total} {self.unit}s {share:.0f}% "
                f"{minutes:02d}:{seconds:02d} left{facts}",
                file=sys.stderr,
                flush=True,
            )
