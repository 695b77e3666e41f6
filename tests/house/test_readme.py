"""The README's tour, run as a reader would: each block, in order, in one shell, against a demo that was just started."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tour() -> str:
    section = (ROOT / "README.md").read_text().split("## A tour")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL))


@pytest.fixture
def demo(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "demo.log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "demo", "--json", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "ANAMNESIS_DATA_DIR": str(tmp_path / "var")},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield next(event for event in map(json.loads, child.stdout) if event["event"] == "ready")
        finally:
            child.terminate()
            child.communicate(timeout=30)


def test_the_tour_of_the_readme_runs_line_by_line(demo, tmp_path):
    script = tour()
    for row in demo["sign_ins"]:
        script = script.replace(f"the {row['who']} password that the demo printed", row["password"])
    assert "that the demo printed" not in script
    script = script.replace("http://127.0.0.1:8000", demo["address"])
    assert demo["address"] in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATA": str(tmp_path / "var"),
            "TMPDIR": str(tmp_path),
        },
    )
    assert done.returncode == 0, f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    assert "recovered - " in done.stdout
    assert next(tmp_path.glob("*/scores.svg")).read_bytes().startswith(b"<svg")
    assert next(tmp_path.glob("*/report.pdf")).read_bytes().startswith(b"%PDF-")
    assert '"measure.recorded"' in done.stdout
    # Several clients recovered; which one comes first depends on ids, and one of them has an older, resolved flag.
    assert re.search(r"PHQ-9 now 19\.0 - flags \[.*'raised'.*\]", done.stdout)
    assert '"signed"' in done.stdout
    assert "Reviewed the exposure exercises" in done.stdout
    for action in ("journey.read", "session.sign", "session.record", "client.register"):
        assert f'"action": "{action}"' in done.stdout
    told = (
        "1 transcript",
        "You are not in this client's care team.",
        "looked at the journey for emergency allowed",
        "Position 1,234: altered",
        "It was altered.",
        "Still erased.",
    )
    for each in told:
        assert each in done.stdout
    assert done.stdout.count("Nothing is wrong with the log") == 3
    assert "court_order" in next(tmp_path.glob("*/receipt.txt")).read_text()


def test_the_readmes_model_example_runs(tmp_path):
    section = (ROOT / "README.md").read_text().split("## The model side")[1].split("\n## ")[0]
    (script,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::FutureWarning", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("b'The train was easier")
    assert (tmp_path / "general-therapeutic-lora" / "adapter_model.safetensors").stat().st_size > 0
