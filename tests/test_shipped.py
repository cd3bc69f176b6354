"""What travels with the package is found in a checkout and in an installed package."""

import pytest

import nnmech.shipped
from nnmech.runs import Run
from nnmech.shipped import shipped


def test_the_model_and_the_sample_run_are_there():
    assert (shipped("base") / "model.safetensors").is_file()
    assert Run(shipped("sample_run")).info["kind"] == "experiment"


@pytest.mark.parametrize("name", ["base", "sample_run"])
def test_an_installed_package_has_them_inside(monkeypatch, tmp_path, name):
    package = tmp_path / "site" / "nnmech"
    (package / "_shipped" / name).mkdir(parents=True)
    monkeypatch.setattr(nnmech.shipped, "__file__", str(package / "shipped.py"))
    assert shipped(name) == package / "_shipped" / name
