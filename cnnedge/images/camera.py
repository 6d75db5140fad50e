"""Pictures from a camera, on whichever camera library is installed; imported when a camera is opened.

    picamera2    the Raspberry Pi's own; it comes from apt, never from pip, so a virtual environment sees it only
                 if it was made with --system-site-packages
    OpenCV       USB cameras, on any machine

picamera2 is taken when both are there: OpenCV does not see a Raspberry Pi's ribbon-cable camera.
"""

import importlib
import importlib.util
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnnedge.errors import CameraError
from cnnedge.nativelog import silenced

# The classifiers take far less; every camera offers this size, and a larger one only costs time.
WIDTH, HEIGHT = 640, 480
# A camera gives a picture every 33 ms, after some 2 s at its start; longer silence means that it is gone.
TIMEOUT_S = 5.0
# Between two attempts to open a camera that is gone.
RETRY_S = 1.0
LIBRARIES = ("picamera2", "cv2")
VIDEO_NODES = Path("/sys/class/video4linux")
TO_TYPE = (
    "on a Raspberry Pi type: sudo apt install python3-picamera2 (and make the environment with "
    "python3 -m venv --system-site-packages); elsewhere: pip install opencv-python-headless"
)


class Camera(ABC):
    """An open camera, for one thread at a time; close it, or use it in a ``with`` block.

    Iterating gives pictures until the camera stops, which raises CameraError.
    """

    name: str

    @abstractmethod
    def read(self) -> np.ndarray:
        """The next picture: uint8 ``(height, width, 3)``, RGB, 0..255; waits for it.

        Raises:
            CameraError: the camera gives no more pictures.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the camera back to other programs."""

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            yield self.read()

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def open_camera(number: int = 0) -> Camera:
    """Open camera ``number`` (0: the first) with picamera2, or else with OpenCV.

    Raises:
        CameraError: neither library is installed, the library does not load, or there is no such camera.
    """
    if number < 0:
        raise CameraError(f"camera {number}: expected 0 for the first, 1 for the second and so on")
    library = installed_library()
    if library is None:
        raise CameraError(f"no camera library is installed: {TO_TYPE}")
    module = _load(library)
    return _Picamera2(module, number) if library == "picamera2" else _OpenCV(module, number)


def installed_library() -> str | None:
    """``picamera2``, or else ``cv2`` (OpenCV), or None if neither is installed."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name)), None)


def connected(library: str) -> list[str]:
    """The names of the cameras that are connected, in the order of their numbers.

    OpenCV names none; on Linux the kernel does, and elsewhere the list stays empty.

    Raises:
        CameraError: the library does not load, or cannot look.
    """
    module = _load(library)
    if library != "picamera2":
        return _kernel_names()
    try:
        with silenced():
            return [camera["Model"] for camera in module.Picamera2.global_camera_info()]
    except Exception as error:
        raise CameraError(f"picamera2 cannot look for cameras ({error})") from error


def _kernel_names() -> list[str]:
    """One per camera: a camera has several video nodes, of which the one with index 0 gives the pictures."""
    nodes = sorted(VIDEO_NODES.glob("video*"), key=lambda node: int(node.name.removeprefix("video")))
    return [(node / "name").read_text().strip() for node in nodes if (node / "index").read_text().strip() == "0"]


def watch(number: int = 0, retry_s: float = RETRY_S) -> Iterator[np.ndarray | CameraError]:
    """Pictures of a camera for as long as someone takes them, through unplugging and plugging in again.

    When the camera stops, the error is given in place of a picture, once; then an attempt to open it is made every
    ``retry_s`` seconds until it is back.

    Raises:
        CameraError: at the start, if the camera cannot be opened at all.
    """
    camera = open_camera(number)
    while True:
        try:
            with camera:
                yield from camera
        except CameraError as error:
            yield error
        camera = _reopened(number, retry_s)


def _reopened(number: int, retry_s: float) -> Camera:
    while True:
        time.sleep(retry_s)
        try:
            return open_camera(number)
        except CameraError:
            continue


def _load(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except Exception as error:  # a library built for another numpy raises ValueError or AttributeError
        reason = " ".join(str(error).split())
        # apt's picamera2 is built for numpy 1 on Bookworm, and fails beside numpy 2.
        todo = ": type: pip install 'numpy<2'" if "numpy" in reason else f": {TO_TYPE}"
        raise CameraError(f"{library} is installed and does not load ({reason}){todo}") from error


class _Picamera2(Camera):
    def __init__(self, picamera2: Any, number: int) -> None:
        self.name = f"camera {number} (picamera2)"
        self._device: Any = None
        try:
            with silenced():
                self._device = picamera2.Picamera2(number)
                # picamera2's "BGR888" lies as red, green, blue in memory; its "RGB888" as blue, green, red.
                main = {"format": "BGR888", "size": (WIDTH, HEIGHT)}
                self._device.configure(self._device.create_video_configuration(main=main))
                self._device.start()
        except Exception as error:  # RuntimeError, IndexError for a number that is not there, and others
            self.close()
            raise CameraError(f"{self.name} cannot be opened ({error}): is it connected? try rpicam-hello") from error

    def read(self) -> np.ndarray:
        try:
            # Old releases take any true value for "wait" and then wait without end.
            picture = self._device.capture_array("main", wait=TIMEOUT_S)
        except (RuntimeError, OSError) as error:
            raise CameraError(f"{self.name} stopped ({error or type(error).__name__}): check its cable") from error
        return _checked(self.name, picture)

    def close(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None


class _OpenCV(Camera):
    def __init__(self, cv2: Any, number: int) -> None:
        self.name = f"camera {number} (OpenCV)"
        with silenced():
            self._device = cv2.VideoCapture(number)
        if not self._device.isOpened():
            self._device.release()
            raise CameraError(f"{self.name} cannot be opened: is it connected, and does no other program use it?")
        self._device.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        # The driver keeps four pictures otherwise, and a slow reader sees the past.
        self._device.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def read(self) -> np.ndarray:
        found, picture = self._device.read()
        if not found:
            raise CameraError(f"{self.name} stopped: check its cable")
        return np.ascontiguousarray(_checked(self.name, picture)[..., ::-1])  # blue, green, red to RGB

    def close(self) -> None:
        self._device.release()


def _checked(name: str, picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise CameraError(f"{name} gave {picture.dtype} {picture.shape}, expected uint8 (height, width, 3)")
    return picture
