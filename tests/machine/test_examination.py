from cnnedge.machine import examination


def test_missing_packages_of_an_extra_are_named_through_the_extras_inside_it(monkeypatch):
    monkeypatch.setattr(examination, "_is_installed", lambda package: package not in ("onnxruntime", "jinja2"))
    assert examination.missing("onnx") == ["onnxruntime"]
    assert sorted(examination.missing("report")) == ["jinja2", "onnxruntime"]
