"""What a job's code means, found statically, and the fingerprint a job gets from it.

From the function that runs a rule, through the names it uses and the project's own imports, to
every function, class and constant it can reach. What cannot be told widens: a module used as a
value to all it defines, an import by name to its whole package.
"""

import functools
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import posepaper
from posepaper.provenance.definitions import CACHE, REACHES_MODULE, Modules

PACKAGE = Path(posepaper.__file__).parent

# Outside every fingerprint: they move, report and describe results but never shape them.
PLUMBING = (
    "posepaper",
    "posepaper.cli",
    "posepaper.config",
    "posepaper.config.cluster",
    "posepaper.config.reading",
    "posepaper.config.strict",
    "posepaper.experiments",
    "posepaper.lease",
    "posepaper.progress",
    "posepaper.provenance",
    "posepaper.stages",
    "posepaper.stages.availability",
    "posepaper.stages.choices",
    "posepaper.stages.cluster",
    "posepaper.stages.dag",
    "posepaper.stages.diary",
    "posepaper.stages.driver",
    "posepaper.stages.job",
    "posepaper.stages.jobs",
    "posepaper.stages.journal",
    "posepaper.stages.orphans",
    "posepaper.stages.plan",
    "posepaper.stages.rehearsal",
    "posepaper.stages.requeue",
    "posepaper.training.interruption",
    "posepaper.training.launch",
)
# What every module has that is no way to its definitions.
SAYS_NOTHING = ("__name__", "__file__", "__doc__", "__path__")
_DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "yaml": "PyYAML",
    "lightning_fabric": "lightning-fabric",
}


