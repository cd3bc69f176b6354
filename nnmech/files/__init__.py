"""Files: written so that they are complete or absent, read with bounds and never through a link out of a folder."""

from nnmech.files.bounds import SMALL, TABLE, Bounds
from nnmech.files.folder import Folder
from nnmech.files.json_text import parse_json, parse_rows, read_json
from nnmech.files.reading import opened, read_bytes, read_text, sha256_file, text_lines
from nnmech.files.tensors import open_tensors
from nnmech.files.values import json_lines, plain
from nnmech.files.writing import (
    disk_errors,
    save_safetensors_atomic,
    write_all,
    write_bytes_atomic,
    write_json_atomic,
)
from nnmech.files.yaml_text import parse_yaml

__all__ = [
    "SMALL",
    "TABLE",
    "Bounds",
    "Folder",
    "disk_errors",
    "json_lines",
    "open_tensors",
    "opened",
    "parse_json",
    "parse_rows",
    "parse_yaml",
    "plain",
    "read_bytes",
    "read_json",
    "read_text",
    "save_safetensors_atomic",
    "sha256_file",
    "text_lines",
    "write_all",
    "write_bytes_atomic",
    "write_json_atomic",
]
