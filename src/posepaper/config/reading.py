"""YAML files read safely and held against the settings' classes, every fault one line."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from posepaper.errors import InputError


class _UniqueKeys(yaml.CSafeLoader):
    """Safe loader that refuses a key given twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                what = f"key '{key}' stands twice (block at line {node.start_mark.line + 1})"
                raise InputError(node.start_mark.name, what, "Rename or remove one of them")
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> dict:
    """A YAML file as a dict, by the safe loader.

    Raises:
        InputError: absent, not YAML, not a mapping, or a key stands twice.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            value = yaml.load(stream, Loader=_UniqueKeys)
    except FileNotFoundError:
        names = [p.stem for p in sorted(Path(path).parent.glob("*.yaml"))]
        hint = f"Nearest valid: '{nearest(Path(path).stem, names)}'" if names else "Check the path"
        raise InputError(path, "is not there", hint) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = f"is not valid YAML ({' '.join(str(error).split())})"
        raise InputError(path, what, "Correct it") from None
    if not isinstance(value, dict):
        raise InputError(path, "holds no keys", "Write it as 'key: value' lines")
    return value


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of ``names``, or all of them where none is similar."""
    names = [str(n) for n in names]
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    return close[0] if close else ", ".join(names)


def parse(kind: type[BaseModel], value: dict, file, prefix: str = "") -> BaseModel:
    """``value`` as a pydantic ``kind``; one fault, a wrong key first, becomes an InputError."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = error.errors()
        fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
        where = ".".join(str(p) for p in [prefix, *fault["loc"]] if p not in ("", "[key]"))
        raise InputError(file, *_explained(kind, fault, where)) from None


def _explained(kind, fault: dict, where: str) -> tuple[str, str]:
    """What is wrong, and what would be right."""
    if fault["type"] == "extra_forbidden":
        names = _fields_at(kind, fault["loc"][:-1])
        return f"unknown key '{where}'", f"Nearest valid: '{nearest(fault['loc'][-1], names)}'"
    if fault["type"] == "missing":
        return f"key '{where}' is missing", "Add it"
    context = fault.get("ctx", {})
    if allowed := context.get("expected") or context.get("expected_tags"):
        given = context.get("tag", fault["input"])
        close = nearest(given, re.findall("'([^']*)'", allowed))
        return f"key '{where}': no '{given}'", f"Nearest valid: '{close}'"
    what = f"key '{where}': {fault['msg'][0].lower() + fault['msg'][1:]}"
    return what, f"Given: {fault.get('input')!r}"[:120]


def _fields_at(kind, location) -> list[str]:
    for part in location:
        field = getattr(kind, "model_fields", {}).get(part)
        if field is not None:
            kind = field.annotation
        while not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            inner = [a for a in getattr(kind, "__args__", ()) if a is not type(None)]
            if not inner:
                return []
            kind = inner[-1]
    return list(kind.model_fields)
