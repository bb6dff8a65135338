"""A column takes a number by what the number's file says it is, not by what the table calls it."""

from dataclasses import asdict

import pytest

from posepaper import quantities
from posepaper.errors import InputError
from posepaper.reporting import tables
from posepaper.reporting.layout import Layout

QUANTITIES = quantities.of({"kind": "human36m"})
ROLES = {"data": "pose3d", "source": "cpn", "boxes": None, "protocol": "human36m"}
PAPER = {"data": "human3.6m", "protocol": "human36m", "settings": {"flip": True}}
LAYOUT = {
    "paper": "lifting",
    "table": 2,
    "caption": "A TABLE",
    "paper_identity": PAPER,
    "requires": {"data": "pose3d", "source": "cpn", "protocol": "human36m"},
    "columns": [
        {"id": "avg", "label": "MPJPE", "unit": "mm", "better": "lower", "value": "mpjpe/average"}
    ],
    "rows": [
        {
            "id": name,
            "label": name,
            "origin": "reproduced",
            "experiment": f"lift/{name}",
            "claimed": {"avg": 44.3},
        }
        for name in ("base", "ours")
    ],
}


def measured(mpjpe=None, **changes):
    """A metrics file of the paper's own identity; ``mpjpe`` changes what its value is."""
    known = {name: asdict(quantity) for name, quantity in QUANTITIES.items()}
    known["mpjpe"] |= mpjpe or {}
    made = {"experiment": "lift/base", "seed": 0, "roles": ROLES, "quantities": known}
    made |= {"identity": {"study": "paper", **PAPER}, "values": {"mpjpe/average": 44.3}}
    return made | changes


def build(**results):
    rules = {"tolerance": {"mm": 1.0}, "direction": "two-sided"}
    found = {f"lift/{name}": [made] for name, made in results.items()}
    table = tables.build_table(Layout.model_validate(LAYOUT), found, {}, {}, rules)
    return {row["id"]: row["cells"]["avg"] for row in table["rows"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantities": None}, "says no unit and protocol. Evaluate it again"),
        ({"roles": ROLES | {"protocol": "mpi3dhp"}}, r"protocol human36m, and .* mpi3dhp"),
        ({"roles": ROLES | {"data": "mpi3dhp"}}, r"data pose3d, and .* data mpi3dhp"),
        ({"roles": ROLES | {"source": "gt"}}, r"source cpn, and .* source gt"),
        ({"roles": ROLES | {"boxes": "ground-truth"}}, "does not say of which boxes"),
        ({"roles": {}}, r"data pose3d, and .* data None"),
    ],
)
def test_a_number_of_another_role_or_none_is_refused(change, message):
    with pytest.raises(tables.Misfit, match=message):
        build(base=measured(**change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "P-MPJPE", "alignment": "similarity"}, r"headed MPJPE, .* is P-MPJPE"),
        ({"unit": "cm", "shown": {"cm": 1.0}}, "is in mm, and mpjpe/average is in cm"),
        ({"unit": "%", "shown": {"%": 1.0}}, "is in mm, and mpjpe/average is in %"),
        ({"better": "higher"}, "calls lower better"),
    ],
)
def test_a_value_of_another_quantity_is_refused(change, message):
    with pytest.raises(tables.Misfit, match=message):
        build(base=measured(change))


def test_a_number_carries_what_it_is():
    cells = build(base=measured())
    assert cells["base"]["quantity"] == {
        "metric": "mpjpe/average", "name": "MPJPE", "unit": "mm", "alignment": "root",
        "joints": "human3.6m-17", "people": "all", "protocol": "human36m",
    }  # fmt: skip
    assert cells["ours"]["quantity"] is None


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (measured(), "undecidable"),
        (measured(identity={**PAPER, "settings": {"flip": False}}), "not-comparable"),
        (measured(identity={**PAPER, "data": "mini-h36m"}), "not-comparable"),
        (measured(asdict(QUANTITIES["held_out_mpjpe"])), "not-comparable"),
    ],
)
def test_a_verdict_needs_the_papers_data_flip_test_and_people(made, verdict):
    assert build(base=made)["base"]["verdict"] == verdict


def test_rows_measured_with_other_settings_do_not_share_a_table():
    plain = measured(identity={"study": "paper", **PAPER, "settings": {"flip": False}})
    with pytest.raises(tables.Misfit, match=r"ours: was measured with .*False.* row base"):
        build(base=measured(), ours=plain)


def test_every_value_of_a_metrics_file_is_of_a_known_quantity():
    protocol = {"kind": "mpi3dhp", "name": "mpi3dhp", "pck_joints": 14}
    told = quantities.described({"mpjpe": 50.0, "pck": 80.0, "parameters": 5}, protocol)
    assert told["pck"]["unit"] == "%" and told["pck"]["joints"] == "14 of mpi-inf-3dhp-17"
    assert told["mpjpe"]["unit"] == "mm" and told["parameters"]["shown"] == {"M": 1e-6}
    with pytest.raises(InputError, match="measures no 'p_mpjpe'"):
        quantities.described({"p_mpjpe/average": 40.0}, protocol)
