"""What a piece of Python means: its syntax tree without what changes nothing when it runs.

Left out: comments, layout, docstrings, annotations that nothing reads, arguments of logging
calls, names of local variables and the order of methods. What is not surely without effect stays.
"""

import ast

LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
# What may look a local variable up by its name.
READS_LOCALS = {"locals", "vars", "eval", "exec", "dir"}
# Decorators that do not read their function's annotations.
QUIET_DECORATORS = {
    *("staticmethod", "classmethod", "property", "setter", "cached_property", "cache"),
    *("lru_cache", "contextmanager", "wraps", "inference_mode", "no_grad", "abstractmethod"),
    *("dataclass", "fixture"),
}
SPEAKING_FIELDS = {"ClassVar", "InitVar", "KW_ONLY"}
# What the names of numbered variables and of parameters begin with.
LOCAL = "$%"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def simplify(statement: ast.stmt, loggers: set[str]) -> ast.stmt:
    """A top-level statement without what means nothing; the given tree may be changed.

    Args:
        loggers: names that hold a logger, or the logging module.
    """
    return _Locals().visit(_Silence(loggers).visit(statement) or ast.Pass())


def decorator_name(node: ast.expr) -> str:
    """The last name of a decorator: ``cache`` of ``@functools.cache``; '' where it has none."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


class _Silence(ast.NodeTransformer):
    """Takes out docstrings, annotations and what is said to a log."""

    def __init__(self, loggers: set[str]):
        self.loggers = loggers

    def visit_Constant(self, node):
        node.kind = None
        return node

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return None
        if isinstance(node.value, ast.Call) and self._is_log(node.value):
            node.value.args, node.value.keywords = [], []
        return self.generic_visit(node)

    def _is_log(self, call: ast.Call) -> bool:
        given = [*call.args, *call.keywords]
        doing = (ast.Call, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
        if any(isinstance(inner, doing) for part in given for inner in ast.walk(part)):
            return False
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in LOG_METHODS:
            return False
        return isinstance(function.value, ast.Name) and function.value.id in self.loggers

    def _function(self, node):
        if all(decorator_name(d) in QUIET_DECORATORS for d in node.decorator_list):
            node.returns = None
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            for argument in filter(None, every):
                argument.annotation = None
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_ClassDef(self, node):
        plain = all(decorator_name(d) == "dataclass" for d in node.decorator_list)
        quiet = plain and not node.bases and not node.keywords
        body = []
        for statement in node.body:
            if quiet and isinstance(statement, ast.AnnAssign):
                statement = _field(statement, keep=bool(node.decorator_list))
            else:
                statement = self._in_class(statement)
            body += [statement] if statement is not None else []
        node.body = _sorted_methods(body) or [ast.Pass()]
        return node

    def _in_class(self, statement: ast.stmt) -> ast.stmt | None:
        """Annotations may be fields here: a base class may read them."""
        return statement if isinstance(statement, ast.AnnAssign) else self.visit(statement)

    def visit_AnnAssign(self, node):
        node = self.generic_visit(node)
        if node.value is None:
            # Without a value it still makes the name a local one.
            node.annotation = ast.Constant(value=None)
            return node
        return ast.Assign(targets=[node.target], value=node.value)


def _field(statement: ast.AnnAssign, *, keep: bool) -> ast.stmt | None:
    """A class's annotated name; a dataclass's stays a field, whatever its type."""
    names = {n.id for n in ast.walk(statement.annotation) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(statement.annotation) if isinstance(n, ast.Attribute)}
    if names & SPEAKING_FIELDS or isinstance(statement.annotation, ast.Constant):
        return statement
    if keep:
        statement.annotation = ast.Constant(value=None)
        return statement
    if statement.value is None:
        return None
    return ast.Assign(targets=[statement.target], value=statement.value)


def _sorted_methods(body: list[ast.stmt]) -> list[ast.stmt]:
    """Methods by name behind the rest; as they stand where something may hang on their order."""
    methods = [s for s in body if isinstance(s, FUNCTIONS)]
    others = [s for s in body if not isinstance(s, FUNCTIONS)]
    named = {n.id for s in others for n in ast.walk(s) if isinstance(n, ast.Name)}
    at_once = [d for m in methods for d in (*m.args.defaults, *m.args.kw_defaults) if d]
    read = {n.id for default in at_once for n in ast.walk(default) if isinstance(n, ast.Name)}
    loud = any(decorator_name(d) not in QUIET_DECORATORS for m in methods for d in m.decorator_list)
    if loud or named & {m.name for m in methods} or read & named:
        return body
    return [*others, *sorted(methods, key=lambda method: method.name)]


class _Locals(ast.NodeTransformer):
    """Numbers local variables in the order in which they are bound: ``$0``, ``$1``."""

    def __init__(self):
        self.scopes: list[dict[str, str]] = []
        self.count = 0

    def _name(self, name: str | None) -> str | None:
        for number, scope in enumerate(reversed(self.scopes)):
            if name in scope and (number == 0 or not scope.get("class?")):
                return scope[name]
        return name

    def _numbered(self, names: list[str]) -> dict[str, str]:
        numbered = {}
        for name in dict.fromkeys(names):
            numbered[name] = f"${self.count}"
            self.count += 1
        return numbered

    def _function(self, node):
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args = self.visit(node.args)
        node.returns = self.visit(node.returns) if node.returns else None
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        bound = _Bound().of(node.body)
        scope = {} if used & READS_LOCALS else self._numbered(bound.variables)
        kept = [*bound.others, *(bound.variables if not scope else ())]
        self.scopes.append({**scope, **{n: n for n in kept}, **_parameters(node.args)})
        node.body = [self.visit(statement) for statement in node.body]
        self.scopes.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node):
        node.args = self.visit(node.args)
        self.scopes.append(_parameters(node.args))
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node):
        node.bases = [self.visit(b) for b in node.bases]
        node.keywords = [self.visit(k) for k in node.keywords]
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        bound = _Bound().of(node.body)
        names = [*bound.variables, *bound.others]
        self.scopes.append({"class?": "class?", **{name: name for name in names}})
        node.body = [self.visit(statement) for statement in node.body]
        self.scopes.pop()
        return node

    def _comprehension(self, node):
        first = node.generators[0]
        first.iter = self.visit(first.iter)
        targets = [
            n.id
            for g in node.generators
            for n in ast.walk(g.target)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        ]
        self.scopes.append(self._numbered(targets))
        for number, generator in enumerate(node.generators):
            generator.target = self.visit(generator.target)
            if number:
                generator.iter = self.visit(generator.iter)
            generator.ifs = [self.visit(test) for test in generator.ifs]
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                setattr(node, field, self.visit(getattr(node, field)))
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Name(self, node):
        node.id = self._name(node.id)
        return node

    def _named(self, node):
        node.name = self._name(node.name)
        return self.generic_visit(node)

    visit_ExceptHandler = visit_MatchAs = visit_MatchStar = _named

    def visit_MatchMapping(self, node):
        node.rest = self._name(node.rest)
        return self.generic_visit(node)

    def visit_Nonlocal(self, node):
        node.names = sorted(self._name(name) for name in node.names)
        return node


class _Bound(ast.NodeVisitor):
    """The names a scope binds: ``variables``, and ``others`` (imports, definitions, global)."""

    def __init__(self):
        self.variables, self.others, self.outer = [], [], []

    def of(self, body: list[ast.stmt]) -> "_Bound":
        for statement in body:
            self.visit(statement)
        elsewhere = {*self.others, *self.outer}
        self.variables = [n for n in self.variables if n not in elsewhere]
        return self

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store | ast.Del):
            self.variables.append(node.id)

    def visit_FunctionDef(self, node):
        self.others.append(node.name)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node):
        pass

    def visit_Global(self, node):
        self.others += node.names

    def visit_Nonlocal(self, node):
        self.outer += node.names

    def visit_alias(self, node):
        self.others.append(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node):
        self.variables += [node.name] if node.name else []
        self.generic_visit(node)

    def _pattern(self, node):
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        self.variables += [name] if name else []
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _pattern

    def _comprehension(self, node):
        # Its targets are its own; an assignment expression in it binds here.
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):
                self.variables.append(inner.target.id)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def _parameters(given: ast.arguments) -> dict[str, str]:
    """A parameter keeps its name, for callers may use it, and is marked as no global one."""
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {argument.arg: f"%{argument.arg}" for argument in filter(None, every)}
