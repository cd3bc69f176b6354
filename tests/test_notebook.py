"""The notebook runs from the first cell to the last, offline, on a machine where no kernel was ever registered."""

from pathlib import Path

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "probes.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def own_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of this interpreter, found before any other one; nothing is written to the home directory."""
    write_kernel_spec(tmp_path / "jupyter" / "kernels" / "python3")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_the_notebook_is_short_and_kept_without_outputs(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 20
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) >= 6


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("own_kernel")
def test_every_cell_runs_and_every_figure_is_shown(notebook: nbformat.NotebookNode) -> None:
    # Patience for a busy machine: by default nbclient gives up on a figure that is 4 seconds late.
    patience = {"timeout": 600, "startup_timeout": 300, "iopub_timeout": 120, "raise_on_iopub_timeout": True}
    client = NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": NOTEBOOK.parent}}, **patience
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    # What tqdm says where ipywidgets is not installed is no fault.
    complaints = [
        output.text for output in outputs if output.get("name") == "stderr" and "IProgress" not in output.text
    ]
    assert complaints == []
    drawn = [cell for cell in code if cell.source.splitlines()[-1].startswith("plots.")]
    assert len(drawn) >= 5
    for cell in drawn:
        assert "image/png" in cell.outputs[-1].data
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "same scores after loading: True" in printed
