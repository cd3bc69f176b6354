"""Judges. In: questions with answers. Out: verdicts, by exact rules, models or words alone; how well judges agree."""

from nnmech.judges.agreement import agreement_curve, cohen_kappa
from nnmech.judges.base import BatchJudge, ExactMcq, OneByOne, as_batch
from nnmech.judges.costs import CostEstimate, JudgeCounts, Prices
from nnmech.judges.lexical import LexicalJudge, fit_lexical, load_lexical
from nnmech.judges.llm import LLMJudge
from nnmech.judges.local import ChatModelJudge, NLIJudge, load_local_judge
from nnmech.judges.prompts import DEFAULT_TEMPLATE

__all__ = [
    "DEFAULT_TEMPLATE",
    "BatchJudge",
    "ChatModelJudge",
    "CostEstimate",
    "ExactMcq",
    "JudgeCounts",
    "LLMJudge",
    "LexicalJudge",
    "NLIJudge",
    "OneByOne",
    "Prices",
    "agreement_curve",
    "as_batch",
    "cohen_kappa",
    "fit_lexical",
    "load_lexical",
    "load_local_judge",
]
