"""What print adds to a table's view: marks and their legend, order, charts, the ledger's lines."""

import pytest

from posepaper.reporting import typeset


def drawn(context, tmp_path) -> str:
    typeset.render_latex(context, "lifting", tmp_path / "lifting.tex")
    return (tmp_path / "lifting.tex").read_text(encoding="utf-8")


def test_one_mark_stands_for_one_reason_and_the_legend_says_it(context, tmp_path):
    text = drawn(context, tmp_path)
    narrow = text[text.index("TABLE I") if "TABLE I" in text else 0 :]
    narrow = narrow[narrow.index(r"\fitted") : narrow.index(r"\tablehead{II}")]
    assert narrow.count(r"\textendash\mk{a}") == narrow.count(r"\textendash\mk{b}") == 1
    assert r"\mk{a}\,\textendash: failed." in narrow
    assert r"\mk{b}\,\textendash: needs Human3.6M." in narrow
    wide = text[text.index(r"\tablehead{II}") :]
    assert r"\textit{this study}\mk{a}" in wide and r"\textit{this study} &" in wide
    assert r"\quad\half{$\pm$}" in wide and r"\half{1.2}" in wide


def test_a_reason_is_the_same_for_every_column_of_a_metric():
    told = [
        f"not applicable: the smoke study has no mpjpe/{name}" for name in ("Eating", "Sitting")
    ]
    reasons = {typeset._reason({"status_text": words}) for words in told}
    assert reasons == {"not applicable: the smoke study has no mpjpe of this column"}
    assert typeset._reason({"status_text": "needs a/b"}) == "needs a/b"


def block(name, wide, **more):
    return {"id": name, "wide": wide, **more}


def test_a_table_is_followed_by_its_figures_and_neighbours_share_columns():
    tables = [block(f"t{n}", n == 1, number=n) for n in (1, 2, 3)]
    figures = [block("own", True, table=1), block("loose", False, table=None)]
    placed = typeset._placed(tables, figures)
    assert [one["id"] for one in placed] == ["t1", "own", "t2", "t3"]
    runs = typeset._grouped(placed)
    assert [(wide, [b["id"] for b in run]) for wide, run in runs] == [
        (True, ["t1", "own"]),
        (False, ["t2", "t3"]),
    ]


@pytest.mark.parametrize(
    ("difference", "ci", "said", "wanted"),
    [
        (-1.0, [-2.0, 0.0], "worse", ("90.0", "2.0", "88.0", "46.0", True)),
        (-2.0, None, "no interval", ("90.0", "2.0", "0.0", "2.0", False)),
        (1.0, [-1.0, 3.0], "no measurable effect", ("24.0", "2.0", "88.0", "46.0", False)),
    ],
)
def test_a_chart_has_zero_and_both_ends_to_scale(difference, ci, said, wanted):
    (chart,) = typeset._charts({"rows": [{"difference": difference, "ci": ci, "said": said}]})
    assert tuple(chart[k] for k in ("zero", "low", "length", "value", "measured")) == wanted


def test_no_chart_without_a_number():
    rows = [{"difference": None, "ci": None, "said": "not measured"}]
    assert typeset._charts({"rows": rows}) == [None]


def test_a_contradicted_sentence_has_its_arithmetic_and_a_finding_its_line(context):
    paper = context["papers"]["lifting"]
    (line,) = typeset._claims("lifting", paper)
    assert line["verdict"] == "not-comparable" and line["direction"] == "reversed"
    assert line["steps"] == ["(1 + 2) / 2 = 1.50 (printed: 43.1)"] and line["more"] == 0
    claim = {
        **paper["claims"][0],
        "id": "other",
        "arithmetic": paper["claims"][0]["arithmetic"] * 5,
    }
    found = typeset._claims("lifting", {**paper, "claims": [paper["claims"][0], claim]})
    assert [one["verdict"] for one in found] == ["not-comparable", "contradicted"]
    assert len(found[1]["steps"]) == 3 and found[1]["more"] == 2


def test_a_study_s_mark_is_on_every_page_and_none_without(context, tmp_path):
    assert r"\fancyfoot" not in drawn(context, tmp_path)
    context["study"]["mark"] = "a mark & its study"
    text = drawn(context, tmp_path)
    assert text.count(r"a mark \& its study") == 3 and r"\fancyfoot[C]" in text


def test_an_experiment_leads_back_to_every_row_it_made(context, tmp_path):
    text = drawn(context, tmp_path)
    appendix = text[text.index("Appendix: provenance") :]
    for table, column in ((1, "avg"), (2, "c0")):
        assert rf"\hyperlink{{lifting:table-{table}:row-made:{column}}}" in appendix
