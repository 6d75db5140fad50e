"""Where people put their parts, and what is made of each."""

import pytest

from cnnedge.data.layout import Layout, find_layout
from cnnedge.errors import DataError


def make(root, *folders):
    for folder in folders:
        for name in ("cat", "dog"):
            (root / folder / name).mkdir(parents=True)
            (root / folder / name / "a.png").touch()
    return root


@pytest.mark.parametrize("train, validation, test", [
    ("train", "val", "test"), ("Train", "Valid", "Test"), ("TRAINING", "validation", "testing"),
])  # fmt: skip
def test_three_parts_in_any_spelling(tmp_path, train, validation, test):
    root = make(tmp_path, train, validation, test)
    assert find_layout(root) == Layout(root / train, root / validation, root / test)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_validation_is_for_test_where_there_is_no_other(tmp_path, caplog, name):
    root = make(tmp_path, "train", name)
    assert find_layout(root) == Layout(root / "train", None, root / name)
    assert f"there is no test folder, so {root / name} is used for test" in caplog.text


def test_train_or_test_alone(tmp_path):
    one, other, plain = make(tmp_path / "1", "x/train"), make(tmp_path / "2", "Test", "old"), make(tmp_path / "3", ".")
    assert find_layout(one) == Layout(one / "x/train")
    assert find_layout(other) == Layout(None, None, other / "Test")
    assert find_layout(plain) == Layout(plain)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "bus"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    assert find_layout(tmp_path) == Layout(tmp_path)


def test_what_a_download_is_wrapped_in_is_taken_off(tmp_path):
    root = make(tmp_path, "flowers-v2/Train", "flowers-v2/Test")
    (root / "__MACOSX").mkdir()
    assert find_layout(root) == Layout(root / "flowers-v2/Train", None, root / "flowers-v2/Test")


def test_parts_may_be_words_of_names_and_lie_in_folders_of_the_same_name(tmp_path):
    """As the Intel image set is downloaded from Kaggle; a class train_station is none."""
    root = make(tmp_path / "intel", "seg_train/seg_train", "seg_test/seg_test")
    assert find_layout(root) == Layout(root / "seg_train/seg_train", None, root / "seg_test/seg_test")
    classes = make(tmp_path / "places", "train_station", "harbour")
    assert find_layout(classes) == Layout(classes)


def test_the_users_own_test_folder_goes_first(tmp_path, caplog):
    root, own = make(tmp_path / "photos", "train", "test"), make(tmp_path / "own", ".")
    assert find_layout(root, own) == Layout(root / "train", None, own)
    assert f"{root / 'test'} is not used" in caplog.text
    classes = make(tmp_path / "classes", ".")
    assert find_layout(classes, make(tmp_path / "split", "train", "Test")) == Layout(
        classes, None, tmp_path / "split/Test"
    )


def test_folders_beside_the_parts_are_named(tmp_path, caplog):
    find_layout(make(tmp_path, "train", "test", "extra"))
    assert "not used are the folders extra" in caplog.text


def test_two_folders_for_one_part_are_refused(tmp_path):
    with pytest.raises(DataError, match="are both for train: put them into one folder"):
        find_layout(make(tmp_path, "train", "Training"))
