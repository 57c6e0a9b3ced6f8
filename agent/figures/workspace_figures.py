"""matplotlib's figures as files: what plt.show() would open in a window becomes a PNG in the workspace.

Written at every start of the agent. The files are named by the program and counted from 1, so that a run replaces
those of the run before; the workspace's history keeps them.
"""

import io
import os
import sys

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase, _Backend
from matplotlib.backends.backend_agg import FigureCanvasAgg

# A loop that shows for ever does not fill the workspace.
_MOST = 100
_count = 0


def _program():
    name = os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0]
    return name.lstrip(".-") or "python"


def _write(figure):
    global _count
    if _count >= _MOST:
        if _count == _MOST:
            print("matplotlib: %d figures were shown; further ones are not written." % _MOST, file=sys.stderr)
        _count = _MOST + 1
        return
    _count += 1
    folder = os.environ.get("WORKSPACE_FIGURES", ".figures")
    os.makedirs(folder, exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    name = os.path.join(folder, "%s-%d.png" % (_program(), _count))
    # Whole or not at all, for those who watch.
    part = name + ".part"
    with open(part, "wb") as file:
        file.write(drawn.getvalue())
    os.replace(part, name)


def _show_all(*_args, **_kwargs):
    for manager in Gcf.get_all_fig_managers():
        _write(manager.canvas.figure)
    # As if their windows had been closed.
    Gcf.destroy_all()


class FigureManager(FigureManagerBase):
    def show(self):
        _write(self.canvas.figure)

    @classmethod
    def pyplot_show(cls, *, block=None):
        _show_all()


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager


@_Backend.export
class _FiguresBackend(_Backend):
    FigureCanvas = FigureCanvas
    FigureManager = FigureManager
    show = staticmethod(_show_all)
