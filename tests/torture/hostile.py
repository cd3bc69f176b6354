"""Files, folders and templates that mean harm."""

import os
import shutil
from pathlib import Path

from nnmech.chat_rendering import WALL_SECONDS, BoundlessTemplateError, render_bounded
from nnmech.errors import InputError
from nnmech.models import load_model
from nnmech.runs import drop_checkpoints
from tests.test_model_folder import HOSTILE
from tests.torture.loaders import model_folder, read_run, small_run
from tests.torture.trying import SECONDS, Result, bytes_of, go_on, limited, outcome


def hostile(folder: Path, effort: float) -> Result:
    """Links, FIFOs and folders in place of each file and folder of a run: nothing outside is touched, nothing hangs."""
    result = Result()
    small_run(folder / "whole")
    names = sorted(str(file.relative_to(folder / "whole")) for file in (folder / "whole").rglob("*"))
    for name in names if effort >= 1 else names[::3]:
        for kind in ("link", "dangling", "fifo", "folder", "empty"):
            path, victim = folder / "run", folder / "victim"
            shutil.copytree(folder / "whole", path)
            shutil.copytree(folder / "whole", victim)
            _put(path / name, victim / name, kind)
            before = bytes_of(victim)
            for use in (read_run, drop_checkpoints, go_on):
                wrong = outcome(lambda: use(path))  # noqa: B023
                result.expect(wrong is None, f"{name} as {kind}, {use.__name__}: {wrong}")
            result.expect(bytes_of(victim) == before, f"{name} as {kind}: a file outside has changed")
            shutil.rmtree(path)
            shutil.rmtree(victim)
    return result


def _put(place: Path, outside: Path, kind: str) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "dangling":
        place.symlink_to(outside.with_name("nothing"))
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"")


def hostile_models(folder: Path, effort: float) -> Result:
    """Model folders and chat templates that are not what they say: each is refused in one line, nothing runs on."""
    result = Result()
    for number, (name, (change, _)) in enumerate(HOSTILE.items()):
        if effort < 1 and number % 5:
            continue
        path = folder / str(number) / "model"
        model_folder(path, shard="1GB")
        change(path)
        refused = False

        def use() -> None:
            nonlocal refused
            try:
                load_model(path)  # noqa: B023
            except InputError:
                refused = True
                raise

        wrong = outcome(use)
        result.expect(wrong is None and refused, f"{name}: {wrong or 'is loaded'}")
    return result


LOOPS = "{% for _ in range(99999) %}" * 3 + "{% endfor %}" * 3
RUNNING_ON = ("{{ 'x' * 1000000000 }}", "{{ 'x' * 3000000 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", LOOPS)


def hostile_dialogues(folder: Path, effort: float) -> Result:
    """Chat templates that run on for some dialogues: those are stopped, the ones before and after are rendered."""
    result = Result()
    for number, action in enumerate(RUNNING_ON if effort >= 1 else RUNNING_ON[:3]):
        template = "{% if messages[0].content == 'now' %}" + action + "{% endif %}{{ messages[0].content }}"
        for content in ("before", "now", "after"):
            try:
                with limited(WALL_SECONDS + 3 * SECONDS):
                    found = render_bounded(template, [{"role": "user", "content": content}], {}, prompt=False)
            except BoundlessTemplateError:
                found = "now"
            except Exception as error:  # noqa: BLE001
                found = f"{type(error).__name__}: {error}"
            result.expect(found == content, f"template {number}, dialogue {content!r}: {found[:100]}")
    return result
