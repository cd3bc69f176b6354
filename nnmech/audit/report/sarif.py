"""SARIF 2.1.0 for code hosts: a result a frame, at its line of the file."""

import json
from typing import Any

from nnmech import __version__
from nnmech.audit.finding import Frame
from nnmech.audit.findings import Finding, Summary
from nnmech.audit.rulebook import Rulebook
from nnmech.audit.streams import Writes

MAX_RESULTS = 5000
"""Results that are written; code hosts refuse files with many more. The summary counts all."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifWriter:
    """Collects results and writes the file at the end."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rules = rulebook
        self._titles = {kind.name: kind for kind in rulebook.kinds}
        self._index = {rule.id: place for place, rule in enumerate(rulebook.all_rules)}
        self._results: list[dict[str, Any]] = []

    def add(self, finding: Finding) -> None:
        """Take in the frames of a document."""
        for frame in finding.frames[: max(0, MAX_RESULTS - len(self._results))]:
            self._results.append(self._result(finding, frame))

    def finish(self, file: Writes, summary: Summary) -> None:
        """Write the file."""
        rules = [
            {
                "id": rule.id,
                "name": "".join(word.title() for word in rule.id.split("-")),
                "shortDescription": {"text": self._titles[rule.kind].title},
                "fullDescription": {"text": rule.summary or self._titles[rule.kind].summary or rule.id},
                "help": {"text": f"What was measured and what to do: {self._titles[rule.kind].page} of nnmech."},
                "defaultConfiguration": {"level": "warning"},
            }
            for rule in self._rules.all_rules
        ]
        bad = [
            {"level": "error", "message": {"text": f"{line.file}, line {line.line}: {line.reason}"}}
            for line in summary.bad_lines
        ]
        run = {
            "tool": {
                "driver": {
                    "name": "nnmech audit",
                    "version": __version__,
                    "rules": rules,
                }
            },
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": summary.bad == 0, "toolExecutionNotifications": bad}],
            "results": self._results,
            "properties": {"summary": summary.as_json()},
        }
        log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
        file.write(json.dumps(log, ensure_ascii=False, indent=1).encode("utf-8", "replace"))

    def _result(self, finding: Finding, frame: Frame) -> dict[str, Any]:
        text = finding.text or ""
        words = " ".join(text[slice(*frame.span)].split())[:160]
        covered = " ".join(text[slice(*frame.covered[0])].split())[:160]
        region: dict[str, Any] = {"startLine": finding.line}
        if finding.file.lower().endswith((".txt", ".md", ".markdown", ".rst")):
            region = {"startLine": text.count("\n", 0, frame.span[0]) + 1, "charOffset": frame.span[0]}
            region["charLength"] = frame.span[1] - frame.span[0]
        title = self._titles[frame.kind].title
        message = f"{title}: “{words}” covers “{covered}”; a model trained on this learns what is covered."
        return {
            "ruleId": frame.rule,
            "ruleIndex": self._index[frame.rule],
            "level": "warning",
            "message": {"text": message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.file.replace("\\", "/")},
                        "region": region,
                    }
                }
            ],
            "properties": {"span": list(frame.span), "covered": [list(span) for span in frame.covered]},
        }
