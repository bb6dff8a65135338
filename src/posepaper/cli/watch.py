"""Watching a run."""

import json
import sys
import time
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, print_lines

Watched = Annotated[
    str, typer.Option("--study", help="study; default: the last driver's here, else config.yaml's")
]


def watch(
    study: Watched = "",
    once: Annotated[bool, typer.Option("--once", help="print and end")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="seconds between two looks")] = 3.0,
    as_json: AsJson = False,
) -> None:
    """Show what runs where and how far, what waits and why, what failed."""
    from posepaper.stages import watch as room
    from posepaper.stages import watch_text
    from posepaper.stages.plan import Plan

    plan = Plan(_config(study))
    found = room.look(plan)
    if as_json:
        print(json.dumps(found, indent=1))
    elif once or not sys.stdout.isatty():
        print_lines(watch_text.lines(found))
    else:
        found = _live(plan, found, every)
    sys.exit(0 if room.holds(found) else 1)


def _config(study: str) -> dict:
    """``config.yaml`` for the study named, else that of who drives here or was the last to."""
    from posepaper.config import read_yaml
    from posepaper.stages import driver

    config = read_yaml("config.yaml")
    if study:
        return {**config, "study": study}
    driven = (driver.known() or {}).get("study")
    # A driver's study is named in full, a rehearsal's too.
    return {**config, "study": driven, "rehearse": False} if driven else config


def _live(plan, found: dict, every: float) -> dict:
    """Looks again and again until Ctrl-C; what was last seen."""
    from rich.live import Live
    from rich.text import Text

    from posepaper.stages import watch as room
    from posepaper.stages import watch_text

    def screen() -> Text:
        return Text("\n".join(watch_text.lines(found)), no_wrap=True, overflow="ellipsis")

    try:
        with Live(screen(), screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(every)
                found = room.look(plan)
                live.update(screen(), refresh=True)
    except KeyboardInterrupt:
        return found
