import pytest

from cnnedge.errors import UsageError
from cnnedge.labels import MAX_FILE_BYTES, asked_labels


def test_a_list_and_a_file_give_names_in_their_order(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_bytes("\ufeffzebra\r\nkleine Kuh\r\napfel\r\n".encode())
    assert asked_labels(str(file)) == ("zebra", "kleine Kuh", "apfel")
    assert asked_labels("zebra, kleine Kuh,apfel") == ("zebra", "kleine Kuh", "apfel")
    assert asked_labels(None) is None


def test_teachable_machines_numbers_are_no_part_of_the_names(tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("0 Class 1\n1 red apple\n")
    assert asked_labels(str(file)) == ("Class 1", "red apple")
    file.write_text("1 cent\n2 cent\n")
    assert asked_labels(str(file)) == ("1 cent", "2 cent")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuchfile.txt", "neither a file with a label a line nor a list like cat,dog"),
        ("cat,,dog", "name 2 of 3 is empty"),
        ("cat,dog,cat", "'cat' stands there twice"),
    ],
)
def test_what_is_no_list_of_names_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        asked_labels(text)


@pytest.mark.parametrize(
    ("content", "message"), [(b"a" * (MAX_FILE_BYTES + 1), "larger than 1,000,000"), (b"\xff\xfe", "expected UTF-8")]
)
def test_files_that_are_no_labels_are_refused(tmp_path, content, message):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        asked_labels(str(tmp_path / "labels.txt"))
