"""Whatever the notebook defined comes back from its captured source, and does the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.snapshots.conftest import Cells, notebook_in

MAKE = """
def make(k):
    def scale(x):
        return x * k
    return scale
# %%
"""


@pytest.mark.parametrize(
    ("notebook", "call", "written"),
    [
        pytest.param(
            f"{MAKE}model = make(3)",
            "model(2)",
            "scale = make_scale(k=3)",
            id="closure",
        ),
        pytest.param(
            """
def make(k):
    return lambda x: x * k
# %%
model = make(3)
""",
            "model(2)",
            "make_lambda",
            id="lambda closure",
        ),
        pytest.param(
            f"{MAKE}model = [make(3), make(4)]",
            "[f(2) for f in model]",
            "scale_2 = make_scale_2(k=4)",
            id="two closures of one factory",
        ),
        pytest.param(
            """
fs = [lambda x, i=i: x * i for i in range(3)]
model = fs
""",
            "[f(5) for f in model]",
            "lambda x, i=1: x * i",
            id="defaults of a loop",
        ),
        pytest.param(
            """
import numpy as np
def make(w):
    def f(x): return (w * x).sum()
    return f
# %%
model = make(np.arange(3))
""",
            "int(model(2))",
            "nbdeploy_value('f.w')",
            id="closure over an array",
        ),
        pytest.param(
            """
def timed(function):
    def inner(*args): return 2 * function(*args)
    return inner
# %%
@timed
def predict(x):
    return x + 1
model = predict
""",
            "model(1)",
            "@timed\ndef predict(x)",
            id="decorator without wraps",
        ),
        pytest.param(
            """
import functools
def times(n):
    def decorate(function):
        @functools.wraps(function)
        def inner(*args): return n * function(*args)
        return inner
    return decorate
# %%
N = 3
@times(N)
def predict(x):
    return x + 1
model = predict
""",
            "model(1)",
            "@times(N)\ndef predict(x)",
            id="decorator with arguments and wraps",
        ),
        pytest.param(
            """
def times(n):
    def decorate(function):
        def inner(*args): return n * function(*args)
        return inner
    return decorate
# %%
N = 3
@times(N)
def predict(x):
    return x + 1
model = predict
# %%
N = 100
""",
            "model(1)",
            "n=3",
            id="decorator whose argument changed",
        ),
        pytest.param(
            """
def first(f):
    def inner(x): return f(x) + 1
    return inner
# %%
def second(f):
    def outer(x): return f(x) * 10
    return outer
# %%
@second
@first
def predict(x): return x
kept = predict
def predict(x): return None
model = kept
""",
            "model(1)",
            "make_outer",
            id="decorated and then redefined",
        ),
        pytest.param(
            """
import functools
@functools.lru_cache(maxsize=4)
def slow(x): return x * 2
def model(x): return slow(x)
""",
            "model(4)",
            "@functools.lru_cache(maxsize=4)",
            id="cached",
        ),
        pytest.param(
            """
from functools import partial
def add(a, b): return a + b
model = partial(add, 5)
""",
            "model(1)",
            "def add",
            id="partial",
        ),
        pytest.param(
            """
class A:
    def f(self): return 'old'
# %%
a = A()
# %%
class A:
    def f(self): return 'new'
model = [a, A()]
""",
            "[m.f() for m in model]",
            "class A_2",
            id="two classes of one name",
        ),
        pytest.param(
            """
def f(x): return 'old'
old = f
# %%
def f(x): return 'new'
model = [old, f]
""",
            "[m(0) for m in model]",
            "def f_2(x): return 'old'",
            id="two functions of one name",
        ),
        pytest.param(
            """
class A:
    def f(self): return 1
a = A()
# %%
class A:
    def f(self): return 1
model = a
""",
            "model.f()",
            "class A:",
            id="a cell run twice",
        ),
        pytest.param(
            """
class Meta(type):
    def __new__(m, n, b, d):
        d['tag'] = n
        return super().__new__(m, n, b, d)
# %%
class Base(metaclass=Meta):
    @property
    def p(self): return 1
    @staticmethod
    def s(): return 2
    @classmethod
    def c(cls): return cls.__name__
    def who(self): return __class__.__name__
# %%
class Sub(Base):
    class Inner:
        z = 3
    @property
    def p(self): return super().p + 10
model = Sub()
""",
            "(model.p, model.s(), model.c(), model.who(), model.Inner.z, model.tag)",
            "class Base(metaclass=Meta)",
            id="metaclass, inheritance, descriptors",
        ),
        pytest.param(
            """
class Outer:
    class Inner:
        def f(self): return 7
model = Outer.Inner()
""",
            "model.f()",
            "class Outer",
            id="nested class",
        ),
        pytest.param(
            """
from enum import Enum
from typing import NamedTuple
from dataclasses import dataclass, field
class Color(Enum):
    RED = 1
    BLUE = 2
DEFAULT = Color.BLUE
# %%
class Point(NamedTuple):
    x: int
    y: int = 2
