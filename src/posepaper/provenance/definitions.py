"""What a module of the project defines: each definition's meaning and the names it uses.

A definition is a top-level function, class or assignment. Every other top-level statement runs
when the module is imported: the module's *effects*, which concern whoever imports it.
"""

import ast
import contextlib
import hashlib
import json
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance.imports import bound, is_plain_if, is_typing, merged
from posepaper.provenance.meaning import (
    FUNCTIONS,
    LOCAL,
    QUIET_DECORATORS,
    decorator_name,
    simplify,
)

CACHE = Path(".posepaper/definitions.json")
# Whoever uses one of these may reach anything of its module, or of its package.
REACHES_MODULE = {"globals", "eval", "exec"}
REACHES_PACKAGE = {"import_module", "__import__", "__subclasses__", "iter_modules"}
# What this process has read, by content: a bundle's code is mostly the code that audits it.
_READ: dict[str, dict] = {}


class Modules:
    """The modules of a package, each read once and remembered by its content.

    Args:
        package: the package's folder, ``src/posepaper``.
        cache: file in which what was read is kept from run to run; None keeps nothing.
    """

    def __init__(self, package: Path, cache: Path | None = None):
        self.package, self.cache = package, cache
        self.names = {_dotted(path, package): path for path in sorted(package.rglob("*.py"))}
        own = [Path(__file__).with_name(f"{n}.py") for n in ("definitions", "imports", "meaning")]
        self._salt = hashlib.sha256(b"".join(p.read_bytes() for p in own)).hexdigest()
        self._known = _read_cache(cache)
        self._tables: dict[str, dict] = {}
        self._fresh = False

    def table(self, name: str) -> dict:
        """A module's table: {"definitions": {name: definition}, "effects": [definition],
        "imports": {name: [target]}, "executes": [target], "star": [module],
        "entries": {rule: name}, "hooks": whether it defines a class that acts when another is
        derived from it}.

        A definition is {"meaning", "uses": [dotted names], "imports": {name: [target]}} and, for a
        dictionary with text as keys, "entries" {key: definition}. A target is "module" or
        "module:name"; a name has several where an ``if`` or a ``try`` decides.

        Raises:
            InputError: the module is no Python.
        """
        if name not in self._tables:
            content = self.names[name].read_bytes()
            key = hashlib.sha256(self._salt.encode() + name.encode() + content).hexdigest()
            if key not in self._known:
                if key not in _READ:
                    _READ[key] = _Reader(name, self.names[name], content).table()
                self._known[key], self._fresh = _READ[key], True
            self._tables[name] = self._known[key] | {"key": key}
        return self._tables[name]

    def save(self) -> None:
        """Keeps what was read for the next process; what no module says any more is dropped."""
        if self._fresh and self.cache:
            keys = {table["key"] for table in self._tables.values()}
            files.write_json(self.cache, {k: v for k, v in self._known.items() if k in keys})
            self._fresh = False


def _read_cache(cache: Path | None) -> dict:
    try:
        return json.loads(cache.read_text(encoding="utf-8")) if cache else {}
    except (OSError, ValueError):
        return {}


def _dotted(path: Path, package: Path) -> str:
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Reader:
    def __init__(self, name: str, path: Path, content: bytes):
        self.name, self.path = name, path
        try:
            self.tree = ast.parse(content)
        except SyntaxError as error:
            what = f"line {error.lineno} is no Python ({error.msg})"
            raise InputError(path, what, "Correct it") from None
        self.imports = bound(self.tree.body, self.package)
        self.loggers = {"logging"} | _loggers(self.tree.body)

    def package(self, level: int) -> str:
        """The package a relative import of this level starts from."""
        parts = self.name.split(".")
        keep = len(parts) - level + (self.path.name == "__init__.py")
        return ".".join(parts[:keep])

    def table(self) -> dict:
        definitions, effects, entries = {}, [], {}
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or is_typing(statement):
                continue
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            if _is_main(statement):
                entries = _entries(statement)
                continue
            names = _names(statement)
            found = self._definition(statement)
            if not names or self._acts(statement):
                effects.append(found)
            for name in names:
                before = definitions.get(name)
                definitions[name] = _joined(before, found) if before else found
        return {
            "definitions": definitions,
            "effects": effects,
            "imports": {n: t for n, t in self.imports.items() if n[0] not in "*+"},
            "executes": sorted({t for targets in self.imports.values() for t in targets}),
            "star": [name[1:] for name in self.imports if name[0] == "*"],
            "entries": entries,
            "hooks": any(_has_hook(s) for s in self.tree.body),
        }

    def _acts(self, statement: ast.stmt) -> bool:
        """Whether a statement may do more than bind its names when the module is imported.

        A decorator or a function of the project may register what it is given. A capital letter
        marks a class, of which an instance is made.
        """
        defines = isinstance(statement, (*FUNCTIONS, ast.ClassDef))
        if not defines and not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            return True
        decorators = getattr(statement, "decorator_list", ())
        if any(decorator_name(d) not in QUIET_DECORATORS for d in decorators):
            return True
        at_once = [n for part in _at_once(statement) for n in ast.walk(part)]
        calls = [n.func for n in at_once if isinstance(n, ast.Call)]
        return any(self._is_own(name) for call in calls if (name := _root(call)))

    def _is_own(self, name: str) -> bool:
        own = {s.name for s in self.tree.body if isinstance(s, FUNCTIONS)}
        package = self.name.partition(".")[0]
        roots = {t.partition(":")[0].partition(".")[0] for t in self.imports.get(name, ())}
        return name in own or (package in roots and not name[0].isupper())

    def _definition(self, statement: ast.stmt) -> dict:
        inner = [n for n in ast.walk(statement) if isinstance(n, ast.Import | ast.ImportFrom)]
        imports = bound(inner, self.package)
        plain = simplify(statement, self.loggers)
        found = {**_expression(plain), "imports": imports}
        value = getattr(plain, "value", None)
        if isinstance(plain, ast.Assign) and isinstance(value, ast.Dict) and _is_registry(value):
            pairs = zip(value.keys, value.values, strict=True)
            found["entries"] = {k.value: {**_expression(v), "imports": {}} for k, v in pairs}
        return found


