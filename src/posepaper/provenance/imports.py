"""What the names that a module imports stand for."""

import ast
from collections.abc import Callable


def merged(first: dict[str, list], second: dict[str, list]) -> dict[str, list]:
    """Two scopes' names, each with all it may stand for."""
    both = first.keys() | second.keys()
    return {n: sorted({*first.get(n, ()), *second.get(n, ())}) for n in sorted(both)}


def bound(body: list[ast.stmt], package: Callable[[int], str]) -> dict[str, list[str]]:
    """What each imported name may stand for; statements below ``if`` and ``try`` count too.

    Args:
        package: the package that a relative import of a level starts from.

    Returns:
        {name: [target]}, a target "module" or "module:name"; ``import a.b`` binds ``a`` and stands
        under "+a.b" too, ``from a import *`` under "*a".
    """
    found: dict[str, list[str]] = {}
    for statement in body:
        if is_typing(statement):
            continue
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                found = merged(found, {alias.asname or whole: [whole]})
                if not alias.asname and "." in alias.name:
                    found[f"+{alias.name}"] = [alias.name]
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            if statement.level:
                module = ".".join(filter(None, [package(statement.level), module]))
            for alias in statement.names:
                if alias.name == "*":
                    found[f"*{module}"] = [module]
                else:
                    name = alias.asname or alias.name
                    found = merged(found, {name: [f"{module}:{alias.name}"]})
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            inner = [s for s in ast.iter_child_nodes(statement) if isinstance(s, ast.stmt)]
            handlers = [s for h in getattr(statement, "handlers", []) for s in h.body]
            found = merged(found, bound([*inner, *handlers], package))
    return found


def is_typing(statement: ast.stmt) -> bool:
    """Whether a statement is for type checkers alone."""
    wanted = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return is_plain_if(statement) and ast.unparse(statement.test) in wanted


def is_plain_if(statement: ast.stmt) -> bool:
    """Whether a statement is an ``if`` with nothing else than its body."""
    return isinstance(statement, ast.If) and not statement.orelse
