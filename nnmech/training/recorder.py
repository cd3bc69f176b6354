"""The recorder: what a training loop calls after each step to have snapshots taken when they are due."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from nnmech.claims import Document, Statement
from nnmech.errors import RunError
from nnmech.models import LoadedModel, adapter_rank, base_module, find_decoder_blocks
from nnmech.recording.documents import TOKEN, FrozenDocuments, freeze_documents
from nnmech.recording.snapshots import Snapshot, capture, capture_tokens, check_layers, hook_name
from nnmech.recording.statements import PROMPT, StatementBatches, freeze_statements
from nnmech.runs.writer import RunWriter
from nnmech.whole_numbers import WholeNumber, WholeNumbers, whole_number, whole_numbers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class Recorder:
    """Takes a snapshot of `batches` into `writer` when one of `steps` has come; step 0, the untouched model, always.

    Call it after each update, with the number of updates so far: `recorder(model, step)`.

    Args:
        writer: Of the run.
        batches: The frozen statements that the run was started for.
        layers: Which blocks to record, from 0; all by default.
        steps: When to record: whole numbers of any type.
        dtype: Of the stored values.
        documents: Frozen documents, whose tokens are recorded at the same steps.

    Raises:
        InputError: For steps that are not whole numbers.
        RunError: Where the run was started for other batches or documents.
    """

    def __init__(
        self,
        writer: RunWriter,
        batches: StatementBatches,
        *,
        layers: Sequence[int] | None = None,
        steps: WholeNumbers,
        dtype: torch.dtype = torch.float32,
        documents: FrozenDocuments | None = None,
    ) -> None:
        due = frozenset(whole_numbers(steps, "steps")) | {0}
        expected = writer.info["batch_hash"]
        if expected is not None and expected != batches.hash:
            raise RunError(
                f"{writer.path}: was started for the statement batches {expected[:12]}, not {batches.hash[:12]}. "
                "Use the same statements, prompt, tokenizer and batch size."
            )
        started, given = writer.info.get("documents_hash"), None if documents is None else documents.hash
        if started != given:
            was, now = (f"the documents {name[:12]}" if name else "no documents" for name in (started, given))
            raise RunError(f"{writer.path}: was started for {was}, not {now}. Use the same documents and tokenizer.")
        self.writer = writer
        self.documents = documents
        self.batches = batches
        self.layers = None if layers is None else whole_numbers(layers, "layers", least=None)
        self.steps = due
        self.dtype = dtype

    @classmethod
    def create(
        cls,
        path: Path | str,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerFast",
        statements: Sequence[Statement],
        *,
        steps: WholeNumbers,
        config: Mapping[str, Any] | None = None,
        layers: Sequence[int] | None = None,
        dtype: torch.dtype = torch.float32,
        positions: Sequence[str] | None = None,
        prompt: str = PROMPT,
        chat: bool = True,
        batch_size: int = 64,
        documents: Mapping[str, Sequence[Document]] | None = None,
    ) -> "Recorder":
        """Freeze `statements` and start the run directory `path` for training `model`.

        Args:
            path: A folder without a run.
            model: A causal LM, with or without peft, torch.compile or DataParallel around it.
            tokenizer: The model's own.
            statements: What is recorded.
            steps: When to record: whole numbers of any type; step 0 always.
            config: Whatever says how the run is made.
            layers: Which blocks to record, from 0; all by default.
            dtype: Of the stored values.
            positions: As in `freeze_statements`; by default those that the statements support.
            prompt: As in `freeze_statements`.
            chat: As in `freeze_statements`.
            batch_size: Statements a batch.
            documents: The documents of each condition whose tokens are recorded, see `freeze_documents`.

        Raises:
            InputError: For steps or layers that do not fit, and as `freeze_statements` and `freeze_documents`.
            RunExistsError: Where a run is there.
        """
        steps = whole_numbers(steps, "steps")
        batches = freeze_statements(
            tokenizer, statements, positions=positions, prompt=prompt, chat=chat, batch_size=batch_size
        )
        n_layers = len(find_decoder_blocks(model))
        check_layers(range(n_layers) if layers is None else layers, range(n_layers))
        source = cast(Any, base_module(model)).config
        name = getattr(source, "_name_or_path", "") or type(base_module(model)).__name__
        loaded = LoadedModel(model, tokenizer, name, getattr(source, "_commit_hash", None), None, adapter_rank(model))
        frozen = None if documents is None else freeze_documents(tokenizer, documents)
        writer = RunWriter.create(
            path,
            config=config or {},
            model=loaded.describe(),
            statements=statements,
            batch_hash=batches.hash,
            documents=frozen,
        )
        return cls(writer, batches, layers=layers, steps=steps, dtype=dtype, documents=frozen)

    def __call__(self, model: nn.Module, step: WholeNumber, phase: str = "train") -> bool:
        """Take the snapshot of `step` if it is due and not there yet; True where one was taken.

        Args:
            model: The model that is trained.
            step: The number of updates so far, a whole number of any type.
            phase: Of training, by name.
        """
        step = whole_number(step, "step")
        if step not in self.steps:
            return False
        layers = tuple(range(len(find_decoder_blocks(model)))) if self.layers is None else self.layers
        info = self.writer.info

        def snapshot(residual: Tensor, positions: tuple[str, ...], batch_hash: str) -> Snapshot:
            return Snapshot(
                step=step,
                phase=phase,
                residual=residual,
                layers=layers,
                positions=positions,
                hook_names=tuple(hook_name(layer) for layer in layers),
                batch_hash=batch_hash,
                weight_convention=info["weight_convention"],
                model=str(info["model"].get("id", "")),
            )

        taken = False
        if self.documents is not None and step not in self.writer.token_steps:
            residual = capture_tokens(model, self.documents, layers=layers, dtype=self.dtype)
            tokens = snapshot(residual[:, None], (TOKEN,), self.documents.hash)
            self.writer.tokens(step, {"residual": tokens.residual}, tokens.metadata())
            taken = True
        if step not in self.writer.snapshot_steps:
            residual = capture(model, self.batches, layers=layers, dtype=self.dtype)
            statements = snapshot(residual, self.batches.positions, self.batches.hash)
            self.writer.snapshot(step, {"residual": statements.residual}, statements.metadata())
            taken = True
        return taken

    def close(self) -> None:
        """Let go of the run directory."""
        self.writer.close()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
