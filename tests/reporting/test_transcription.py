"""The transcribed tables and claims against the papers' own texts, and against themselves.

The texts are no part of the repository: what needs them is skipped where ``../shared`` is absent.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAPERS = ROOT / "report" / "papers"
TEXTS = {
    "gsam": ROOT.parent / "shared/papers/000_104a9f7e2cb903f5.txt",
    "lifting": ROOT.parent / "shared/papers/002_8a288aaa47c42d96.txt",
}
TABLES = [("gsam", n) for n in range(1, 10)] + [("lifting", n) for n in range(1, 11)]
SUPPLEMENT = [("supplement", 1), ("supplement", 2)]
ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]
KINDS = {"value", "delta", "each", "rank", "trend", "agree", "duplicate", "listed", "reference",
         "named", "statement"}  # fmt: skip
NOT_PRINTED = {
    "gsam:table-1:p1-chen:avg",
    "gsam:table-1:p2-chen:avg",
    "gsam:table-10",
    "lifting:table-2:p1-chen:avg",
    "lifting:table-2:p2-chen:avg",
}


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def layout(paper, number):
    return read(PAPERS / paper / f"table-{number}.yaml")


def printed_text(paper):
    if not TEXTS[paper].exists():
        pytest.skip(f"{TEXTS[paper].name} is not on this machine: it lies in ../shared/papers")
    return TEXTS[paper].read_text(encoding="utf-8")


def plain(text):
    return " ".join(re.sub(r"</?\w+>|\*", "", text).split())


def superscripts(cell):
    cell = cell.translate(str.maketrans("⁰⁵⁷", "057", ""))
    return re.sub(r"^AP \^?(50|75|L|M)$", r"AP^\1", cell)


def cells_of(line):
    if "\t" in line:
        return [re.sub(r"</?\w+>", "", c).strip() for c in line.split("\t")]
    if line.startswith("|") and not set(line) <= set("|- "):
        inner = line.strip()[1:-1].split("|")
        return [superscripts(re.sub(r"</?\w+>", "", c).strip()) for c in inner]
    return None


def printed_table(paper, number):
    """Caption and rows of cells (the label first) as the paper's text prints them."""
    lines = printed_text(paper).splitlines()
    start = lines.index(f"TABLE {ROMAN[number - 1]}") + 1
    caption, rows = "", []
    for line in lines[start:]:
        cells = cells_of(line)
        if not line.strip() or set(line) <= set("|- "):
            if rows and not line.strip():
                break
        elif cells:
            rows.append(cells)
        elif not rows:
            caption = line.strip()
    return caption, rows


def columns_of(table, block):
    names = block.get("columns") or [c["id"] for c in table["columns"]]
    return [next(c for c in table["columns"] if c["id"] == name) for name in names]


def matches(row, column, printed):
    if column["id"] not in row.get("claimed", {}):
        return row.get("text", {}).get(column["id"], "") == printed
    claimed = row["claimed"][column["id"]]
    number = printed.removesuffix("M")
    whole = "." not in number
    return float(number) == claimed and whole == isinstance(claimed, int)


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_every_printed_cell_stands_in_the_layout_in_order(paper, number):
    caption, printed = printed_table(paper, number)
    table = layout(paper, number)
    assert table["caption"] == caption
    lines = iter(printed)
    for block in table["blocks"]:
        columns = columns_of(table, block)
        heads = [block.get("labels", {}).get(c["id"], c["label"]) for c in columns]
        assert next(lines) == [block["label"], *heads]
        for row in (r for r in table["rows"] if r["block"] == block["id"]):
            label, *cells = next(lines)
            assert row["label"] == label
            wrong = [
                (column["id"], cell)
                for column, cell in zip(columns, cells, strict=True)
                if not matches(row, column, cell)
            ]
            assert not wrong, f"{paper}:table-{number}:{row['id']}"
            assert {*row.get("claimed", {}), *row.get("text", {})} <= {c["id"] for c in columns}
    assert next(lines, None) is None


@pytest.mark.parametrize("paper", TEXTS)
def test_the_paper_prints_no_other_table(paper):
    numbers = re.findall(r"^TABLE ([IVX]+)$", printed_text(paper), flags=re.MULTILINE)
    assert sorted(numbers) == sorted(ROMAN[n - 1] for p, n in TABLES if p == paper)


@pytest.mark.parametrize("paper", TEXTS)
def test_claims_quote_the_paper(paper):
    text = plain(printed_text(paper))
    written = read(PAPERS / paper / "claims.yaml")
    claims = written["claims"] + written.get("checks", [])
    assert not [c["id"] for c in claims for p in c["text"].split(" ... ") if plain(p) not in text]


def layouts():
    return [*(layout(*t) for t in TABLES), *(layout(*t) for t in SUPPLEMENT)]


def test_nineteen_tables_and_the_supplement():
    found = {p.relative_to(PAPERS).as_posix() for p in PAPERS.glob("*/table-*.yaml")}
    expected = {f"{paper}/table-{n}.yaml" for paper, n in [*TABLES, *SUPPLEMENT]}
    assert found == expected
    assert [(t["paper"], t["table"]) for t in layouts()] == [*TABLES, *SUPPLEMENT]


