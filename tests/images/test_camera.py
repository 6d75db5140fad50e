import sys

import numpy as np
import pytest

from cnnedge.errors import CameraError
from cnnedge.images import camera
from tests.support import cameras


@pytest.fixture(params=["picamera2", "cv2"])
def library(request, tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, request.param)
    return request.param


def test_pictures_are_rgb(library):
    with camera.open_camera() as opened:
        assert np.array_equal(opened.read(), cameras.PICTURE)
        assert next(iter(opened)).dtype == np.uint8
    assert sys.modules[library].opened == 0


def test_picamera2_is_preferred(tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, "picamera2", "cv2")
    with camera.open_camera() as opened:
        assert opened.name == "camera 0 (picamera2)"


def test_a_camera_that_stops(library, tmp_path):
    with camera.open_camera() as opened:
        opened.read()
        cameras.unplug(tmp_path)
        with pytest.raises(CameraError, match=r"camera 0 \(.*\) stopped.*: check its cable"):
            opened.read()
    assert sys.modules[library].opened == 0


def test_a_camera_that_is_not_there(library):
    with pytest.raises(CameraError, match=r"camera 3 \(.*\) cannot be opened.*is it connected"):
        camera.open_camera(3)
    assert sys.modules[library].opened == 0


def test_watching_goes_on_when_the_camera_is_back(library, tmp_path):
    watched = camera.watch(retry_s=0.01)
    assert np.array_equal(next(watched), cameras.PICTURE)
    for _ in range(3):
        cameras.unplug(tmp_path)
        assert isinstance(next(watched), CameraError)
        cameras.unplug(tmp_path, plugged=True)
        assert np.array_equal(next(watched), cameras.PICTURE)
    watched.close()
    assert sys.modules[library].opened == 0


def test_watching_waits_for_the_camera(library, tmp_path, monkeypatch):
    watched = camera.watch()
    next(watched)
    cameras.unplug(tmp_path)
    assert isinstance(next(watched), CameraError)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            cameras.unplug(tmp_path, plugged=True)

    monkeypatch.setattr(camera.time, "sleep", sleep)
    assert np.array_equal(next(watched), cameras.PICTURE)
    assert waited == [camera.RETRY_S] * 3


def test_watching_a_camera_that_never_was_there(library, tmp_path):
    cameras.unplug(tmp_path)
    with pytest.raises(CameraError, match="cannot be opened"):
        next(camera.watch())


def test_connected_cameras_of_picamera2(tmp_path, monkeypatch):
    cameras.install(tmp_path, monkeypatch, "picamera2")
    assert camera.installed_library() == "picamera2" and camera.connected("picamera2") == ["imx708"]
    cameras.unplug(tmp_path)
    assert camera.connected("picamera2") == []


def test_connected_cameras_of_opencv_are_the_kernels(tmp_path, monkeypatch):
    """A webcam has a second node for its metadata; 10 comes after 2."""
    cameras.install(tmp_path, monkeypatch, "cv2")
    for node, name, index in (("video10", "second", 0), ("video2", "first", 0), ("video3", "first", 1)):
        (tmp_path / "nodes" / node).mkdir(parents=True)
        (tmp_path / "nodes" / node / "name").write_text(f"{name}\n")
        (tmp_path / "nodes" / node / "index").write_text(f"{index}\n")
    monkeypatch.setattr(camera, "VIDEO_NODES", tmp_path / "nodes")
    assert camera.connected("cv2") == ["first", "second"]


def test_without_a_library_the_line_to_type(monkeypatch):
    monkeypatch.setattr(camera.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CameraError, match=r"no camera library is installed.*apt install python3-picamera2.*opencv"):
        camera.open_camera()


def test_picamera2_built_for_another_numpy(tmp_path, monkeypatch):
    """What Bookworm's picamera2 says in an environment with numpy 2."""
    cameras.install(tmp_path, monkeypatch, "picamera2")
    words = "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88"
    (tmp_path / "picamera2.py").write_text(f"raise ValueError({words!r})")
    with pytest.raises(CameraError, match=r"does not load \(numpy.dtype size changed.*pip install 'numpy<2'"):
        camera.open_camera()


def test_a_picture_of_another_form_is_refused(library, tmp_path):
    np.save(tmp_path / "picture.npy", cameras.PICTURE[..., :2])
    with camera.open_camera() as opened, pytest.raises(CameraError, match=r"\(480, 640, 2\), expected uint8"):
        opened.read()


def test_a_negative_number():
    with pytest.raises(CameraError, match="camera -1: expected 0 for the first"):
        camera.open_camera(-1)
