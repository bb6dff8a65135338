"""What a stage's function reaches, on small packages."""

import textwrap

import pytest

from posepaper.errors import InputError
from posepaper.provenance import fingerprint

MAIN = "if __name__ == '__main__':\n    job.main({'make': make})\n"


@pytest.fixture
def reach(tmp_path):
    """``reach(stage, files, choices)``: the definitions a stage's ``make`` reaches, by name."""

    def found(stage: str, files: dict[str, str], chosen: dict | None = None) -> set[str]:
        package = tmp_path / "own"
        for name, text in {"__init__.py": "", **files, "stage.py": stage + "\n\n" + MAIN}.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        reached = fingerprint.Code(package).reach("own.stage", "make", chosen)
        return {name.removeprefix("own.") for name in reached["definitions"]} - {"stage:make"}

    return found


A = "def f():\n    return g()\n\ndef g():\n    return X\n\ndef h():\n    pass\n\nX = 1\nY = 2\n"
EVERYTHING = {"a:f", "a:g", "a:h", "a:X", "a:Y"}
USES_F = {"a:f", "a:g", "a:X"}
REACHED = {
    "a name": ("from own.a import f\ndef make(): f()", USES_F),
    "a name under another": ("from own.a import f as e\ndef make(): e()", USES_F),
    "a module's name": ("from own import a\ndef make(): a.f()", USES_F),
    "a dotted module's name": ("import own.a\ndef make(): own.a.f()", USES_F),
    "a renamed module's name": ("import own.a as b\ndef make(): b.f()", USES_F),
    "a relative module": ("from . import a\ndef make(): a.f()", USES_F),
    "a relative name": ("from .a import f\ndef make(): f()", USES_F),
    "an import inside": ("def make():\n    from own.a import f\n    f()", USES_F),
    "a star": ("from own.a import *\ndef make(): f()", USES_F),
    "a function that is handed on": ("from own.a import f\ndef make(): return map(f, [])", USES_F),
    "a default": ("from own.a import f\ndef make(g=f): g()", USES_F),
    "a decorator": ("from own.a import f\n@f\ndef make(): pass", {*USES_F, "stage:"}),
    "a nested function": ("from own.a import f\ndef make():\n    return lambda: f()", USES_F),
    "a base class": (
        "from own.a import f\nclass B:\n    x = f\nclass C(B): pass\ndef make(): C()",
        {*USES_F, "stage:B", "stage:C"},
    ),
    "nothing of what is imported": ("from own.a import f\ndef make(): pass", set()),
    "nothing under a name of its own": ("from own.a import f\ndef make(f): f()", set()),
    "nothing for type checkers alone": (
        "if TYPE_CHECKING:\n    from own.a import f\ndef make(x: f): pass",
        set(),
    ),
    "either of two": (
        "try:\n    from own.b import f\nexcept ImportError:\n    from own.a import f\n"
        "def make(): f()",
        {*USES_F, "b:f", "stage:"},
    ),
    "either of two inside": (
        "def make(x):\n    if x:\n        from own.b import f\n    else:\n"
        "        from own.a import f\n    f()",
        {*USES_F, "b:f"},
    ),
    "one name inside, another outside": (
        "from own.a import f\nclass C:\n  def x(self):\n    from own.b import f\n    f()\n"
        "  def y(self):\n    f()\ndef make(): C()",
        {*USES_F, "b:f", "stage:C"},
    ),
    "a name in a quoted annotation of a checked class": (
        "from own.a import X\nclass C(Base):\n    x: 'X'\ndef make(): C()",
        {"a:X", "stage:C"},
    ),
    "a re-export": ("from own.api import f\ndef make(): f()", USES_F),
    "a re-export's star": ("from own.api import *\ndef make(): f()", USES_F),
    "a star of a star": ("from own.stars import *\ndef make(): f()", USES_F),
    "a package's name before its module's": (
        "from own.sub import b\ndef make(): b()",
        {*USES_F, "sub.b:b"},
    ),
    "a module as a value": ("from own import a\ndef make(): return a", EVERYTHING),
    "an attribute by its text": (
        "from own import a\ndef make(n): return getattr(a, n)",
        EVERYTHING,
    ),
    "a module's dictionary": ("from own import a\ndef make(n): return a.__dict__[n]", EVERYTHING),
    "a name no module has": ("from own import a\ndef make(): return a.unknown", EVERYTHING),
    "a module's name and file": ("from own import a\ndef make(): return a.__file__", set()),
    "globals": ("Z = 1\ndef make(): return globals()", {"stage:Z"}),
    "eval": ("Z = 1\ndef make(x): return eval(x)", {"stage:Z"}),
}
FILES = {
    "a.py": A,
    "b.py": "def f():\n    pass\n",
    "api.py": "from own.a import f\n",
    "stars.py": "from own.api import *\n",
    "sub/__init__.py": "from own.a import f as b\n",
    "sub/b.py": "def b():\n    pass\n",
}


@pytest.mark.parametrize("what", REACHED)
def test_a_name_is_followed(reach, what):
    stage, wanted = REACHED[what]
    assert reach(stage, FILES) == wanted


EVERY_IMPORT = (
    "from importlib import import_module\ndef make(n): import_module(n)",
    "from importlib import import_module as load\ndef make(n): load(n)",
    "import importlib\ndef make(n): importlib.import_module(n)",
    "import importlib as i\ndef make(n): return i",
    "import importlib.util\ndef make(n): importlib.util.find_spec(n)",
    "def make(n): __import__(n)",
    "import sys\ndef make(n): sys.modules[n]",
    "from sys import modules\ndef make(n): modules[n]",
    "import runpy\ndef make(n): runpy.run_module(n)",
    "import builtins\ndef make(n): builtins.eval(n)",
    "class C: pass\ndef make(): C.__subclasses__()",
    "import pkgutil\ndef make(p): pkgutil.iter_modules(p)",
)


