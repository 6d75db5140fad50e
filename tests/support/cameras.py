"""Stand-ins for picamera2 and OpenCV where no camera is: modules of the same names and calls on ``sys.path``.

Both show PICTURE as the real libraries would lay it in memory, and stop while a file ``unplugged`` lies beside them.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

# Red on the whole, bluish at the right: neither swapped channels nor a mirrored picture goes unnoticed.
PICTURE = np.zeros((480, 640, 3), np.uint8)
PICTURE[:, :320] = (200, 90, 10)
PICTURE[:, 320:] = (20, 60, 120)

_COMMON = """
from pathlib import Path
import numpy as np

HERE = Path(__file__).parent
unplugged = (HERE / "unplugged").exists
opened = 0
"""
_SOURCES = {
    "picamera2": """
class Picamera2:
    def __init__(self, camera_num=0):
        global opened
        if camera_num > 0:
            raise IndexError("list index out of range")
        if unplugged():
            raise RuntimeError("Camera __init__ sequence did not complete.")
        opened += 1
        self.started = False

    @staticmethod
    def global_camera_info():
        return [] if unplugged() else [{"Model": "imx708", "Num": 0}]

    def create_video_configuration(self, main):
        return main

    def configure(self, configuration):
        self.format, self.size = configuration["format"], configuration["size"]

    def start(self):
        self.started = True

    def capture_array(self, name="main", wait=None):
        if unplugged():
            raise TimeoutError
        assert self.started and name == "main" and self.size == (640, 480)
        picture = np.load(HERE / "picture.npy")
        return {"BGR888": picture, "RGB888": picture[..., ::-1]}[self.format]

    def close(self):
        global opened
        opened -= 1
""",
    "cv2": """
CAP_PROP_FRAME_WIDTH, CAP_PROP_FRAME_HEIGHT, CAP_PROP_BUFFERSIZE = 3, 4, 38

class VideoCapture:
    def __init__(self, number):
        global opened
        self.open = number == 0 and not unplugged()
        opened += self.open

    def isOpened(self):
        return self.open

    def set(self, name, value):
        return True

    def read(self):
        if unplugged():
            return False, None
        return True, np.ascontiguousarray(np.load(HERE / "picture.npy")[..., ::-1])

    def release(self):
        global opened
        opened -= self.open
        self.open = False
""",
}


def install(folder: Path, monkeypatch, *libraries: str) -> None:
    """Put stand-ins for ``libraries`` in ``folder``, first on the path; the other library is absent."""
    np.save(folder / "picture.npy", PICTURE)
    for library in libraries:
        (folder / f"{library}.py").write_text(_COMMON + _SOURCES[library])
    monkeypatch.syspath_prepend(folder)
    for library in _SOURCES:
        monkeypatch.delitem(sys.modules, library, raising=False)
    importlib.invalidate_caches()


def unplug(folder: Path, *, plugged: bool = False) -> None:
    """Pull the stand-in camera's plug, or put it back."""
    if plugged:
        (folder / "unplugged").unlink()
    else:
        (folder / "unplugged").touch()
