"""Each kind of claim against hand-made tables."""

import pytest

from posepaper.errors import InputError
from posepaper.reporting import claims
from posepaper.reporting.layout import Layout

ROWS = {"base": {"a": 50.0, "b": 40.0, "avg": 45.0}, "ours": {"a": 48.0, "b": 41.0, "avg": 43.0}}


def layout():
    columns = [
        {"id": i, "label": i, "unit": "mm", "better": "lower", "value": f"mpjpe/{v}"}
        for i, v in (("a", "Walking"), ("b", "Sitting"), ("avg", "average"))
    ]
    rows = [
        {"id": k, "label": k, "origin": "quoted", "reason": "made up", "claimed": v}
        for k, v in ROWS.items()
    ]
    return Layout(paper="p", table=1, caption="ON HUMAN3.6M", columns=columns, rows=rows)


def check(*kinds):
    made = [
        {"id": f"c{i}", "text": "t", "section": "I", "subject": "s", "claim": kind}
        for i, kind in enumerate(kinds)
    ]
    paper = claims.Claims.model_validate({"paper": "p", "claims": made})
    found = claims.check_claims([paper], [layout()])["p"]
    return [(c["status"], c["finding"]) for c in found if c["id"].startswith("c")]


DELTA = {"kind": "delta", "a": "p:table-1:ours:avg", "b": "p:table-1:base:avg", "better": "lower"}
EACH = {"kind": "each", "a": "p:table-1:ours", "b": "p:table-1:base", "better": "lower"}
CASES = [
    ({"kind": "value", "cells": ["p:table-1:ours:a"], "claimed": [48]}, "holds", "48.0"),
    ({"kind": "value", "cells": ["p:table-1:ours:a"], "claimed": [47]}, "contradicted", "48.0"),
    (DELTA | {"claimed": 4.4, "unit": "percent"}, "holds", "+4.44 %"),
    (DELTA | {"claimed": 4, "unit": "percent"}, "holds", "+4.44 %"),
    (DELTA | {"claimed": 4.5, "unit": "percent"}, "contradicted", "+4.44 %"),
    (DELTA | {"claimed": 2.0, "unit": "printed"}, "holds", "+2.00"),
    (
        DELTA | {"claimed": 2, "unit": "printed", "b": "p:table-1:no:avg"},
        "contradicted",
        "no table",
    ),
    (EACH | {"columns": ["a", "b"]}, "contradicted", "better in 1 of 2, gains -1.00 to +2.00"),
    (EACH | {"columns": ["a"], "between": [1, 3]}, "holds", "better in 1 of 1"),
    (EACH | {"columns": ["a"], "between": [3, 4]}, "contradicted", "+2.00"),
    (
        {"kind": "rank", "cells": ["p:table-1:ours:b"], "better": "lower", "claimed": 1},
        "contradicted",
        "41.0 is number 2 of 2, behind 40.0",
    ),
    (
        {"kind": "trend", "cells": ["p:table-1:base:a", "p:table-1:ours:a"], "claimed": "falling"},
        "holds",
        "50.0, 48.0",
    ),
    ({"kind": "agree", "pairs": [["p:table-1:ours:a", 48.0]]}, "holds", "1 of 1"),
    (
        {"kind": "agree", "pairs": [["p:table-1:ours", "p:table-1:base"]]},
        "contradicted",
        "0 of 3 numbers agree: 48.0 and 50.0",
    ),
    ({"kind": "duplicate", "pairs": [["p:table-1:ours:a", 48.0]]}, "suspicious", "1 of 1"),
    ({"kind": "listed", "claimed": [24], "rows": ["p:table-1:ours"]}, "contradicted", "24"),
    ({"kind": "named", "system": "Ours", "claimed": ["p:table-1"]}, "holds", "p:table-1"),
    (
        {"kind": "named", "system": "Our", "claimed": ["p:table-1"]},
        "contradicted",
        "a row Our stands in no table, not in p:table-1",
    ),
    ({"kind": "reference", "claimed": "p:table-1", "about": "Human3.6m"}, "holds", "caption"),
    ({"kind": "reference", "claimed": "p:table-9", "about": "x"}, "contradicted", "no table 9"),
]


@pytest.mark.parametrize(("kind", "status", "told"), CASES)
def test_kinds(kind, status, told):
    [(found, finding)] = check(kind)
    assert found == status and told in finding


def test_statements_that_differ_contradict_each_other():
    one = {"kind": "statement", "topic": "loss", "says": "MSE"}
    assert check(one) == [("stated", "says MSE")]
    assert [s for s, _ in check(one, one)] == ["holds", "holds"]
    both = check(one, one | {"says": "L2"})
    assert [s for s, _ in both] == ["contradicted"] * 2 and "elsewhere: L2 (p I)" in both[0][1]


def test_a_printed_average_is_the_mean_of_its_row():
    paper = claims.Claims(paper="p", claims=[])
    [mean] = claims.check_claims([paper], [layout()])["p"]
    assert (mean["row"], mean["column"], mean["table"]) == ("ours", "avg", 1)
    assert mean["finding"] == "the mean of the row's 2 numbers is 44.50"


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("{kind: pie}", r"claims\.0\.claim: Input tag 'pie'"),
        ("{kind: rank, cells: [x], claimed: 1, better: lower, amongst: []}", "Did you mean among?"),
    ],
)
def test_a_wrong_claims_file_is_named(tmp_path, claim, message):
    path = tmp_path / "claims.yaml"
    head = "paper: p\nclaims:\n- {id: x, text: t, section: I, subject: s, claim: "
    path.write_text(head + claim + "}", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        claims.read_claims(path)