def digest(value) -> str:
    """Hex sha256 of a JSON value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_plumbing(module: str) -> bool:
    """Whether a module lies outside every fingerprint."""
    return module in PLUMBING or module.startswith("posepaper.provenance.")


@functools.cache
def installed() -> "Code":
    """The code this process runs."""
    return Code(PACKAGE, CACHE)


class Code:
    """A package's source code.

    Args:
        package: its folder.
        cache: where what was read is kept, see :class:`Modules`.
    """

    def __init__(self, package: Path, cache: Path | None = None):
        self.modules = Modules(package, cache)
        self._known: dict[tuple, dict] = {}

    def reach(self, module: str, rule: str, choices: Mapping[str, tuple] | None = None) -> dict:
        """What the function that runs a rule can reach.

        Args:
            module: the stage, whose ``job.main({rule: function})`` names the function; a rule it
                does not name reaches the whole module.
            choices: what the job's settings choose. A registry ("module:NAME", a dictionary with
                text as keys) counts by the given entries alone; a definition with no entry given
                is left out.

        Returns:
            {"definitions": {"module:name": meaning}, "packages": {distribution: version}}.
        """
        key = (module, rule, tuple(sorted((choices or {}).items())))
        if key not in self._known:
            self._known[key] = _Walk(self.modules, dict(choices or {})).of(module, rule)
        return self._known[key]


class _Walk:
    """One walk from an entry point over everything it reaches."""

    def __init__(self, modules: Modules, choices: dict[str, tuple]):
        self.modules, self.choices = modules, choices
        self.found: dict[str, str] = {}
        self.packages: set[str] = set()
        self.executed: set[str] = set()
        self.reached: set[tuple[str, str]] = set()
        self.hooked = any(modules.table(name)["hooks"] for name in modules.names)

    def of(self, module: str, rule: str) -> dict:
        entry = self.modules.table(module)["entries"].get(rule)
        if entry is None:
            self._whole(module)
        else:
            self._reach(module, entry)
        versions = {_distribution(p): _version(_distribution(p)) for p in sorted(self.packages)}
        return {"definitions": dict(sorted(self.found.items())), "packages": versions}

    def _reach(self, module: str, name: str) -> None:
        """A name of a module: what it is bound to, wherever that is."""
        if is_plumbing(module) or (module, name) in self.reached:
            return
        self.reached.add((module, name))
        self._execute(module)
        table = self.modules.table(module)
        definition, targets = table["definitions"].get(name), table["imports"].get(name, ())
        if definition is not None:
            self._define(module, name, definition)
        for target in targets:
            self._follow_target(target, [])
        if definition is not None or targets or name in SAYS_NOTHING:
            return
        if f"{module}.{name}" in self.modules.names:
            self._whole(f"{module}.{name}")
        elif table["star"]:
            self._stars(table["star"], name)
        else:
            self._whole(module)

    def _define(self, module: str, name: str, definition: dict) -> None:
        identity = f"{module}:{name}"
        chosen = self.choices.get(identity)
        if identity in self.found or chosen == ():
            return
        entries = definition.get("entries", {})
        if chosen is not None and set(chosen) <= set(entries):
            self.found[identity] = digest({k: entries[k]["meaning"] for k in chosen})[:16]
            for key in chosen:
                self._follow(module, entries[key])
            return
        self.found[identity] = definition["meaning"]
        self._follow(module, definition)

    def _follow(self, module: str, definition: dict) -> None:
        """Everything a definition of ``module`` uses."""
        table = self.modules.table(module)
        for target in {t for targets in definition["imports"].values() for t in targets}:
            self._import(target)
        for use in definition["uses"]:
            root, *rest = use.split(".")
            if use.startswith("!"):
                self._widen(module, use[1:])
                continue
            targets = {*definition["imports"].get(root, ()), *table["imports"].get(root, ())}
            for target in sorted(targets):
                if _is_dynamic(target, rest):
                    self._widen(module, "import_module")
                self._follow_target(target, rest)
            if root in table["definitions"]:
                self._define(module, root, table["definitions"][root])
            elif not targets and table["star"]:
                self._stars(table["star"], root)

    def _follow_target(self, target: str, rest: list[str]) -> None:
        module, _, name = target.partition(":")
        if not self._is_ours(module):
            self._package(module)
            return
        rest = [name, *rest] if name else rest
        while rest and f"{module}.{rest[0]}" in self.modules.names:
            self._execute(module)
            table = self.modules.table(module)
            if rest[0] in table["definitions"] or rest[0] in table["imports"]:
                self._reach(module, rest[0])
            module, rest = f"{module}.{rest[0]}", rest[1:]
        if rest:
            self._reach(module, rest[0])
        else:
            self._whole(module)

    def _stars(self, modules: list[str], name: str) -> None:
        """A name that some ``import *`` may have brought."""
        for module in modules:
            if not self._is_ours(module):
                self._package(module)
            elif (module, name) not in self.reached:
                self._reach_if_there(module, name)

    def _reach_if_there(self, module: str, name: str) -> None:
        table = self.modules.table(module)
        if name in table["definitions"] or name in table["imports"]:
            self._reach(module, name)
        else:
            self.reached.add((module, name))
            self._stars(table["star"], name)

    def _widen(self, module: str, use: str) -> None:
        """To the module; to everything where any module may be meant."""
        for name in [module] if use in REACHES_MODULE else self.modules.names:
            self._whole(name)

    def _whole(self, module: str) -> None:
        if is_plumbing(module):
            return
        self._execute(module)
        for name, definition in self.modules.table(module)["definitions"].items():
            self._define(module, name, definition)

    def _execute(self, module: str) -> None:
        """The module is imported: what its top level does, and what it imports in turn."""
        if module in self.executed or is_plumbing(module) or not self._is_ours(module):
            return
        self.executed.add(module)
        self._execute(module.rpartition(".")[0])
        table = self.modules.table(module)
        for target in table["executes"]:
            self._import(target)
        if table["effects"]:
            self.found[f"{module}:"] = digest([e["meaning"] for e in table["effects"]])[:16]
        for effect in table["effects"]:
            self._follow(module, effect)
        if self.hooked:
            self._whole(module)

    def _import(self, target: str) -> None:
        module, _, name = target.partition(":")
        self._execute(module)
        self._execute(f"{module}.{name}")

    def _package(self, module: str) -> None:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names:
            self.packages.add(top)

    def _is_ours(self, module: str) -> bool:
        return module in self.modules.names


def _is_dynamic(target: str, rest: list[str]) -> bool:
    """Whether what is used can import, or hand out, a module by its name."""
    path = [*target.replace(":", ".").split("."), *rest]
    if path[0] == "importlib":
        return path[1:2] not in (["metadata"], ["resources"])
    return path[0] in ("builtins", "pkgutil", "runpy") or path[:2] in (["sys"], ["sys", "modules"])


def _distribution(package: str) -> str:
    return _DISTRIBUTIONS.get(package, package)


@functools.cache
def _version(distribution: str) -> str:
    try:
        # torch's builds for CPU and CUDA are one version; which device ran stands in the record.
        return (importlib.metadata.version(distribution) or "absent").partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@functools.cache
def _rules(file: str, _changed: int) -> dict[str, str]:
    texts, rule, taking = {}, "", False
    for line in Path(file).read_text(encoding="utf-8").splitlines():
        if line and not line[0].isspace():
            head = line.split("#")[0].strip()
            rule, taking = head[5:-1] if head.startswith("rule ") else "", False
        elif rule and line.strip():
            if len(line) - len(line.lstrip()) == 4:
                taking = line.strip().startswith("shell:")
            elif taking and not line.strip().startswith("#"):
                texts[rule] = " ".join([*filter(None, [texts.get(rule)]), " ".join(line.split())])
    return texts


def rule_text(file: str | Path, rule: str) -> str:
    """The shell command of a Snakemake rule, white space folded; '' where it has none."""
    return _rules(str(file), Path(file).stat().st_mtime_ns).get(rule, "")
