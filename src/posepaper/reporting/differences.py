"""The numbers that differ between two states of the results: Markdown and HTML."""

from posepaper.reporting.render import TEMPLATES, jinja_environment

MOST = 4


def as_html(found: dict) -> str:
    """One page for a reader.

    Args:
        found: {"study", "from", "to", "numbers"} as ``posepaper diff --json`` prints it.
    """
    template = jinja_environment(TEMPLATES, autoescape=True).get_template("diff/index.html.j2")
    return template.render(
        study=found["study"],
        start=found["from"],
        end=found["to"],
        beyond=sum(bool(n["beyond"]) for n in found["numbers"]),
        numbers=[_row(number) for number in found["numbers"]],
    )


def as_markdown(found: dict) -> str:
    """A table for a pull request; bold where the difference exceeds the interval."""
    head = f"**{len(found['numbers'])} numbers of study {found['study']} differ** "
    lines = [head + f"from `{found['from'][:12]}` to `{found['to'][:12]}`.", ""]
    if found["numbers"]:
        lines += [
            "| number | old | new | difference | interval ± | cause |",
            "|---|---|---|---|---|---|",
        ]
    for number in found["numbers"]:
        row = _row(number)
        difference = f"**{row['difference']}**" if row["beyond"] else row["difference"]
        causes = "; ".join(f"{kind}: {', '.join(w)}" for kind, w in row["causes"].items())
        shown = (row["old"], row["new"], difference, row["half_width"], _escaped(causes))
        lines.append(f"| `{row['address']}` | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def _row(number: dict) -> dict:
    causes = {
        category: [*words[:MOST], *([f"and {len(words) - MOST} more"] if len(words) > MOST else [])]
        for category, words in number["causes"].items()
    }
    return {
        "address": number["address"],
        "old": _shown(number["old"], number["old_status"]),
        "new": _shown(number["new"], number["new_status"]),
        "difference": _shown(number["difference"], "", "+"),
        "half_width": _shown(number["half_width"], ""),
        "beyond": number["beyond"],
        "causes": causes,
    }


def _shown(value: float | None, status: str | None, sign: str = "") -> str:
    return (status or "-") if value is None else format(value, f"{sign}.4g")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
