"""What means something: each pair is one source before and after an edit."""

import pytest

OTHER = {
    "a constant": ("X = 1", "X = 2"),
    "an int that becomes a float": ("X = 1", "X = 1.0"),
    "a text that becomes bytes": ("X = 'a'", "X = b'a'"),
    "a number's sign": ("X = 0.0", "X = -0.0"),
    "an operator": ("def f(a):\n    return a < 1", "def f(a):\n    return a <= 1"),
    "a default": ("def f(a=1):\n    return a", "def f(a=2):\n    return a"),
    "a parameter's name": ("def f(a):\n    return a", "def f(b):\n    return b"),
    "the order of parameters": ("def f(a, b):\n    return a", "def f(b, a):\n    return a"),
    "keyword only": ("def f(a, b=1):\n    return b", "def f(a, *, b=1):\n    return b"),
    "position only": ("def f(a):\n    return a", "def f(a, /):\n    return a"),
    "a decorator": ("def f():\n    return 1", "@functools.cache\ndef f():\n    return 1"),
    "a decorator's argument": (
        "@functools.lru_cache(1)\ndef f():\n    pass",
        "@functools.lru_cache(2)\ndef f():\n    pass",
    ),
    "an annotation that a decorator may read": (
        "@pydantic.validate_call\ndef f(a: int):\n    return a",
        "@pydantic.validate_call\ndef f(a: float):\n    return a",
    ),
    "async": ("def f():\n    pass", "async def f():\n    pass"),
    "a base class": ("class A(B):\n    pass", "class A(C):\n    pass"),
    "a metaclass": ("class A:\n    pass", "class A(metaclass=B):\n    pass"),
    "a class attribute": ("class A:\n    x = 1", "class A:\n    x = 2"),
    "the order of class attributes": (
        "class A:\n    x = g()\n    y = g()",
        "class A:\n    y = g()\n    x = g()",
    ),
    "a method moved before what it replaces": (
        "class A:\n    def f(self):\n        pass\n    f = g(f)",
        "class A:\n    f = g(f)\n    def f(self):\n        pass",
    ),
    "a method's default moved behind another value": (
        "class A:\n    x = 1\n    def f(self, a=x):\n        pass\n    x = 2",
        "class A:\n    x = 1\n    x = 2\n    def f(self, a=x):\n        pass",
    ),
    "the order of methods whose decorators may count": (
        "class A(B):\n    @pydantic.validator\n    def f(self):\n        pass\n"
        "    @pydantic.validator\n    def g(self):\n        pass",
        "class A(B):\n    @pydantic.validator\n    def g(self):\n        pass\n"
        "    @pydantic.validator\n    def f(self):\n        pass",
    ),
    "a dataclass's field": (
        "@dataclass\nclass A:\n    x: int",
        "@dataclass\nclass A:\n    x: int\n    y: int = 0",
    ),
    "the order of a dataclass's fields": (
        "@dataclass\nclass A:\n    x: int\n    y: int",
        "@dataclass\nclass A:\n    y: int\n    x: int",
    ),
    "a field that is the class's": (
        "@dataclass\nclass A:\n    x: int = 1",
        "@dataclass\nclass A:\n    x: ClassVar[int] = 1",
    ),
    "a field that only starts": (
        "@dataclass\nclass A:\n    x: int = 1",
        "@dataclass\nclass A:\n    x: InitVar[int] = 1",
    ),
    "a field that is no annotation": (
        "@dataclass\nclass A:\n    x: int = 1",
        "@dataclass\nclass A:\n    x = 1",
    ),
    "the annotation of a checked class": (
        "class A(pydantic.BaseModel):\n    x: int",
        "class A(pydantic.BaseModel):\n    x: float",
    ),
    "a field of a named tuple": (
        "class A(NamedTuple):\n    x: int",
        "class A(NamedTuple):\n    y: int",
    ),
    "swapped locals": (
        "def f():\n    a = g()\n    b = h()\n    return a - b",
        "def f():\n    a = g()\n    b = h()\n    return b - a",
    ),
    "a local that becomes the outer one": (
        "def f():\n n = 0\n def g():\n  n = 1\n g()\n return n",
        "def f():\n n = 0\n def g():\n  nonlocal n\n  n = 1\n g()\n return n",
    ),
    "a local that becomes global": (
        "def f():\n    n = 1\n    return n",
        "def f():\n    global n\n    n = 1\n    return n",
    ),
    "which global is read": ("def f():\n    return A", "def f():\n    return B"),
    "a global that becomes a local by a mere annotation": (
        "def f():\n    return A",
        "def f():\n    A: int\n    return A",
    ),
    "a global that becomes a parameter": (
        "def f(a, b):\n    return a, c",
        "def f(a, c):\n    return a, c",
    ),
    "what a comprehension's target hangs on": (
        "def f(a):\n    return [0 for a[I] in g()]",
        "def f(a):\n    return [0 for a[J] in g()]",
    ),
    "an inner comprehension's source": (
        "def f(x):\n    return [x for x in A for y in x]",
        "def f(x):\n    return [x for x in A for y in B]",
    ),
    "a global read in a class body": (
        "def f():\n    x = 1\n    class A:\n        y = x\n    return A",
        "def f():\n    x = 1\n    class A:\n        y = X\n    return A",
    ),
    "names read by their text": (
        "def f():\n    a = 1\n    return locals()",
        "def f():\n    b = 1\n    return locals()",
    ),
    "names shown by a debugging f-string": (
        "def f(a):\n    b = a\n    return f'{b=}'",
        "def f(a):\n    c = a\n    return f'{c=}'",
    ),
    "a keyword": ("def f(g):\n    g(a=1)", "def f(g):\n    g(b=1)"),
    "an attribute": ("def f(g):\n    return g.a", "def f(g):\n    return g.b"),
    "whether something is logged": ("def f():\n    LOG.info('x')", "def f():\n    pass"),
    "what a logging call does on the way": (
        "def f(a):\n    LOG.info('x', a)",
        "def f(a):\n    LOG.info('x', a.pop())",
    ),
    "what looks like logging and is none": (
        "def f(a):\n    a.log('x')\n    a.info(1)",
        "def f(a):\n    a.log('y')\n    a.info(2)",
    ),
    "an assertion": ("def f(a):\n    assert a", "def f(a):\n    pass"),
    "a yield": ("def f():\n    yield", "def f():\n    return"),
    "the order of effects": ("g(1)\nh(2)", "h(2)\ng(1)"),
    "a second binding of a name": ("X = 1", "X = 1\nX = 2"),
    "the order of two bindings": ("X = 1\nX = 2", "X = 2\nX = 1"),
    "what stands under a condition": ("if A:\n    X = 1", "if A:\n    X = 2"),
    "what else stands beside the main block": (
        "if __name__ == '__main__':\n    pass\nelse:\n    X = 1",
        "if __name__ == '__main__':\n    pass\nelse:\n    X = 2",
    ),
    "what is for the run beside the type checker's": (
        "if TYPE_CHECKING:\n    X = 0\nelse:\n    X = 1",
        "if TYPE_CHECKING:\n    X = 0\nelse:\n    X = 2",
    ),
}


@pytest.mark.parametrize("edit", OTHER)
def test_means_something_else(meanings, edit):
    before, after = OTHER[edit]
    assert meanings(before) != meanings(after)