# %%
@dataclass(frozen=True)
class Config:
    color: Color = DEFAULT
    points: list = field(default_factory=list)
# %%
CONFIG = Config()
def model(x, config=CONFIG): return (config.color.name, Point(x).y, config.points)
""",
            "model(1)",
            "DEFAULT = nbdeploy_value('DEFAULT')  # Color",
            id="enumerations, named tuples, dataclasses as defaults",
        ),
        pytest.param(
            """
from collections import namedtuple
Point = namedtuple('Point', 'x y')
model = Point(1, 2)
""",
            "(model.x, model.y)",
            "Point = namedtuple('Point', 'x y')",
            id="functional named tuple",
        ),
        pytest.param(
            """
from enum import Enum
class A(Enum):
    X = 1
# %%
class A(Enum):
    X = 2
model = A.X
""",
            "model.value",
            "X = 2",
            id="an enumeration without methods, edited",
        ),
        pytest.param(
            """
LIMIT = 3
def model(x, limit=LIMIT): return x > limit
# %%
LIMIT = 100
""",
            "model(5)",
            "limit=3",
            id="a default whose variable changed",
        ),
        pytest.param(
            """
class L:
    top = 3
LIMIT = L()
def model(x, limit=LIMIT): return x > limit.top
# %%
LIMIT = None
""",
            "model(5)",
            "limit=nbdeploy_value('model 1')",
            id="a default that is an object, whose variable changed",
        ),
        pytest.param(
            """
from functools import singledispatch
import numpy as np
@singledispatch
def model(x): return "any"
@model.register
def _(x: int): return "whole"
@model.register
def _(x: list): return "list"
# %%
@model.register(np.ndarray)
def of_arrays(x): return "array"
model.version = 2
""",
            "(model('a'), model(1), model([]), model(__import__('numpy').ones(2)), model.version)",
            "model.register(int, __2)",
            id="a function that does different things for types",
        ),
        pytest.param(
            """
class M:
    threshold = 1
    def f(self): return self.threshold
# %%
M.threshold = 9
model = M()
""",
            "model.f()",
            "M.threshold = 9",
            id="a patched attribute",
        ),
        pytest.param(
            """
class M:
    pass
# %%
def predict(self, x): return x + 1
M.predict = predict
model = M()
""",
            "model.predict(1)",
            "M.predict = predict",
            id="a patched method",
        ),
        pytest.param(
            """
import xml
import xml.dom.minidom
def model(x): return xml.dom.minidom.parseString(x).documentElement.tagName
""",
            "model('<a/>')",
            "import xml.dom.minidom",
            id="a module reached by attributes",
        ),
        pytest.param(
            """
from math import *
from os import path as p
def model(x): return (floor(x * pi), p.basename('a/b'))
""",
            "model(2)",
            "from os import path as p",
            id="star imports and aliases",
        ),
        pytest.param(
            """
def model(n): return 1 if n < 2 else n * model(n - 1)
""",
            "model(5)",
            "def model",
            id="recursion",
        ),
        pytest.param(
            """
def make():
    def fact(n): return 1 if n < 2 else n * fact(n - 1)
    return fact
model = make()
""",
            "model(5)",
            "def fact",
            id="a closure over itself",
        ),
        pytest.param(
            """
def make(step, note="a\\nb"):
    def even(n, by=step): return n == 0 or odd(n - by)
    odd = lambda n: n != 0 and even(n - step) and bool(note)
    return even, odd
model = make(1)
""",
            "[f(n) for f in model for n in (0, 3, 4)]",
            "even, odd = make_even(",
            id="closures over each other",
        ),
        pytest.param(
            """
def make(steps):
    def first(x): return second(x - 1) * 2 if x > 0 else steps[0]
    def second(x):
        \'\'\'Text
at the margin.\'\'\'
        return first(x - 1) + third(x)
    def third(x): return steps[1] if x < 0 else first(x - 2)
    return third
model = [make([1, 2]), make([3, {'k'}])]
def first(): return None
""",
            "[f(x) for f in model for x in (5, 6)] if len(model) == 1 else [model[0](5), model[1](0)]",
            "def third(x): return steps[1]",
            id="three closures over each other, made twice",
        ),
        pytest.param(
            """
counter = 0
def model(x):
    global counter
    counter += 1
    return counter + x
# %%
model(1)
""",
            "model(10)",
            "counter = ",
            id="a global that changes",
        ),
        pytest.param(
            '''
if True:
    def model(x):
        """Text
at the margin."""
        return model.__doc__ + x
''',
            "model('!')",
            "at the margin",
            id="indented, with text that is not",
        ),
        pytest.param(
            '''
def make(k):
    def f(x):
        return """a
b""" + k + x
    return f
model = make("ü")
''',
            "model('x')",
            "make_f(k='ü')",
            id="nested, with text over lines",
        ),
        pytest.param(
            """
