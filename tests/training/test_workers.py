"""Several machines: who they are, and, on loopback, one that is killed and goes on from the first one's checkpoint."""

import json

import pytest

from cnnedge.errors import UsageError
from cnnedge.training.workers import Workers, asked_workers

PAIR = {"worker": ["10.0.0.1:5000", "10.0.0.2:5000"]}


@pytest.mark.parametrize(
    ("text", "task", "told", "expected"),
    [
        (None, None, {}, None),
        ("10.0.0.1:5000, 10.0.0.2:5000", 1, {}, Workers(("10.0.0.1:5000", "10.0.0.2:5000"), 1)),
        ("203.0.113.7:5000,127.0.0.1:5000", None, {}, Workers(("203.0.113.7:5000", "127.0.0.1:5000"), 1)),
        (None, None, {"cluster": PAIR, "task": {"type": "worker", "index": 1}}, Workers(tuple(PAIR["worker"]), 1)),
        (None, None, {"cluster": {"chief": ["10.0.0.9:1"], **PAIR}, "task": {"type": "worker", "index": 0}},
         Workers(("10.0.0.9:1", *PAIR["worker"]), 1)),
        (None, None, {"cluster": {"worker": ["10.0.0.1:5000"]}, "task": {"type": "worker", "index": 0}}, None),
    ],
)  # fmt: skip
def test_who_trains_together(text, task, told, expected):
    assert asked_workers(text, task, {"TF_CONFIG": json.dumps(told)} if told else {}) == expected


@pytest.mark.parametrize(
    ("text", "task", "told", "message"),
    [
        ("10.0.0.1", 0, "", "worker '10.0.0.1': expected HOST:PORT, such as 192.168.1.20:5000"),
        ("10.0.0.1:1,10.0.0.1:1", 0, "", "expected two or more, and none twice"),
        ("10.0.0.1:1,10.0.0.2:1", 2, "", "task 2 of 2 workers: expected 0 to 1"),
        ("127.0.0.1:1,127.0.0.1:2", None, "", "2 of them are this machine: say which with --task"),
        (None, 1, "", "--task is for --workers"),
        (None, None, "{", "TF_CONFIG cannot be read (JSONDecodeError"),
        (None, None, '{"cluster": {"worker": []}, "task": {"type": "ps", "index": 0}}', "expected chief or worker"),
    ],
)
def test_what_names_no_workers_is_refused(text, task, told, message):
    with pytest.raises(UsageError) as caught:
        asked_workers(text, task, {"TF_CONFIG": told})
    assert message in str(caught.value)
