"""Who may know whom, and what no file of this project does."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "posepaper"
GROUND = {"config", "skeleton", "geometry", "errors", "files", "progress", "lease", "quantities"}
SCIENCE = {"data", "world", "models", "evaluation", "training", "reporting"}
MAY_KNOW = {
    **dict.fromkeys((*GROUND, "experiments", *(SCIENCE - {"training"})), GROUND),
    "training": GROUND | {"data", "models"},
    "provenance": {"errors", "files"},
    "stages": GROUND | SCIENCE | {"experiments", "provenance"},
    "cli": {"config", "errors", "files", "models", "provenance", "stages"},
}
FEWER = {"errors": set(), "skeleton": set(), "geometry": set(), "files": {"errors"}, "lease": set()}
LENGTH = 300


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("posepaper", *path.relative_to(PACKAGE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), path)
    return found


MODULES = modules()


def imports(tree: ast.Module) -> set[str]:
    """The project's modules that a module imports, within its functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import, which fingerprints do not follow"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
    return {name for name in found if name in MODULES}


def room(module: str) -> str:
    return (module.split(".") + [""])[1]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    own = room(module)
    allowed = FEWER.get(own, MAY_KNOW.get(own, set())) | {own, ""}
    wrong = sorted(name for name in imports(MODULES[module]) if room(name) not in allowed)
    assert not wrong, f"{module} knows {', '.join(wrong)}"


def test_every_room_has_its_rule():
    assert {room(name) for name in MODULES} - {""} == set(MAY_KNOW)


def test_no_imports_go_in_circles():
    graph = {name: imports(tree) - {name} for name, tree in MODULES.items()}
    while leaves := [name for name, known in graph.items() if not known]:
        for leaf in leaves:
            del graph[leaf]
        graph = {name: known - set(leaves) for name, known in graph.items()}
    assert not graph, f"a circle among {', '.join(sorted(graph))}"


def test_the_command_line_is_known_by_nobody():
    assert not [name for name, tree in MODULES.items() if "posepaper.cli" in imports(tree)]


def sources() -> list[Path]:
    folders = ("src", "tests", "workflow", "scripts")
    kinds = (".py", ".smk", ".sh")
    found = [p for f in folders for p in (ROOT / f).rglob("*") if p.suffix in kinds]
    return [*found, ROOT / "Snakefile", ROOT / "Makefile"]


def test_no_file_is_long():
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in sources()}
    long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LENGTH}
    assert not long


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def is_safe_loader(node: ast.AST | None, tree: ast.Module) -> bool:
    """Whether a Loader argument is PyYAML's safe one or a class of this module made of it."""
    if node is None:
        return False
    name = ast.unparse(node)
    bases = {
        c.name: [ast.unparse(b) for b in c.bases] for c in tree.body if type(c) is ast.ClassDef
    }
    return all("SafeLoader" in base for base in bases.get(name, [name]))


def unsafe(module: str, tree: ast.Module) -> list[str]:
    """Calls that could run what a file of somebody else says."""
    found = []
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        given = {k.arg: k.value for k in node.keywords}
        true = {name for name, value in given.items() if ast.unparse(value) == "True"}
        loader = given.get("Loader", node.args[1] if len(node.args) > 1 else None)
        wrong = {"allow_pickle", "shell", "unsafe"} & true
        wrong |= (
            {"yaml.load"}
            if called(node) == "yaml.load" and not is_safe_loader(loader, tree)
            else set()
        )
        if called(node) == "torch.load" and "weights_only" not in true:
            wrong.add("torch.load without weights_only")
        if called(node) in {"eval", "exec", "os.system", "pickle.load", "pickle.loads"}:
            wrong.add(called(node))
        if called(node).startswith(("yaml.unsafe", "yaml.full", "joblib.load", "os.popen")):
            wrong.add(called(node))
        found += [f"{module}:{node.lineno} {name}" for name in sorted(wrong)]
    return found


def test_nothing_runs_code_out_of_files():
    assert not [fault for module, tree in MODULES.items() for fault in unsafe(module, tree)]


@pytest.mark.parametrize(
    "code",
    [
        "numpy.load(path, allow_pickle=True)",
        "yaml.load(stream, Loader=yaml.Loader)",
        "yaml.load(stream)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "subprocess.run(text, shell=True)",
        "pickle.load(stream)",
    ],
)
def test_the_search_for_unsafe_calls_finds_them(code):
    assert unsafe("some.module", ast.parse(code))


def test_pickles_are_read_in_one_place_only():
    users = [name for name, tree in MODULES.items() if "pickle.Unpickler" in ast.unparse(tree)]
    assert users == ["posepaper.data.restricted"]


def test_library_code_does_not_print():
    talkers = {"cli", "progress", "stages"}
    loud = [
        f"{name}:{node.lineno}"
        for name, tree in MODULES.items()
        if room(name) not in talkers
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) == "print"
    ]
    assert not loud
