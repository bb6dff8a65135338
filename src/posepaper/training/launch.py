"""torchrun, deaf to the signals that its processes answer: each of them saves first.

``python -m posepaper.training.launch`` takes torchrun's own options. torchrun itself would end
its processes 30 s after a SIGTERM, saved or not, and die of a SIGUSR1 at once.
"""

import os
import signal
import sys


def main() -> None:
    """Runs torchrun; SIGINT still ends it."""
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    # DDP warns of an option that is meant: devices.fabric_of says why.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Takes seconds, in which a signal may come.
    from torch.distributed.run import main as torchrun

    torchrun(["--signals-to-handle=SIGINT", *sys.argv[1:]])


if __name__ == "__main__":
    main()
