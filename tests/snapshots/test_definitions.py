"""Whatever the notebook defined comes back from its captured source, and does the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import NotCapturable
from tests.snapshots.conftest import Cells


@pytest.mark.parametrize(
    ("notebook", "call", "written"),
    [
        pytest.param(
            ["def make(k):\n    def scale(x):\n        return x * k\n    return scale", "model = make(3)"],
            "model(2)",
            "scale = make_scale(k=3)",
            id="closure",
        ),
        pytest.param(
            ["def make(k):\n    return lambda x: x * k", "model = make(3)"], "model(2)", "make_lambda", id="lambda closure"
        ),
        pytest.param(
            ["def make(k):\n    def scale(x): return x * k\n    return scale", "model = [make(3), make(4)]"],
            "[f(2) for f in model]",
            "scale_2 = make_scale_2(k=4)",
            id="two closures of one factory",
        ),
        pytest.param(
            ["fs = [lambda x, i=i: x * i for i in range(3)]\nmodel = fs"],
            "[f(5) for f in model]",
            "lambda x, i=1: x * i",
            id="defaults of a loop",
        ),
        pytest.param(
            ["import numpy as np\ndef make(w):\n    def f(x): return (w * x).sum()\n    return f", "model = make(np.arange(3))"],
            "int(model(2))",
            "nbdeploy_value('f.w')",
            id="closure over an array",
        ),
        pytest.param(
            [
                "def timed(function):\n    def inner(*args): return 2 * function(*args)\n    return inner",
                "@timed\ndef predict(x):\n    return x + 1\nmodel = predict",
            ],
            "model(1)",
            "@timed\ndef predict(x)",
            id="decorator without wraps",
        ),
        pytest.param(
            [
                "import functools\ndef times(n):\n    def decorate(function):\n        @functools.wraps(function)\n"
                "        def inner(*args): return n * function(*args)\n        return inner\n    return decorate",
                "N = 3\n@times(N)\ndef predict(x):\n    return x + 1\nmodel = predict",
            ],
            "model(1)",
            "@times(N)\ndef predict(x)",
            id="decorator with arguments and wraps",
        ),
        pytest.param(
            [
                "def times(n):\n    def decorate(function):\n        def inner(*args): return n * function(*args)\n"
                "        return inner\n    return decorate",
                "N = 3\n@times(N)\ndef predict(x):\n    return x + 1\nmodel = predict",
                "N = 100",
            ],
            "model(1)",
            "n=3",
            id="decorator whose argument changed",
        ),
        pytest.param(
            [
                "def first(f):\n    def inner(x): return f(x) + 1\n    return inner",
                "def second(f):\n    def outer(x): return f(x) * 10\n    return outer",
                "@second\n@first\ndef predict(x): return x\nkept = predict\ndef predict(x): return None\nmodel = kept",
            ],
            "model(1)",
            "make_outer",
            id="decorated and then redefined",
        ),
        pytest.param(
            ["import functools\n@functools.lru_cache(maxsize=4)\ndef slow(x): return x * 2\ndef model(x): return slow(x)"],
            "model(4)",
            "@functools.lru_cache(maxsize=4)",
            id="cached",
        ),
        pytest.param(
            ["from functools import partial\ndef add(a, b): return a + b\nmodel = partial(add, 5)"],
            "model(1)",
            "def add",
            id="partial",
        ),
        pytest.param(
            ["class A:\n    def f(self): return 'old'", "a = A()", "class A:\n    def f(self): return 'new'\nmodel = [a, A()]"],
            "[m.f() for m in model]",
            "class A_2",
            id="two classes of one name",
        ),
        pytest.param(
            ["def f(x): return 'old'\nold = f", "def f(x): return 'new'\nmodel = [old, f]"],
            "[m(0) for m in model]",
            "def f_2(x): return 'old'",
            id="two functions of one name",
        ),
        pytest.param(
            ["class A:\n    def f(self): return 1\na = A()", "class A:\n    def f(self): return 1\nmodel = a"],
            "model.f()",
            "class A:",
            id="a cell run twice",
        ),
        pytest.param(
            [
                "class Meta(type):\n    def __new__(m, n, b, d):\n        d['tag'] = n\n        return super().__new__(m, n, b, d)",
                "class Base(metaclass=Meta):\n    @property\n    def p(self): return 1\n"
                "    @staticmethod\n    def s(): return 2\n    @classmethod\n    def c(cls): return cls.__name__\n"
                "    def who(self): return __class__.__name__",
                "class Sub(Base):\n    class Inner:\n        z = 3\n    @property\n    def p(self): return super().p + 10\nmodel = Sub()",
            ],
            "(model.p, model.s(), model.c(), model.who(), model.Inner.z, model.tag)",
            "class Base(metaclass=Meta)",
            id="metaclass, inheritance, descriptors",
        ),
        pytest.param(
            ["class Outer:\n    class Inner:\n        def f(self): return 7\nmodel = Outer.Inner()"],
            "model.f()",
            "class Outer",
            id="nested class",
        ),
        pytest.param(
            [
                "from enum import Enum\nfrom typing import NamedTuple\nfrom dataclasses import dataclass, field\n"
                "class Color(Enum):\n    RED = 1\n    BLUE = 2\nDEFAULT = Color.BLUE",
                "class Point(NamedTuple):\n    x: int\n    y: int = 2",
                "@dataclass(frozen=True)\nclass Config:\n    color: Color = DEFAULT\n    points: list = field(default_factory=list)",
                "CONFIG = Config()\ndef model(x, config=CONFIG): return (config.color.name, Point(x).y, config.points)",
            ],
            "model(1)",
            "DEFAULT = nbdeploy_value('DEFAULT')  # Color",
            id="enumerations, named tuples, dataclasses as defaults",
        ),
        pytest.param(
            ["from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\nmodel = Point(1, 2)"],
            "(model.x, model.y)",
            "Point = namedtuple('Point', 'x y')",
            id="functional named tuple",
        ),
        pytest.param(
            ["from enum import Enum\nclass A(Enum):\n    X = 1", "class A(Enum):\n    X = 2\nmodel = A.X"],
            "model.value",
            "X = 2",
            id="an enumeration without methods, edited",
        ),
        pytest.param(
            ["LIMIT = 3\ndef model(x, limit=LIMIT): return x > limit", "LIMIT = 100"],
            "model(5)",
            "limit=3",
            id="a default whose variable changed",
        ),
        pytest.param(
            ["class L:\n    top = 3\nLIMIT = L()\ndef model(x, limit=LIMIT): return x > limit.top", "LIMIT = None"],
            "model(5)",
            "limit=nbdeploy_value('model 1')",
            id="a default that is an object, whose variable changed",
        ),
        pytest.param(
            ["class M:\n    threshold = 1\n    def f(self): return self.threshold", "M.threshold = 9\nmodel = M()"],
            "model.f()",
            "M.threshold = 9",
            id="a patched attribute",
        ),
        pytest.param(
            ["class M:\n    pass", "def predict(self, x): return x + 1\nM.predict = predict\nmodel = M()"],
            "model.predict(1)",
            "M.predict = predict",
            id="a patched method",
        ),
        pytest.param(
            ["import xml\nimport xml.dom.minidom\ndef model(x): return xml.dom.minidom.parseString(x).documentElement.tagName"],
            "model('<a/>')",
            "import xml.dom.minidom",
            id="a module reached by attributes",
        ),
        pytest.param(
            ["from math import *\nfrom os import path as p\ndef model(x): return (floor(x * pi), p.basename('a/b'))"],
            "model(2)",
            "from os import path as p",
            id="star imports and aliases",
        ),
        pytest.param(
            ["def model(n): return 1 if n < 2 else n * model(n - 1)"], "model(5)", "def model", id="recursion"
        ),
        pytest.param(
            ["def make():\n    def fact(n): return 1 if n < 2 else n * fact(n - 1)\n    return fact\nmodel = make()"],
            "model(5)",
            "def fact",
            id="a closure over itself",
        ),
        pytest.param(
            ["counter = 0\ndef model(x):\n    global counter\n    counter += 1\n    return counter + x", "model(1)"],
            "model(10)",
            "counter = ",
            id="a global that changes",
        ),
        pytest.param(
            ['if True:\n    def model(x):\n        """Text\nat the margin."""\n        return model.__doc__ + x'],
            "model('!')",
            "at the margin",
            id="indented, with text that is not",
        ),
        pytest.param(
            ['def make(k):\n    def f(x):\n        return """a\nb""" + k + x\n    return f\nmodel = make("ü")'],
            "model('x')",
            "make_f(k='ü')",
            id="nested, with text over lines",
        ),
        pytest.param(
            ["def make(base, n):\n    class M(base):\n        def f(self): return super().f() * n\n    return M",
             "class B:\n    def f(self): return 5\nmodel = make(B, 3)()"],
            "model.f()",
            "make_M(",
            id="a class made in a function",
        ),
        pytest.param(
            ["from typing import TypeVar, Generic\nT = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, x: T): self.x = x\nmodel = Box(3)"],
            "model.x",
            "T = TypeVar('T')",
            id="type variables",
        ),
        pytest.param(
            ["class M:\n    def f(self, x): return x + 1\nmodel = M.f"], "model(None, 1)", "class M", id="a method as a function"
        ),
    ],
)  # fmt: skip
def test_what_a_notebook_defines_does_the_same_elsewhere(cells: Cells, notebook: list[str], call: str, written: str) -> None:
    """Loaded where no notebook is, it answers as it does here; and its source is there to read."""
    cells.run(*notebook)
    source = cells.source(cells["model"])
    assert written in source, source
    carried = cells.carried(cells["model"])
    assert eval(call, {"model": carried}) == eval(call, {"model": cells["model"]})