def addresses():
    for table in layouts():
        name = f"{table['paper']}:table-{table['table']}"
        yield name
        for row in table["rows"]:
            yield f"{name}:{row['id']}"
            for column in [*row.get("claimed", {}), *row.get("text", {})]:
                yield f"{name}:{row['id']}:{column}"


def test_addresses_are_unique_and_well_formed():
    counted = Counter(addresses())
    assert not [a for a, n in counted.items() if n > 1]
    assert all(re.fullmatch(r"[a-z]+:table-\d+(:[a-z0-9-]+){0,2}", a) for a in counted)
    assert "lifting:table-2:p1-ours:avg" in counted


def test_columns_say_what_they_hold():
    for table in layouts():
        ids = [c["id"] for c in table["columns"]]
        assert len(ids) == len(set(ids))
        for column in table["columns"]:
            assert ("value" in column) != column.get("text", False)
            assert column["better"] in ("lower", "higher", None)
            assert ("value" in column) == (column["unit"] is not None)
        numeric = {c["id"] for c in table["columns"] if "value" in c}
        for row in table["rows"]:
            assert set(row.get("claimed", {})) <= numeric
            assert set(row.get("claimed_means", {})) <= set(row.get("claimed", {}))
            assert not set(row.get("claimed", {})) & set(row.get("text", {}))


def experiments():
    found = {}
    for path in (ROOT / "workflow" / "experiments").glob("*.yaml"):
        recipes = read(path)
        for name, recipe in recipes["experiments"].items():
            found[name] = {**recipes["defaults"], **recipe}
    return found


def test_reproduced_rows_name_experiments_of_the_roles_they_require():
    known = experiments()
    for table in layouts():
        for row in (r for r in table["rows"] if r["origin"] == "reproduced"):
            where = f"{table['paper']}:table-{table['table']}:{row['id']}"
            assert row["experiment"] in known, where
            roles = {**table["requires"], **row.get("requires", {})}
            recipe = {k: known[row["experiment"]].get(k) for k in roles if roles[k] is not None}
            assert recipe == {k: v for k, v in roles.items() if v is not None}, where
            source = "boxes" if roles["data"] == "pose2d" else "source"
            assert {"data", source, "protocol"} == set(roles), where


def test_quoted_rows_say_why_and_stay_quoted():
    for table in layouts():
        for row in table["rows"]:
            assert (row["origin"] == "quoted") == ("reason" in row) == ("experiment" not in row)
            assert row.get("reason", "x.").endswith(".")
    quoted = {re.split(r" (et|at) al| \[|-Net", r["label"])[0]
              for t in layouts() for r in t["rows"] if r["origin"] == "quoted"}  # fmt: skip
    assert quoted == {"Fang", "Li", "Zhen", "Xu", "Xue", "Yang", "Chen", "Lin", "Zhang", "PPE"}


def test_the_paper_s_numbers_have_an_identity_and_ours_claim_none():
    for table in layouts():
        for row in table["rows"]:
            identity = {**table["paper_identity"], **row.get("paper_identity", {})}
            source = "boxes" if "boxes" in table["requires"] else "source"
            expected = {"data", source, "protocol", "settings"}
            assert set(identity) == (set() if table["paper"] == "supplement" else expected)
            assert bool(row.get("claimed")) == (table["paper"] != "supplement")


def test_misprinted_headers_and_shifted_rows_are_told():
    rows = {r["id"]: r for r in layout("gsam", 6)["rows"]}
    assert rows["stage-1"]["claimed"] == {"ap": 75.5, "params": 30.2}
    assert rows["stage-1"]["claimed_means"] == {"ap": "AP", "params": "#Param"}
    assert layout("gsam", 6)["blocks"][1]["labels"] == {"ap": "#Param", "params": "AP"}
    rows = {r["id"]: r for r in layout("lifting", 1)["rows"]}
    assert rows["moganet-t"]["claimed_means"] == {"ar": "AP^50", "ap50": "AP^75", "ap75": "AR"}


def named(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {a for inner in value for a in named(inner)}
    return {value} if re.match(r"[a-z]+:table-\d+", str(value)) else set()


@pytest.mark.parametrize("paper", TEXTS)
def test_claims_are_complete_and_point_at_tables(paper):
    written = read(PAPERS / paper / "claims.yaml")
    claims = written["claims"] + written.get("checks", [])
    assert len({c["id"] for c in claims}) == len(claims)
    known = set(addresses())
    for claim in claims:
        assert {"id", "text", "section", "subject", "addresses", "claim"} <= set(claim)
        assert set(claim["addresses"]) <= known, claim["id"]
        readings = [claim["claim"], *claim.get("other_readings", [])]
        assert {r["kind"] for r in readings} <= KINDS, claim["id"]
        assert named(readings) <= known | NOT_PRINTED, claim["id"]
