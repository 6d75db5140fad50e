"""What the demo page posts, written down."""

from typing import Any

from cnnedge.apps.demo.offer import Offer


def posted(offer: Offer) -> dict[str, Any]:
    """Figures of the first file of ``offer``, from a device called "My phone"."""
    file = offer.files[0].file
    return {
        "schema": 2, "kind": "browser", "id": "0123456789abcdef", "device": "My phone", "user_agent": "Mozilla/5.0",
        "cores": 8, "at": "2001-01-01T00:00:00Z", "cnnedge": "0",
        "rows": [
            {
                "file": file.name, "sha256": file.sha256, "runtime": "LiteRT.js 2.5.3 (wasm, 1 thread)", "load_ms": 5,
                "first_ms": 1.5, "calls_per_reading": 4, "clock_step_ms": 0.1,
                "latency_ms": {"p50": 0.5, "p90": 0.6, "p99": 0.8, "min": 0.4, "mean": 0.5, "runs": 800},
                "check": {"pictures": 8, "same": 8, "largest_difference": 0, "tolerance": 0}, "sustained": None,
                "error": None,
            }
        ],
    }  # fmt: skip
