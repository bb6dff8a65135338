"""What a rehearsal found, as a terminal shows it."""

from posepaper.stages.fit import shown

HEADS = ("", "state", "step", "samples/s", "memory (granted)", "device (has)", "whole (granted)")


def lines(found: dict) -> list[str]:
    """The lines of what :func:`posepaper.stages.rehearsed.find` found."""
    counts = ", ".join(f"{n} {how}" for how, n in found["jobs"].items())
    done = [row for row in found["networks"] if row["state"] == "done" and "whole" in row]
    machines = sorted({row["machine"] for row in done})
    text = [
        f"rehearsal of study {found['study']}, profile {found['profile']}: {counts}",
        *(f"networks ran on {machine}" for machine in machines),
        "",
        *_table([row for row in found["networks"] if row["rule"].startswith("train_")]),
        "",
        *_table([row for row in found["networks"] if not row["rule"].startswith("train_")]),
    ]
    for job in found["failed"]:
        text += ["", f"FAILED {job['target']}", f"  {job['why']}", f"  log: {job['log']}"]
    if found["misfits"]:
        text += ["", *(f"DOES NOT FIT {m['target']}: {m['what']}" for m in found["misfits"])]
    if found["needs"]:
        text += ["", f"correct in workflow/studies/{found['study']}.yaml, needs:"]
        text += [
            f"  {n['key']}: {n['now']:g} -> {n['wanted']:g}  ({n['because']})"
            for n in found["needs"]
        ]
    if found["notes"]:
        text += ["", *found["notes"]]
    if found["jobs"].keys() == {"done"} and not found["misfits"]:
        text += ["", "nothing failed; nothing that was judged exceeds what it is granted"]
    return text


def _table(rows: list[dict]) -> list[str]:
    cells = [HEADS, *map(_cells, rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEADS))]
    return [
        "  ".join(
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cells(row: dict) -> tuple[str, ...]:
    stage = row["rule"].partition("_")[0]
    name = row["experiment"] if stage == "train" else f"{row['rule']} {row['experiment']}"
    if "whole" not in row:
        return (name, row["state"], *[""] * (len(HEADS) - 2))
    whole, granted, step, rate = (
        row[key] for key in ("whole", "granted", "step_seconds", "samples_per_second")
    )
    there = row["device_has"]
    return (
        name,
        row["state"],
        f"{step:.3g} s" if step else "",
        f"{rate:.4g}" if rate else "",
        f"{shown(whole['memory'])} ({shown(granted['memory'])})",
        f"{shown(whole['device_memory'])} ({shown(there)})" if there else "",
        _duration(whole["seconds"])
        + (f" ({_duration(granted['seconds'])})" if granted["seconds"] else ""),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"