def _at_once(statement: ast.stmt) -> list[ast.AST]:
    """What of a statement is computed when it is reached, bodies of functions left out."""
    if isinstance(statement, FUNCTIONS):
        return [statement.args]
    if isinstance(statement, ast.ClassDef):
        inner = [part for inner in statement.body for part in _at_once(inner)]
        return [*statement.bases, *statement.keywords, *inner]
    return [statement]


def _expression(node: ast.AST) -> dict:
    meaning = hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]
    uses = _Uses()
    uses.visit(node)
    return {"meaning": meaning, "uses": sorted(uses.found)}


def _root(call: ast.expr) -> str:
    while isinstance(call, ast.Attribute):
        call = call.value
    return call.id if isinstance(call, ast.Name) else ""


class _Uses(ast.NodeVisitor):
    """Names that are read, each with the attributes that follow it: ``np.linalg.norm``."""

    def __init__(self):
        self.found: set[str] = set()

    def visit_Attribute(self, node):
        chain, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if node.attr in REACHES_PACKAGE:
            self.found.add(f"!{node.attr}")
        if not isinstance(inner, ast.Name):
            self.visit(inner)
        elif inner.id[0] not in LOCAL:
            self.found.add(".".join([inner.id, *reversed(chain)]))

    def visit_AnnAssign(self, node):
        for inner in ast.walk(node.annotation):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                with contextlib.suppress(SyntaxError):
                    self.visit(ast.parse(inner.value, mode="eval"))
        self.generic_visit(node)

    def visit_Name(self, node):
        if node.id in REACHES_MODULE | REACHES_PACKAGE:
            self.found.add(f"!{node.id}")
        elif node.id[0] not in LOCAL:
            self.found.add(node.id)


def _joined(first: dict, second: dict) -> dict:
    """One name bound by two statements, in their order."""
    both = (first["meaning"] + second["meaning"]).encode()
    return {
        "meaning": hashlib.sha256(both).hexdigest()[:16],
        "uses": sorted({*first["uses"], *second["uses"]}),
        "imports": merged(first["imports"], second["imports"]),
    }


def _loggers(body: list[ast.stmt]) -> set[str]:
    found = set()
    for statement in body:
        value = getattr(statement, "value", None)
        called = decorator_name(value) if isinstance(value, ast.Call) else ""
        if isinstance(statement, ast.Assign) and called == "getLogger":
            found |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return found


def _names(statement: ast.stmt) -> list[str]:
    """The names a top-level statement defines; none where it does more than that."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return [statement.name]
    targets = {
        ast.Assign: lambda: statement.targets,
        ast.AnnAssign: lambda: [statement.target],
        ast.AugAssign: lambda: [statement.target],
    }.get(type(statement), list)()
    if targets:
        nodes = [n for target in targets for n in ast.walk(target)]
        stored = [n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Store)]
        names = [n.id for n in stored if isinstance(n, ast.Name)]
        plain = all(isinstance(n, ast.Name | ast.Tuple | ast.List | ast.Starred) for n in stored)
        return names if plain else []
    inner = list(ast.walk(statement))
    stored = {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return sorted(stored | {n.name for n in inner if isinstance(n, (*FUNCTIONS, ast.ClassDef))})


def _has_hook(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.ClassDef):
        return False
    bases = {base.id for base in statement.bases if isinstance(base, ast.Name)}
    methods = {s.name for s in statement.body if isinstance(s, FUNCTIONS)}
    return "type" in bases or "__init_subclass__" in methods


def _is_registry(value: ast.Dict) -> bool:
    keys = [k.value for k in value.keys if isinstance(k, ast.Constant)]
    texts = [k for k in keys if isinstance(k, str)]
    return bool(texts) and len(set(texts)) == len(value.keys)


def _is_main(statement: ast.stmt) -> bool:
    return is_plain_if(statement) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _entries(main: ast.If) -> dict[str, str]:
    """``job.main({rule: function})`` of a stage: the function that runs each rule."""
    found = {}
    for node in ast.walk(main):
        if isinstance(node, ast.Call) and decorator_name(node) == "main":
            for given in node.args:
                if isinstance(given, ast.Dict) and _is_registry(given):
                    pairs = zip(given.keys, given.values, strict=True)
                    found |= {k.value: v.id for k, v in pairs if isinstance(v, ast.Name)}
    return found
