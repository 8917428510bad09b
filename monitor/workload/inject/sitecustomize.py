"""Python runs this at its start, because ``wattstage run`` put its folder on PYTHONPATH.

It loads what it needs under a name of its own, so that the program that was started finds no
module that it would not find otherwise.
"""

import os
import sys
from importlib import machinery

# Not pathlib, which takes longer to load than all else here.
_HERE = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120
_ROOT = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120


def _install():
    """Set the hooks; whatever goes wrong, the program knows nothing of it."""
    if not os.environ.get("WATTSTAGE_RUN_ID"):
        return
    try:
        package = type(sys)("_wattstage")
        package.__path__ = [_ROOT]
        sys.modules["_wattstage"] = package
        from _wattstage.workload.shim import install  # noqa: PLC0415

        install()
    except Exception as error:
        sys.stderr.write(f"wattstage: no stages will be marked: {error!r}\n")


def _run_the_other():
    """Run the ``sitecustomize`` that this one hides, if there is one."""
    others = [path for path in sys.path if os.path.realpath(path or ".") != _HERE]
    spec = machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec  # noqa: PLC0415

        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


_install()
_run_the_other()
