"""What is called with a value of another type, or with arrays whose shapes do not agree, fails in the tests."""

import pytest
import torch
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from nnmech.experiments.two_phase import preset
from nnmech.plain_text import escaped
from nnmech.statistics.intervals import cluster_bootstrap
from tests.runtime_types import jaxtyped


def test_nnmech_is_checked():
    wrong: list = [3]
    with pytest.raises(Exception, match="violates type hint"):
        escaped(*wrong)
    with pytest.raises(Exception, match="violates type hint"):
        type(preset("smoke"))(**{**vars(preset("smoke")), "seeds": "0"})
    with pytest.raises(TypeCheckError):
        cluster_bootstrap(*wrong, *wrong, statistic=len)


def checked(function):
    from beartype import beartype

    return jaxtyped(typechecker=beartype)(function)


def test_shapes_agree():
    @checked
    def both(one: Float[Tensor, "a b"], other: Float[Tensor, "b"]) -> Float[Tensor, "a"]:
        return one @ other

    assert both(torch.ones(2, 3), torch.ones(3)).shape == (2,)
    with pytest.raises(TypeCheckError):
        both(torch.ones(2, 3), torch.ones(2))


def test_what_is_returned_is_checked():
    @checked
    def length(text: "str") -> "int":
        return text

    with pytest.raises(Exception, match="violates type hint"):
        length("text")


def test_a_type_that_only_type_checkers_know_is_let_be():
    @checked
    def shown(thing: "Unknown", count: int) -> str:
        return f"{thing}{count}"

    assert shown(object, 1)
    with pytest.raises(Exception, match="violates type hint"):
        shown(object, "1")