@pytest.mark.parametrize("stage", EVERY_IMPORT)
def test_what_can_import_anything_reaches_everything(reach, stage):
    assert reach(stage, FILES) >= {*EVERYTHING, "b:f", "sub.b:b"}


def test_metadata_of_packages_imports_nothing(reach):
    stage = "import importlib.metadata\ndef make(n): importlib.metadata.version(n)"
    assert reach(stage, FILES) == set()


@pytest.mark.parametrize(
    "stage",
    [
        "import own.b\ndef make(): pass",
        "from own import b\ndef make(): pass",
        "def make():\n    import own.b",
        "def make():\n    from own.b import f",
        "from own import c\ndef make(): pass",
    ],
)
@pytest.mark.parametrize(
    "effect",
    [
        "register(f)",
        "ALL[f] = f",
        "if X:\n    f()",
        "for x in X:\n    f(x)",
        "Z = f()",
        "@f\ndef k(): pass",
        "class K:\n    x = f()",
        "def k(x=f()): pass",
        "X.attribute = f",
    ],
)
def test_what_an_import_does_concerns_whoever_imports(reach, stage, effect):
    files = {"b.py": f"X = []\ndef f(): pass\ndef g(): pass\n{effect}\n", "c.py": "import own.b\n"}
    found = reach(stage, files)
    assert {"b:", "b:f"} <= found and "b:g" not in found


def test_a_class_that_acts_on_derived_ones_reaches_all_that_is_imported(reach):
    base = "class B:\n    def __init_subclass__(cls):\n        ALL.append(cls)\n"
    files = {"a.py": base, "b.py": "from own.a import B\nclass C(B): pass\n"}
    assert "b:C" in reach("import own.b\nfrom own.a import B\ndef make(): B()", files)


def test_modules_may_import_each_other(reach):
    files = {
        "a.py": "from own.b import g\ndef f(): return g()\n",
        "b.py": "from own import a\nfrom own.a import f\ndef g(): return a.f, f\n",
        "c.py": "from own.d import *\n",
        "d.py": "from own.c import *\n",
    }
    stage = "from own.a import f\nfrom own.c import *\ndef make(): f() or nowhere()"
    assert reach(stage, files) == {"a:f", "b:g"}


KINDS = "def f(): pass\ndef g(): pass\nKINDS = {'f': f, 'g': g}\n"


def test_a_registry_counts_by_what_is_chosen(reach):
    stage = "from own.k import KINDS\ndef make(n): return KINDS[n]"
    every = {"k:KINDS", "k:f", "k:g"}
    assert reach(stage, {"k.py": KINDS}) == every
    assert reach(stage, {"k.py": KINDS}, {"own.k:KINDS": ("f",)}) == {"k:KINDS", "k:f"}
    assert reach(stage, {"k.py": KINDS}, {"own.k:KINDS": ("unknown",)}) == every
    assert reach(stage, {"k.py": KINDS}, {"own.k:KINDS": ()}) == set()
    joined = {"k.py": KINDS + "KINDS |= {'h': g}\n"}
    assert reach(stage, joined, {"own.k:KINDS": ("f",)}) == every
    written = {"k.py": KINDS + "KINDS['f'] = g\n"}
    assert reach(stage, written, {"own.k:KINDS": ("f",)}) >= {"k:", "k:f", "k:g"}


def test_a_rule_that_a_stage_does_not_name_reaches_all_of_it(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/stage.py").write_text("def f(): pass\ndef make(): pass\n" + MAIN)
    code = fingerprint.Code(tmp_path / "own")
    assert set(code.reach("own.stage", "make")["definitions"]) == {"own.stage:make"}
    assert set(code.reach("own.stage", "other")["definitions"]) == {"own.stage:f", "own.stage:make"}


def test_packages_count_where_they_are_used(tmp_path):
    (tmp_path / "own").mkdir()
    stage = (
        "import json\nimport numpy as np\nimport torch\nfrom cv2 import resize\nimport nowhere\n"
    )
    stage += "def make(): return np.pi, json, resize, nowhere.x\ndef other(): return torch.pi\n"
    (tmp_path / "own/stage.py").write_text(stage + MAIN)
    packages = fingerprint.Code(tmp_path / "own").reach("own.stage", "make")["packages"]
    assert set(packages) == {"numpy", "opencv-python-headless", "nowhere"}
    assert packages["nowhere"] == "absent" != packages["numpy"]


def test_what_is_no_python_is_named(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/stage.py").write_text("def make(:\n")
    with pytest.raises(InputError, match=r"stage.py.*line 1 is no Python"):
        fingerprint.Code(tmp_path / "own").reach("own.stage", "make")


def test_what_was_read_is_remembered_by_content(tmp_path):
    package, cache = tmp_path / "own", tmp_path / "cache.json"
    package.mkdir()
    (package / "stage.py").write_text("X = 1\ndef make(): return X\n" + MAIN)

    def meaning():
        code = fingerprint.Code(package, cache)
        found = code.reach("own.stage", "make")["definitions"]["own.stage:X"]
        code.modules.save()
        return found

    first, kept = meaning(), cache.read_bytes()
    assert meaning() == first and cache.read_bytes() == kept
    (package / "stage.py").write_text("X = 2\ndef make(): return X\n" + MAIN)
    assert meaning() != first and len(cache.read_bytes()) < 2 * len(kept)
    cache.write_text("no JSON")
    assert meaning() != first