def make(base, n):
    class M(base):
        def f(self): return super().f() * n
    return M
# %%
class B:
    def f(self): return 5
model = make(B, 3)()
""",
            "model.f()",
            "make_M(",
            id="a class made in a function",
        ),
        pytest.param(
            """
import numpy as np
def make(scale, names):
    class M:
        factor = scale * 2
        weights: list = np.ones(scale)
        first, last = 'a', 'b'
        def f(self, x, k=scale): return x * self.factor * k + len(names) + self.weights.sum()
    return M
# %%
model = make(3, 'ab')()
""",
            "model.f(2)",
            "factor = 6",
            id="a class body that uses variables of a function",
        ),
        pytest.param(
            """
from typing import TypeVar, Generic
T = TypeVar('T')
class Box(Generic[T]):
    def __init__(self, x: T): self.x = x
model = Box(3)
""",
            "model.x",
            "T = TypeVar('T')",
            id="type variables",
        ),
        pytest.param(
            """
class M:
    def f(self, x): return x + 1
model = M.f
""",
            "model(None, 1)",
            "class M",
            id="a method as a function",
        ),
    ],
)
def test_what_a_notebook_defines_does_the_same_elsewhere(cells: Cells, notebook: str, call: str, written: str) -> None:
    """Loaded where no notebook is, it answers as it does here; and its source is there to read."""
    cells.run(*notebook.split("# %%\n"))
    source = cells.source(cells["model"])
    assert written in source, source
    carried = cells.carried(cells["model"])
    assert eval(call, {"model": carried}) == eval(call, {"model": cells["model"]})


@st.composite
def notebooks(draw: st.DrawFn) -> list[str]:
    """Cells that define f0, f1 … in many ways, each using some before it, some of them defined twice."""
    cells = ["import math\nimport functools\nfrom functools import partial\nBASE = 1.5"]
    for i in range(draw(st.integers(1, 6))):
        used = draw(st.sets(st.integers(0, i - 1), max_size=2)) if i else set()
        constant = draw(st.integers(-5, 5))
        body = " + ".join([f"x * {constant} + BASE", *(f"f{j}(x)" for j in sorted(used))])
        ways = {
            "plain": f"def f{i}(x):\n    return {body}",
            "lambda": f"f{i} = lambda x: {body}",
            "default": f"K = {constant}\ndef f{i}(x, k=K):\n    return {body} + k\nK = None",
            "closure": f"def make{i}(a):\n    def inner(x):\n        return {body} + a\n    return inner\n"
            f"f{i} = make{i}({constant})",
            "closure over functions": f"def make{i}(*fs):\n    return lambda x: {body} + sum(f(x) for f in fs)\n"
            f"f{i} = make{i}({', '.join(f'f{j}' for j in sorted(used))})",
            "method": f"class C{i}:\n    k = {constant}\n    def call(self, x):\n        return {body} + self.k\n"
            f"f{i} = C{i}().call",
            "object": f"class C{i}:\n    def __call__(self, x):\n        return {body}\nf{i} = C{i}()",
            "partial": f"def g{i}(x, y):\n    return {body} + y\nf{i} = partial(g{i}, y={constant})",
            "wrapped": f"def wrap{i}(f):\n    @functools.wraps(f)\n    def w(x): return f(x) + {constant}\n"
            f"    return w\n@wrap{i}\ndef f{i}(x):\n    return {body}",
            "plainly wrapped": f"def wrap{i}(f):\n    def w(x): return f(x) + {constant}\n"
            f"    return w\n@wrap{i}\ndef f{i}(x):\n    return {body}",
            "redefined": f"def f{i}(x): return {body}\nkept{i} = f{i}\n"
            f"def f{i}(x): return kept{i}(x) + math.floor(1.5)",
        }
        cells.append(ways[draw(st.sampled_from(sorted(ways)))])
    return [*cells, f"model = f{len(cells) - 2}"]


@given(notebooks())
@settings(max_examples=60, deadline=None)
def test_any_mixture_of_definitions_answers_the_same(notebook: list[str]) -> None:
    """However functions were made and meet each other, what is loaded is what was there."""
    with TemporaryDirectory() as folder, notebook_in(Path(folder)) as cells:
        cells.run(*notebook)
        carried = cells.carried(cells["model"])
        assert [carried(x) for x in (-2, 0.5, 7)] == [cells["model"](x) for x in (-2, 0.5, 7)]


def test_what_is_defined_anew_and_not_used_changes_nothing(cells: Cells) -> None:
    """The class of a model keeps its name though the notebook has another one of that name by now."""
    cells.run("class M:\n    def predict(self, x): return x + 1\nmodel = M()\ndef own(x): return x\nkept = own")
    before = cells.source([cells["model"], cells["kept"]])
    cells.run("class M:\n    def predict(self, x): return x + 2\ndef own(x): return -x")
    assert cells.source([cells["model"], cells["kept"]]) == before
    assert "class M_2" in cells.source([cells["model"], cells["M"]])
