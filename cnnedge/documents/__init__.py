"""``benchmark.json`` as frozen records: read with checks, written, and asked by attribute."""

from cnnedge.documents.browser_run import BrowserRun, read_documents, split_runs, with_runs
from cnnedge.documents.circumstances import Conditions, Data, Load, Machine, Made, Sentence, Settings, Work
from cnnedge.documents.layer import Layer, Profile
from cnnedge.documents.row import (
    Accuracy,
    Browser,
    Comparison,
    EndToEnd,
    Flip,
    Identity,
    Latency,
    LostClass,
    Nodes,
    Preprocessing,
    Row,
    Samples,
    Timing,
)
from cnnedge.documents.under_load import RAPL, Power, Sustained, Throughput, best_setting, efficiency
from cnnedge.documents.whole import SCHEMA, Document, fail_if_any, read_document, several_machines

__all__ = [
    "RAPL",
    "SCHEMA",
    "Accuracy",
    "Browser",
    "BrowserRun",
    "Comparison",
    "Conditions",
    "Data",
    "Document",
    "EndToEnd",
    "Flip",
    "Identity",
    "Latency",
    "Layer",
    "Load",
    "LostClass",
    "Machine",
    "Made",
    "Nodes",
    "Power",
    "Preprocessing",
    "Profile",
    "Row",
    "Samples",
    "Sentence",
    "Settings",
    "Sustained",
    "Throughput",
    "Timing",
    "Work",
    "best_setting",
    "efficiency",
    "fail_if_any",
    "read_document",
    "read_documents",
    "several_machines",
    "split_runs",
    "with_runs",
]
