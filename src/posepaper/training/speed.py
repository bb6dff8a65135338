"""How fast a training goes."""

import time


class Speed:
    """Samples a second over the epochs of this process, each without its first batch."""

    def __init__(self):
        self.samples, self.seconds, self.since = 0, 0.0, 0.0

    def step(self, step: int, samples: int) -> None:
        if step:
            self.samples += samples
        else:
            self.since = time.monotonic()

    def end(self) -> None:
        """An epoch ended and the device has caught up."""
        self.seconds += time.monotonic() - self.since

    @property
    def rate(self) -> float:
        return self.samples / self.seconds if self.samples else 0.0
