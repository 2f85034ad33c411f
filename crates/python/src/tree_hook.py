"""Puts the tree that a program works on in front of the installed packages, as an editable install would.

Modules that only a build makes (compiled ones, generated ones) stay among the installed packages and are found
there when the tree's package has no such file.
"""

import os
import sys

_SITE = os.path.dirname(os.path.abspath(__file__))


class _Built:
    """The last resort for a submodule that the tree's own package doesn't have."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None or "." not in name:
            return None
        folder = os.path.join(_SITE, *name.split(".")[:-1])
        if not os.path.isdir(folder):
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, [folder])
        return spec if spec is not None and spec.loader is not None else None


def _lay():
    roots = [it for it in os.environ.get("PIPELINE_TREE_ROOTS", "").split(os.pathsep) if it]
    if roots and _Built not in sys.meta_path:
        sys.meta_path.append(_Built)
    # Somebody may have put the tree in front already.
    roots = [it for it in roots if it not in sys.path]
    at = sys.path.index(_SITE) if _SITE in sys.path else len(sys.path)
    sys.path[at:at] = roots


_lay()
