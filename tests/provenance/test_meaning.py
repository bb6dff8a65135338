"""What means nothing: each pair is one source before and after an edit."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posepaper.provenance.meaning import simplify

SAME = {
    "a comment": ("X = 1", "# why\nX = 1  # this"),
    "a docstring": ("def f():\n    return 1", 'def f():\n    """Words."""\n    return 1'),
    "other words in a docstring": (
        'class A:\n    """Old."""\n    x = 1',
        'class A:\n    """New\n    words."""\n    x = 1',
    ),
    "the module's docstring": ("X = 1", '"""A module."""\nX = 1'),
    "a body of a docstring alone": ('def f():\n    """Old."""', "def f():\n    pass"),
    "layout": (
        "def f(a, b):\n    return g(a, [b, 1])",
        "def f(\n    a,\n    b,\n):\n\n  return g(\n a,\n [\n  b, 1\n ],\n    )",
    ),
    "quotes": ("X = 'a'", 'X = "a"'),
    "a raw or unicode prefix": ("X = 'a'", "X = u'a'"),
    "numbers written otherwise": ("X = 1000", "X = 1_000"),
    "parentheses": ("def f(a):\n    return a", "def f(a):\n    return (a)"),
    "annotations": (
        "def f(a, *b, c=1, **d):\n    e = a\n    return e",
        "def f(a: int, *b: str, c: float = 1, **d: dict) -> int:\n    e: int = a\n    return e",
    ),
    "an annotated constant": ("X = 1", "X: int = 1"),
    "annotations under a quiet decorator": (
        "@functools.cache\ndef f(a):\n    return a",
        "@functools.cache\ndef f(a: int) -> int:\n    return a",
    ),
    "the type of a dataclass's field": (
        "@dataclass(frozen=True)\nclass A:\n    x: int\n    y: int = 1",
        "@dataclass(frozen=True)\nclass A:\n    x: float\n    y: str | None = 1",
    ),
    "the order of methods": (
        "class A(B):\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2",
        "class A(B):\n    def g(self):\n        return 2\n\n    def f(self):\n        return 1",
    ),
    "the order of definitions": (
        "X = 1\ndef f():\n    return 1\ndef g():\n    return 2",
        "def g():\n    return 2\nX = 1\ndef f():\n    return 1",
    ),
    "a local's name": (
        "def f(a):\n    b = a + 1\n    b += 2\n    return b",
        "def f(a):\n    c = a + 1\n    c += 2\n    return c",
    ),
    "a loop's and a with's name": (
        "def f(a):\n    for x, (y, *z) in a:\n        with x as w:\n            w(y, z)",
        "def f(a):\n    for p, (q, *r) in a:\n        with p as s:\n            s(q, r)",
    ),
    "a comprehension's name": (
        "def f(a):\n    return [x * y for x in a if x for y in x]",
        "def f(a):\n    return [p * q for p in a if p for q in p]",
    ),
    "a comprehension's name in a constant": (
        "X = {k: v for k, v in Y.items()}",
        "X = {a: b for a, b in Y.items()}",
    ),
    "a name that shadows in a comprehension": (
        "def f(x):\n    return [x for x in x]",
        "def f(x):\n    return [y for y in x]",
    ),
    "a name of a nested function": (
        "def f():\n    def g(a):\n        b = a\n        return b\n    return g",
        "def f():\n    def g(a):\n        c = a\n        return c\n    return g",
    ),
    "a nonlocal name": (
        "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g",
        "def f():\n    m = 0\n    def g():\n        nonlocal m\n        m += 1\n    return g",
    ),
    "a name that a lambda closes over": (
        "def f():\n    b = 1\n    return lambda a: a + b",
        "def f():\n    c = 1\n    return lambda a: a + c",
    ),
    "a caught error's name": (
        "def f():\n try:\n  g()\n except ValueError as e:\n  raise A from e",
        "def f():\n try:\n  g()\n except ValueError as error:\n  raise A from error",
    ),
    "a pattern's names": (
        "def f(a):\n match a:\n  case [x, *y]:\n   return x, y\n"
        "  case {'k': z, **w}:\n   return z, w\n  case A() as v:\n   return v",
        "def f(a):\n match a:\n  case [b, *c]:\n   return b, c\n"
        "  case {'k': d, **e}:\n   return d, e\n  case A() as g:\n   return g",
    ),
    "a walrus's name": (
        "def f(a):\n    if (n := len(a)) > 1:\n        return n",
        "def f(a):\n    if (m := len(a)) > 1:\n        return m",
    ),
    "a walrus's name in a comprehension": (
        "def f(a):\n    any((n := x) for x in a)\n    return n",
        "def f(a):\n    any((m := x) for x in a)\n    return m",
    ),
    "what is said to the log": (
        "def f(a):\n    LOG.warning('old %s', a)\n    logging.info('x')",
        "def f(a):\n    LOG.warning('new')\n    logging.info(f'{a} y', stacklevel=2)",
    ),
}


@pytest.mark.parametrize("edit", SAME)
def test_means_the_same(meanings, edit):
    before, after = SAME[edit]
    assert meanings(before) == meanings(after)


NAMES = ("a", "b", "c", "len", "G")
LINES = (
    *("{0} = {1} + 1", "{0} += {1}", "if {1}:\n        {0} = {2}", "({0} := {1})", "del {0}"),
    *("for {0} in {1}:\n        {2}", "[{0} for {0} in {1} if {2}]", "lambda: ({0} := {1})"),
    *("{0} = [({1} := {2}) for {2} in {0}]", "{0} = lambda {2}: ({2}, {1})", "global {0}"),
    "def {0}({1}={2}):\n        {2} = {1}\n        return {2}",
    "def {0}():\n        nonlocal {1}\n        {1} = {2}\n    {0}()",
    "class {0}:\n        {1} = {2}\n        {2} = {1}\n    {0} = {0}.{1}",
    "try:\n        {0}()\n    except Exception as {1}:\n        {2} = {0}",
)
NAME = st.sampled_from(NAMES)
BODIES = st.lists(st.tuples(st.sampled_from(LINES), NAME, NAME, NAME), min_size=1, max_size=4)


def function(body: list[tuple], names: dict[str, str]) -> str:
    lines = [shape.format(*(names[n] for n in given)) for shape, *given in body]
    read = ", ".join(names[n] for n in NAMES)
    bound = f"{names['a']}, {names['b']} = 1, [3]"
    return "def f():\n    " + "\n    ".join([bound, *lines, f"return {read}"])


def outcome(source: str) -> str:
    """What a function gives where every name is some global, or how it fails."""
    space = {"a": 1, "b": [3], "c": 5, "G": [0, 2]}
    try:
        exec(source, space)
        found = space["f"]()
    except (Exception, SyntaxError) as error:
        return type(error).__name__
    kept = [v for v in (*found, *(space.get(n) for n in NAMES)) if not callable(v)]
    return repr([v for v in kept if isinstance(v, int | list | tuple)])


@given(BODIES, NAME, NAME)
def test_functions_of_one_meaning_behave_alike(body, one, other):
    """Two names change places: that means nothing only where it does nothing."""
    same = {name: name for name in NAMES}
    sources = [function(body, names) for names in (same, {**same, one: other, other: one})]
    try:
        trees = [ast.parse(source).body[0] for source in sources]
        compile(sources[0], "f", "exec")
    except SyntaxError:
        return
    if ast.dump(simplify(trees[0], set())) == ast.dump(simplify(trees[1], set())):
        assert outcome(sources[0]) == outcome(sources[1])
