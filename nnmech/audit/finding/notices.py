"""Which units of a text are notices about other text: a reference, and what is said of it."""

import re
from typing import NamedTuple, get_args

from nnmech.audit.rulebook import Kind, Reference, Rule, Rulebook, Says, Where

MAX_NOTICE = 1500
"""Characters of a unit that are read: what is longer is no notice."""
_EDGE_REFERENCE = re.compile(r"\b(?:document|text|article|post|page|story|everything|nothing)\b", re.IGNORECASE)


class Notice(NamedTuple):
    """A unit that is a notice, and which way it points."""

    rule: Rule
    direction: str
    """`next`, `previous` or `document`; `carry` where it goes on with the notice beside it."""
    about_document: bool
    """Whether it can be meant of a whole document, where it stands at the edge of one."""
    pointer: str
    """The words that point."""
    placed: bool
    """Whether they name their place, so that no other text can be meant."""


class Reader:
    """Reads units by a rulebook: strictly, or in a text that is known to have notices."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self._plain = [(kind, kind.says) for kind in rulebook.kinds if kind.says is not None]
        self._sentence_rules = rulebook.rules("sentence")
        self._rules = {where: rulebook.rules(where) for where in get_args(Where)}
        self._triggers = {kind.name: re.compile("|".join(map(re.escape, kind.triggers))) for kind in rulebook.kinds}

    def fitting(self, where: Where, lower: str) -> list[Rule]:
        """The rules for a place of which a trigger is in a text of small letters."""
        return [rule for rule in self._rules[where] if self._triggers[rule.kind].search(lower)]

    def strict(self, text: str, before: str, *, bracketed: bool, edge: bool) -> Notice | None:
        """The notice that a unit is, read by itself; `before` is what stands in front, `edge` an end of a text."""
        if len(text) > MAX_NOTICE:
            return None
        lower = text.lower()
        if not self.rulebook.hint.search(text) and not self.rulebook.own.search(lower):
            return None
        for rule in self._sentence_rules:
            if self._triggers[rule.kind].search(lower) and fits(rule, text, before):
                return Notice(rule, rule.covers, rule.covers == "document", text, not rule.soft)
        if not bracketed and _starts_small(text):
            return None
        pointers = self._pointers(text, weak_document=edge)
        if not pointers:
            return None
        for kind, says in self._plain:
            if not self._triggers[kind.name].search(lower) or says.unless.search(text):
                continue
            said = [(name, match) for name, match in pointers if _says(says, text, match)]
            if not said and bracketed and not says.strict and says.weak.search(text):
                said = [
                    (name, match) for name, match in pointers if not says.unless_before.search(text[: match.start()])
                ]
            if said and (notice := self._notice(kind, said)):
                return notice
        return None

    def loose(self, text: str, *, bracketed: bool, beside: Notice | None) -> Notice | None:
        """The notice that a unit is in a text with other notices; `beside` is the one it goes on with, if any."""
        if len(text) > MAX_NOTICE:
            return None
        kinds = [(kind, says) for kind, says in self._plain if says.weak.search(text)]
        if not kinds:
            return None
        pointers = self._pointers(text, weak_document=False)
        if pointers and (bracketed or not kinds[0][1].strict) and (notice := self._notice(kinds[0][0], pointers)):
            return notice
        if bracketed:
            weak = [(ref.name, match) for ref in self.rulebook.references if (match := ref.weak.search(text))]
            return self._notice(kinds[0][0], weak) if weak else None
        if beside is not None and self.rulebook.carry.match(text):
            return Notice(beside.rule, "carry", beside.about_document, text, False)
        return None

    def sounds(self, text: str) -> bool:
        """Whether a sentence in a paragraph with a notice about a document reads as a part of it."""
        return any(says.weak.search(text) for _, says in self._plain) or bool(self.rulebook.carry.match(text))

    def _pointers(self, text: str, *, weak_document: bool) -> list[tuple[str, re.Match[str]]]:
        found = [
            (ref.name, match) for ref in self.rulebook.references if (match := self._point(ref, text, weak_document))
        ]
        return sorted(found, key=lambda item: item[1].start())

    @staticmethod
    def _point(reference: Reference, text: str, weak_document: bool) -> re.Match[str] | None:
        strong = reference.strong.search(text)
        return strong or (reference.weak.search(text) if weak_document and reference.name == "document" else None)

    def _notice(self, kind: Kind, pointers: list[tuple[str, re.Match[str]]]) -> Notice | None:
        names = [name for name, _ in pointers]
        sentence = next((item for item in pointers if item[0] != "document"), None)
        name, match = sentence or pointers[0]
        rule = self.rulebook.rule_about(kind, name) or self.rulebook.rule_about(kind, "document")
        if rule is None:
            return None
        placed = any(self.rulebook.placed.search(item.group()) for _, item in pointers)
        return Notice(rule, name, "document" in names, match.group(), placed)


def fits(rule: Rule, text: str, before: str = "") -> bool:
    """Whether a rule's own pattern fits a text, and none of its guards does."""
    if rule.pattern is None or not rule.pattern.search(text):
        return False
    if rule.unless is not None and rule.unless.search(text):
        return False
    if rule.needs is not None and not rule.needs.search(text):
        return False
    return rule.unless_previous is None or not rule.unless_previous.search(before)


def _says(says: Says, text: str, pointer: re.Match[str]) -> bool:
    if says.unless_before.search(text[: pointer.start()]):
        return False
    if says.after.search(text, pointer.start()):
        return True
    before = says.before.search(text[: pointer.end()])
    return bool(before and before.start() <= pointer.start() and says.before_needs.search(text, pointer.start()))


def _starts_small(text: str) -> bool:
    """Whether a unit reads as the inside of a sentence that was cut."""
    first = next((sign for sign in text if sign.isalnum()), "")
    return first.islower() and not text.lstrip("\"'“‘*_ ").startswith(
        ("what", "the ", "this ", "do not", "it is", "nothing")
    )


def points_at_document(pointer: str) -> bool:
    """Whether the words that point name a document, so that a bracketed notice at an edge can mean the whole."""
    return bool(_EDGE_REFERENCE.search(pointer))
