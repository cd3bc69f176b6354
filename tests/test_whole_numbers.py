"""Whole numbers are read whatever type they come in; anything else is named."""

from typing import Any

import numpy as np
import pytest
import torch

from nnmech.errors import InputError
from nnmech.whole_numbers import whole_number, whole_numbers

SAME: dict[str, Any] = {
    "list": [2, 3],
    "set": {2, 3},
    "range": range(2, 4),
    "generator": (step for step in (2, 3)),
    "tensor": torch.tensor([2, 3]),
    "tensor of floats": torch.tensor([2.0, 3.0]),
    "0-d tensors": [torch.tensor(2), torch.tensor(3)],
    "tensors of one element in a tuple": tuple(torch.tensor([2, 3]).unbind()),
    "array": np.array([2, 3], dtype=np.uint8),
    "numbers of numpy": [np.int64(2), np.float32(3)],
    "floats": [2.0, 3.0],
    "keys": {2: "a", 3: "b"}.keys(),
}


@pytest.mark.parametrize("values", SAME.values(), ids=SAME)
def test_whole_numbers_of_any_type_are_read(values: Any) -> None:
    found = whole_numbers(values, "steps")
    assert sorted(found) == [2, 3]
    assert {type(number) for number in found} == {int}


@pytest.mark.parametrize("value", [3, np.int32(3), torch.tensor(3), np.array(3), 3.0])
def test_one_number_is_a_number_and_a_list_of_one(value: Any) -> None:
    assert whole_number(value, "step") == 3
    assert type(whole_number(value, "step")) is int
    assert whole_numbers(value, "steps") == (3,)


WRONG: dict[str, Any] = {
    "text": ["2"],
    "one text": "2",
    "fraction": [2.5],
    "fractions in a tensor": torch.tensor([2.5]),
    "truth value": [True],
    "truth values in a tensor": torch.tensor([True, False]),
    "nothing": [None],
    "None": None,
    "NaN": [float("nan")],
    "infinity": [float("inf")],
    "negative": [-1],
    "table": torch.tensor([[1, 2]]),
    "mapping": {1: 2},
}


@pytest.mark.parametrize("values", WRONG.values(), ids=WRONG)
def test_anything_else_is_refused_by_name(values: Any) -> None:
    says = r"^steps: found .*; expected (a whole number, 0 or more|whole numbers); pass"
    with pytest.raises(InputError, match=says) as caught:
        whole_numbers(values, "steps")
    assert "\n" not in str(caught.value)
