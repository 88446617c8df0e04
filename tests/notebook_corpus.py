"""Small notebooks, each named after what it shows: run under papermill's engine and under ours.

A notebook is a list of cells; a cell is its source, or its tags and its source. What child
processes and C libraries write is not here: a kernel reads descriptors in a thread, so that where
their text stands is a matter of time. test_engine.py says where it stands under ours.
"""

Cell = str | tuple[str, str]

CORPUS: dict[str, list[Cell]] = {
    "prints and a result": ["print('one')\n2", "x = 3", "x"],
    "the last expression ends in a semicolon": ["5;", "6\n7;", "8"],
    "two streams at once": [
        "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')",
        "print('e', file=sys.stderr)\nprint('f')",
    ],
    "streams flushed by hand": [
        "import sys\nprint('a', flush=True)\nprint('b', file=sys.stderr, flush=True)\nprint('c')"
    ],
    "a log on stderr": [
        "import logging\nlogging.basicConfig(level='INFO', format='%(levelname)s %(message)s')",
        "print('before')\nlogging.info('between')\nprint('after')",
    ],
    "text between displays": [
        "from IPython.display import display\nprint('a')\ndisplay(1)\nprint('b')\ndisplay(2)\n3"
    ],
    "warnings on stderr": [
        "import warnings\nwarnings.warn('once')\nwarnings.warn('as a kind', DeprecationWarning)",
        "def old():\n    warnings.warn('inner', DeprecationWarning, stacklevel=2)\nold()",
    ],
    "rich reprs": [
        "class A:\n    def _repr_html_(self): return '<b>a</b>'\n"
        "    def __repr__(self): return 'A'",
        "A()",
        "class B:\n"
        "    def _repr_mimebundle_(self, **_):\n"
        "        return {'text/plain': 'b', 'application/x+json': {'k': (1, 2)}}",
        "B()",
        "class C:\n    def _repr_json_(self): return {'a': [1, None, True]}\nC()",
    ],
    "a repr that fails": [
        "class A:\n    def __repr__(self): raise ValueError('no repr')",
        ("raises-exception", "A()"),
        "print('on')",
    ],
    "html, markdown, latex and svg": [
        "from IPython.display import HTML, Markdown, Latex, SVG, JSON, Javascript",
        "HTML('<i>x</i>')",
        "Markdown('**x**')",
        "Latex('$x$')",
        "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><g/></svg>')",
        "JSON({'a': 1})",
        "Javascript('1')",
    ],
    "an image from bytes": [
        "import base64\nfrom IPython.display import Image, display",
        "dot = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhf'"
        "DwAChwGA60e6kgAAAABJRU5ErkJggg==')",
        "Image(dot)",
        "display(Image(dot, width=10), metadata={'isolated': True})",
    ],
    "bytes and other objects in displays": [
        "from IPython.display import display_png, display\ndisplay_png(b'x', raw=True)",
        "class A:\n    def _repr_png_(self): return b'png', {'width': 3}\nA()",
        "display({'application/json': {'a': (1, 2), 3: None}}, raw=True)",
    ],
    "displays that are updated": [
        "from IPython.display import display\nh = display('old', display_id='one')\nprint('x')",
        "h.update('new')",
        "print('one')\nh.update('newer')\nprint('two')",
        "display('again', display_id='one')\nh.update('last')",
    ],
    "an update of an unknown display": [
        "from IPython.display import update_display\nupdate_display('x', display_id='nowhere')",
    ],
    "outputs that are cleared": [
        "from IPython.display import clear_output, display\nprint('gone')\nclear_output()\n"
        "print('kept')",
        "print('gone')\nclear_output(wait=True)\ndisplay('kept')",
        "print('kept')\nclear_output(wait=True)",
        "for i in range(3):\n    clear_output(wait=True)\n    print(i)",
        "h = display('a', display_id='x')\nclear_output()\nh.update('b')",
    ],
    "figures inline": [
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);",
        "fig, ax = plt.subplots(figsize=(2, 2))\nax.bar([1, 2], [3, 4])\nprint('under it')",
        "fig",
        "plt.close('all')\nplt.plot([3, 1])\nplt.show()\nprint('after')",
    ],
    "figures as svg": [
        "%matplotlib inline\n%config InlineBackend.figure_formats = ['svg']",
        "import matplotlib as mpl, matplotlib.pyplot as plt\nmpl.rcParams['svg.hashsalt'] = 'x'\n"
        "mpl.rcParams['svg.fonttype'] = 'none'",
        "_ = plt.figure(figsize=(1, 1))",
    ],
    "figures of a retina screen": [
        "%config InlineBackend.figure_format = 'retina'\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])",
    ],
    "tables": [
        "import pandas as pd\ntable = pd.DataFrame({'a': [1, 2], 'b': ['x', None]})\ntable",
        "table['a']",
        "table.style.format({'a': '{:.2f}'}).set_uuid('t')",
        "print(table)",
    ],
    "arrays and wide text": [
        "import numpy as np\nnp.arange(300).reshape(10, 30)",
        "list(range(100))",
        "{'k' * 50: 'v' * 50, 'l' * 50: ['w' * 40] * 3}",
    ],
    "line magics": [
        "%pwd\n1",
        "%who",
        "a = 1\n%who",
        "%precision 3\n3.14159265",
        "%lsmagic\n1;",
        "files = %sx echo one; echo two\nfiles",
        "%env HEADRACE_TEST=x\nimport os\nos.environ['HEADRACE_TEST']",
        "%xmode Plain",
    ],
    "cell magics": [
        "%%bash\necho out; echo err >&2",
        "%%capture kept\nprint('hidden')\n5",
        "kept.stdout",
        "%%writefile written.txt\nhello",
        "%%html\n<b>x</b>",
        "%%python\nprint('another python')",
        "%%javascript\nlet a = 1",
        "%%latex\n$x$",
    ],
    "a cell magic that fails": [("raises-exception", "%%bash\nexit 3"), "print('on')"],
    "an unknown magic": [("raises-exception", "%nosuchmagic"), ("raises-exception", "%%nosuch\nx")],
    "shell escapes": [
        "!echo one; echo two >&2",
        "lines = !printf 'a\\nb\\n'\nlines",
        "word = 'w'\n!echo {word} $word",
        "!exit 3\n_exit_code",
        "!!echo listed",
    ],
    "help is no output": ["len?", "import os\nos.path??", "?len"],
    "auto call and history": ["1 + 1", "_ + 1", "_1, __, Out[1], In[1]", "%history -n 1-3"],
    "top-level await": [
        "import asyncio\nawait asyncio.sleep(0)\n'done'",
        "async def f():\n    print('in f')\n    return 7\nawait f()",
        "async def numbers():\n    yield 1\n    yield 2\n[x async for x in numbers()]",
        "async with asyncio.timeout(5):\n    print('inside')",
        ("raises-exception", "await f(1)"),
    ],
    "a loop that is running": [
        "import asyncio\nasyncio.get_running_loop().is_running()",
        "task = asyncio.create_task(asyncio.sleep(0, 'slept'))",
        "await task",
        ("raises-exception", "c = asyncio.sleep(0)\nasyncio.run(c)"),
        "c.close()",
    ],
    "an error stops the notebook": ["print('a')", "1 / 0", "print('never')"],
    "an error with a story": [
        "def inner(x):\n    return 1 / x\ndef outer():\n    try:\n        inner(0)\n"
        "    except ZeroDivisionError as error:\n        raise RuntimeError('outer') from error",
        ("raises-exception", "print('before')\nouter()"),
        ("raises-exception", "raise KeyError('näme')"),
        ("raises-exception", "class Odd(Exception): pass\nraise Odd('a\\nb')"),
    ],
    "an error with notes and a group": [
        ("raises-exception", "e = ValueError('x')\ne.add_note('a note')\nraise e"),
        ("raises-exception", "raise ExceptionGroup('both', [ValueError(1), KeyError('k')])"),
    ],
    "no Python": [
        ("raises-exception", "x = = 1"),
        ("raises-exception", "if True:\nprint('no indent')"),
        ("raises-exception", "'unclosed"),
        ("raises-exception", "return 5"),
    ],
    "cells that are skipped": [
        ("skip-execution", "1 / 0"),
        "",
        "   \n",
        "# only a comment",
        "print('counted')",
    ],
    "an error that is expected": [("raises-exception", "1 / 0"), "print('on')", "_"],
    "the main module": [
        "__name__",
        "import sys\nsys.modules['__main__'].__dict__ is globals()",
        "'__file__' in globals()",
        "import os\nos.path.basename(os.getcwd()) != ''",
    ],
    "classes of the notebook pickle": [
        "import pickle\nclass A:\n    def __init__(self, x): self.x = x",
        "pickle.loads(pickle.dumps(A(5))).x",
        "A.__module__",
    ],
    "work in other processes": [
        "import multiprocessing as mp\nclass A:\n    def __init__(self, x): self.x = x\n"
        "def double(a): return A(a.x * 2)",
        "with mp.get_context('fork').Pool(2) as pool:\n"
        "    found = [a.x for a in pool.map(double, [A(1), A(2)])]\nfound",
        "with mp.get_context('fork').Pool(1) as pool: print(pool.apply(len, 'a'))",
    ],
    "output of threads": [
        "import threading\ndef say(): print('from a thread')\n"
        "t = threading.Thread(target=say)\nt.start()\nt.join()",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool: list(pool.map(print, 'abc'))",
    ],
    "unicode and control characters": [
        "print('é 🛫 \\u2028 \\x1b[31mred\\x1b[0m \\t|')",
        "print('a\\rb')\nprint('x\\by')",
        "'é 🛫 \\x00'",
    ],
    "nobody to ask": [
        ("raises-exception", "input('name? ')"),
        ("raises-exception", "import getpass\ngetpass.getpass()"),
        "import sys\nsys.stdin.read()",
    ],
    "what a library sees": [
        "get_ipython().__class__.__name__, type(get_ipython()).__module__",
        "type(get_ipython().kernel), get_ipython().kernel.shell is get_ipython()",
        "get_ipython().kernel.get_parent()['header']['msg_type']",
        "get_ipython().history_manager.hist_file, get_ipython().history_manager.enabled",
        "from rich.table import Table\nTable('a', 'b')",
        "'IPKernelApp' in get_ipython().config",
        "import sys\n'ipykernel' in sys.modules, hasattr(sys, 'ps1'), sys.stdout.isatty()",
        "from pandas.io.formats import console\nconsole.in_interactive_session()",
        "hasattr(sys.stdout, 'buffer'), sys.stdout.encoding, sys.stderr.name",
        "'' in sys.path, sys.path[0] == ''",
    ],
    "progress bars as text": [
        "from tqdm import tqdm\nimport sys\n"
        "for _ in tqdm(range(3), file=sys.stdout, bar_format='{n_fmt}/{total_fmt}'): pass",
    ],
    "a debugger's hooks and exit codes": [
        "import sys\nsys.exc_info()",
        ("raises-exception", "assert 1 == 2, 'not equal'"),
        "sys.last_value",
    ],
    "events of the user": [
        "def after(result): print('after the cell')\n"
        "get_ipython().events.register('post_run_cell', after)",
        "5",
        "get_ipython().events.unregister('post_run_cell', after)\n6",
    ],
    "user's own display hook and formatters": [
        "class A: pass\n"
        "formatter = get_ipython().display_formatter.formatters['text/html']\n"
        "formatter.for_type(A, lambda a: '<b>A</b>')\n"
        "get_ipython().display_formatter.formatters['text/plain'].for_type("
        "A, lambda a, p, c: p.text('an A'))",
        "A()",
    ],
    "redirected output": [
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()) as text: print('x')\n"
        "text.getvalue()",
        "from IPython.utils.capture import capture_output\n"
        "with capture_output() as kept:\n    print('y')\n    display(1)\n"
        "kept.stdout, len(kept.outputs)",
    ],
    "writing to streams by hand": [
        "import sys\nsys.stdout.write('no line end')",
        "sys.stdout.writelines(['a\\n', 'b\\n'])",
        ("raises-exception", "sys.stdout.write(b'bytes')"),
        "sys.stdout.writable(), sys.stdout.readable(), sys.stdout.closed",
    ],
    "long output": ["for i in range(2000): print(i)", "'x' * 10000"],
    "a future and a generator": [
        "def g():\n    yield 1\n    print('in g')\n    yield 2\nlist(g())",
        "x = 1\nprint(f'{x=}')",
        "match x:\n    case 1: print('one')",
        "from __future__ import annotations\ndef f(a: NoSuchName): ...\nf.__annotations__",
    ],
    "what IPython stores": [
        "kept = [1, 2]\n%store kept",
        "%reset -f\n'kept' in globals()",
    ],
    "a script that is run": [
        "%%writefile script.py\nimport sys\n"
        "print(__name__, sys.argv[1:] if __name__ == '__main__' else '')\nmade = 5",
        "%run script.py a b\nmade",
        ("raises-exception", "%run nosuch.py"),
        "import script",
    ],
    "a module of the working directory that is reloaded": [
        "%load_ext autoreload\n%autoreload 2",
        "with open('own.py', 'w') as file: _ = file.write('x = 1')",
        "import own\nown.x",
    ],
    "asking to leave": [
        "print('a')",
        ("raises-exception", "import sys\nsys.exit(3)"),
        "print('on')",
    ],
    "leaving with success": ["print('a')", "raise SystemExit(0)", "print('never')"],
    "an interrupt of the cell's own": [("raises-exception", "raise KeyboardInterrupt('own')"), "1"],
    "deep recursion": [("raises-exception", "def f(n): return f(n + 1)\nf(0)"), "'on'"],
    "an error in a module": [
        "with open('broken.py', 'w') as file: _ = file.write('def f(x):\\n    return x / 0\\n')",
        ("raises-exception", "import broken\nbroken.f(1)"),
        ("raises-exception", "import json\njson.loads('{')"),
    ],
    "a task that fails later": [
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    raise ValueError('late')",
        "found = await asyncio.gather(f(), f(), return_exceptions=True)\nfound",
    ],
    "many displays of one object": [
        "for i in range(20): display(i)",
        "display(1, 2, 'three')\ndisplay()",
        "display({'text/plain': 'raw', 'text/html': '<b>raw</b>'}, raw=True)",
    ],
    "pretty printing": [
        "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    y: list\n"
        "Point(1, [2])",
        "{1: {2: {3: list('abc')}}, 'set': {1}, 'none': None, 'f': 0.1 + 0.2, 'b': b'x'}",
        "print, int, len",
        "%pprint\n[1, 2]",
    ],
    "names that a cell deletes or replaces": [
        "print = lambda *a: None\nprint('unseen')",
        "del print\nprint('seen')",
        "display('given')",
        "In = 5\n6",
        "get_ipython().execution_count",
    ],
    "numbers and options": [
        "import numpy as np\nnp.set_printoptions(precision=2)\nnp.array([1/3, 2/3])",
        "import pandas as pd\npd.set_option('display.max_rows', 4)\npd.DataFrame({'a': range(10)})",
        "pd.get_option('display.notebook_repr_html'), pd.get_option('display.width')",
        "pd.DataFrame({c * 10: range(2) for c in 'abcdefghij'})",
    ],
    "a model as html": [
        "from sklearn.linear_model import LogisticRegression\nprint(LogisticRegression())"
    ],
    "settings and history": ["%config", "%hist", "%hist -n", "%history -g hist", "%hist -o 1"],
    "a breakpoint": ["breakpoint()", "x = 1"],
    "an error in a cell that goes on": [
        "get_ipython().run_cell('1 / 0')\nprint('went on')",
        "%%writefile broken.py\nx = 1 / 0",
        "%run broken.py",
        "print('next')",
    ],
    "an output widget": [
        "import comm\nfrom IPython.display import clear_output\n"
        "state = {'_model_module': '@jupyter-widgets/output', '_model_name': 'OutputModel',\n"
        "         'outputs': []}\n"
        "widget = comm.create_comm(target_name='jupyter.widget', data={'state': state})\n"
        "request = get_ipython().kernel.get_parent\n"
        "def enter():\n    name = request()['header']['msg_id']\n"
        "    widget.send({'method': 'update', 'state': {'msg_id': name}})\n"
        "def leave(): widget.send({'method': 'update', 'state': {'msg_id': ''}})\n"
        "states = []\n"
        "def show(message):\n    print('of no cell')\n"
        "    states.append(message['content']['data']['state']['outputs'])\n"
        "widget.on_msg(show)",
        "print('kept', flush=True)\nenter()\nprint('inside', flush=True)\nclear_output()\nleave()",
        "enter()\ntry: 1 / 0\nexcept ArithmeticError: get_ipython().showtraceback()\nleave()\n"
        "print('next', flush=True)",
        "[output.get('ename') for output in states[-1]]",
    ],
    "timing magics": ["%%capture timing\n%timeit -n1 -r1 pass", "'per loop' in str(timing)"],
}
