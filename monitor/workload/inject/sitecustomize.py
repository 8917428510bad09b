"""Python runs this at its start, because ``wattstage run`` put its folder on PYTHONPATH.

It loads what it needs under a name of its own, so that the program that was started finds no
module that it would not find otherwise.
"""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent


def _load(spec, name):
    """Run a module and return it."""
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _install():
    """Set the hooks; whatever goes wrong, the program knows nothing of it."""
    if not os.environ.get("WATTSTAGE_RUN_ID"):
        return
    try:
        spec = importlib.util.spec_from_file_location(
            "_wattstage", str(_ROOT / "__init__.py"), submodule_search_locations=[str(_ROOT)]
        )
        _load(spec, "_wattstage")
        importlib.import_module("_wattstage.workload.shim").install()
    except Exception as error:
        sys.stderr.write(f"wattstage: no stages will be marked: {error!r}\n")


def _run_the_other():
    """Run the ``sitecustomize`` that this one hides, if there is one."""
    others = [path for path in sys.path if Path(path or ".").resolve() != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        _load(spec, "sitecustomize")


_install()
_run_the_other()
