"""What a stage's code means, found statically, and the fingerprint a job gets from it.

Module by module: the modules a stage reaches through the project's own imports, each as its
syntax tree without docstrings and comments. A module that imports by name at run time widens to
its whole package.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path

import posepaper

PACKAGE = Path(posepaper.__file__).parent

# Outside every fingerprint: they move, report and describe results but never shape them.
PLUMBING = (
    "posepaper",
    "posepaper.cli",
    "posepaper.config",
    "posepaper.config.reading",
    "posepaper.experiments",
    "posepaper.progress",
    "posepaper.provenance",
    "posepaper.stages",
    "posepaper.stages.availability",
    "posepaper.stages.dag",
    "posepaper.stages.job",
    "posepaper.stages.jobs",
    "posepaper.stages.plan",
)
_DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "yaml": "PyYAML",
    "lightning_fabric": "lightning-fabric",
}


def digest(value) -> str:
    """Hex sha256 of a JSON value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def code(entry: str) -> dict:
    """What ``entry`` (a module name) reaches.

    Returns:
        {"modules": {name: hash}, "packages": {distribution: version}}.
    """
    modules, packages, queue = {}, set(), [entry]
    while queue:
        name = queue.pop()
        if name in modules:
            continue
        meaning, imports = _read(name)
        modules[name] = meaning
        for found in imports:
            if found.split(".")[0] == "posepaper":
                queue += [m for m in _project_modules(found) if not _is_plumbing(m)]
            elif found.split(".")[0] not in sys.stdlib_module_names:
                packages.add(found.split(".")[0])
    versions = {_distribution(p): _version(_distribution(p)) for p in sorted(packages)}
    return {"modules": dict(sorted(modules.items())), "packages": versions}


def _is_plumbing(name: str) -> bool:
    return name in PLUMBING or name.startswith("posepaper.provenance.")


@functools.cache
def _read(name: str) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(_file(name).read_text(encoding="utf-8"))
    imports, dynamic = set(), False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module}.{alias.name}" for alias in node.names}
            imports.add(node.module)
        elif isinstance(node, ast.Name | ast.Attribute):
            called = node.id if isinstance(node, ast.Name) else node.attr
            dynamic |= called in {"import_module", "__import__"}
    if dynamic:
        package = name if _file(name).name == "__init__.py" else name.rpartition(".")[0]
        imports |= {m for m in _all_modules() if m.startswith(package + ".")}
    _drop_docstrings(tree)
    meaning = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return meaning, tuple(sorted(imports))


def _drop_docstrings(tree: ast.Module) -> None:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, owners) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]


def _file(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _all_modules() -> frozenset[str]:
    names = set()
    for path in PACKAGE.rglob("*.py"):
        parts = ("posepaper", *path.relative_to(PACKAGE).with_suffix("").parts)
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return frozenset(names)


def _project_modules(imported: str) -> list[str]:
    parts = imported.split(".")
    prefixes = [".".join(parts[: n + 1]) for n in range(len(parts))]
    return [p for p in prefixes if p in _all_modules()]


def _distribution(package: str) -> str:
    return _DISTRIBUTIONS.get(package, package)


@functools.cache
def _version(distribution: str) -> str:
    try:
        # torch's builds for CPU and CUDA are one version; which device ran stands in the record.
        return importlib.metadata.version(distribution).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def rule_text(file: str | Path, rule: str) -> str:
    """The shell command of a Snakemake rule, white space folded; '' where it has none."""
    lines, inside, taking, taken = (
        Path(file).read_text(encoding="utf-8").splitlines(),
        False,
        False,
        [],
    )
    for line in lines:
        if line and not line[0].isspace():
            inside, taking = line.split("#")[0].strip() == f"rule {rule}:", False
        elif inside and line.strip():
            depth = len(line) - len(line.lstrip())
            if depth == 4:
                taking = line.strip().startswith("shell:")
            elif taking and not line.strip().startswith("#"):
                taken.append(" ".join(line.split()))
    return " ".join(taken)
