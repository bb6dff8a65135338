"""What a table's column takes: one quantity, in its unit, of one protocol and one set of roles.

A column is held against what is printed over it and against what its experiments measure: by
:func:`check` before anything is computed, by :func:`number` at every number it is filled with. So
a table file that binds a column to another metric, dataset, protocol, unit or kind of person boxes
is refused, whoever wrote it.
"""

import difflib
import re

from posepaper import quantities
from posepaper.errors import InputError
from posepaper.reporting.layout import Column, Layout, Row

# Of these every row takes one; the others it may take as they come, saying so by a null.
ROLES = ("data", "protocol")


class Misfit(InputError):
    """A number that is not what its row or column asks for."""


# What a head names, the first that is found; both papers' Protocols #1 and #2 are Human3.6M's.
HEADS = {
    r"P-MPJPE|Protocol\s*#\s*2": "P-MPJPE",
    r"N-MPJPE": "N-MPJPE",
    r"MPJVE": "MPJVE",
    r"MPJPE|Protocol\s*#\s*1": "MPJPE",
    r"PCK": "PCK",
    r"AUC": "AUC",
    r"\bAP\^50": "AP^50",
    r"\bAP\^75": "AP^75",
    r"\bAP\^M": "AP^M",
    r"\bAP\^L": "AP^L",
    r"\bAP\b(?!\^)": "AP",
    r"\bAR\b": "AR",
    r"#\s*Param": "#Param",
    r"GMAC": "GMAC",
    r"Checkpoint": "Checkpoint",
}
# The papers' heads of Human3.6M's actions.
ACTIONS = {
    **{"Dir.": "Directions", "Disc": "Discussion", "Eat": "Eating", "Greet": "Greeting"},
    **{"Phone": "Phoning", "Photo": "Photo", "Pose": "Posing", "Punch": "Purchases"},
    **{"Sit": "Sitting", "SitD.": "SittingDown", "Smoke": "Smoking", "Wait": "Waiting"},
    **{"WalkD.": "WalkDog", "Walk": "Walking", "WalkT.": "WalkTogether"},
}


def check(layout: Layout, experiments: dict[str, dict], file) -> None:
    """Holds a layout against the recipes its rows name.

    Args:
        experiments: {name: {"roles", "settings" of its protocol}}; others are left alone.

    Raises:
        Misfit: a column or row asks for nothing, or for what its experiment does not measure.
    """
    stated = layout.paper_identity.get("protocol")
    if stated and "flip" not in layout.paper_identity.get("settings", {}):
        what = f"paper_identity names protocol {stated} without saying flip on or off"
        raise Misfit(file, what, "Add its settings: {flip: true}, and what else the paper says")
    for row in layout.rows:
        made = experiments.get(row.experiment) if row.origin == "reproduced" else None
        if made is None:
            continue
        where = f"{file}: row {row.id}"
        known = {n: vars(q) for n, q in quantities.of(made["settings"]).items()}
        check_roles(where, row.experiment, made["roles"], layout.merged(row, "requires"))
        for column in layout.columns:
            if column.value is not None and layout.stands(row, column):
                fits(where, layout, row, column, known)


def check_roles(where: str, made_by: str, roles: dict, requires: dict) -> None:
    """Refuses roles that differ from ``requires`` (a null there asks nothing).

    Raises:
        Misfit: names the row, the experiment and both roles; or what the row does not ask for.
    """
    unsaid = [r for r in ROLES if not requires.get(r)]
    for role in [*unsaid, *(r for r in roles if roles[r] is not None and r not in requires)]:
        what = f"does not say of which {role} its numbers are"
        raise Misfit(where, what, f"Add it: requires: {{{role}: {roles.get(role)}}}")
    for role, wanted in sorted(requires.items()):
        have = roles.get(role)
        if wanted is not None and have != wanted:
            raise Misfit(
                where,
                f"takes numbers with {role} {wanted}, and {made_by} was made with {role} {have}",
                "Bind the row to an experiment of that role, or correct what the row requires",
            )


def number(where: str, layout: Layout, row: Row, column: Column, metrics: dict) -> dict:
    """The quantity of one cell's number, as its metrics file says it, after every check.

    Returns:
        {"metric", "name", "unit", "factor" to the column's unit, "alignment", "joints", "people",
        "protocol"}.

    Raises:
        Misfit: the column takes no such number, or the file does not say what its numbers are.
    """
    known = metrics.get("quantities")
    if not known:
        what = f"{metrics['experiment']} seed {metrics['seed']} says no unit and protocol"
        raise Misfit(where, what, "Evaluate it again")
    found = fits(where, layout, row, column, known)
    told = {k: found[k] for k in ("name", "unit", "alignment", "joints", "people")}
    return {
        "metric": layout.metric(row, column),
        "protocol": metrics["roles"].get("protocol"),
        "factor": found["shown"][column.unit],
        **told,
    }


def fits(where: str, layout: Layout, row: Row, column: Column, known: dict[str, dict]) -> dict:
    """The quantity a column shows in a row, out of those that were or will be measured.

    Args:
        known: quantities as JSON by the metric's name.

    Raises:
        Misfit: it is not measured, or is not what the column's head, unit or order says.
    """
    value = layout.metric(row, column)
    metric, _, group = value.partition("/")
    place = f"{where}: column {column.id} ({column.label})"
    if metric not in known:
        near = difflib.get_close_matches(metric, known, 1)
        todo = f"Nearest: {near[0]}" if near else f"Measured: {', '.join(sorted(known))}"
        raise Misfit(place, f"shows {metric}, which its experiment does not measure", todo)
    quantity = known[metric]
    printed = _named(layout, row, column)
    if printed is None:
        what = "has a head that names no quantity"
        raise Misfit(place, what, f"Add what it means: quantity: {quantity['name']}")
    if printed != quantity["name"]:
        what = f"is headed {printed}, and {value} is {quantity['name']}"
        raise Misfit(place, what, "Bind it to the metric that its head names")
    if column.unit not in quantity["shown"]:
        what = f"is in {column.unit}, and {value} is in {quantity['unit']}"
        raise Misfit(place, what, f"Its unit can be: {', '.join(quantity['shown'])}")
    if column.better not in (None, quantity["better"]):
        what = f"calls {column.better} better, and of {quantity['name']} it is {quantity['better']}"
        raise Misfit(place, what, "Correct its better")
    _check_group(place, column, group)
    return quantity


def _named(layout: Layout, row: Row, column: Column) -> str | None:
    if column.quantity:
        return column.quantity
    block = layout.block_of(row)
    for text in (column.label, block.label if block else ""):
        for pattern, name in HEADS.items():
            if re.search(pattern, text):
                return name
    return None


def _check_group(place: str, column: Column, group: str) -> None:
    """An action's number stands under that action's head, an average under no action's."""
    wanted = ACTIONS.get(column.label, column.label if group == column.label else None)
    if group in ("", "average") and wanted is None:
        return
    if wanted != group:
        what = f"shows the number of {group or 'everything'}"
        raise Misfit(place, what, f"Its head asks for {wanted or 'an average'}")
