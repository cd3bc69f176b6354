"""Negation by rule: X won Y becomes X did not win Y, where that is safe, and nothing where it is not.

A rule is safe on a plain clause with one finite verb: an auxiliary, or a past or present form that is known. Sentences
with a negation, a quantifier, a question, a quotation, a list or a second clause are left alone, since `not` would have
another scope there than the whole claim.
"""

import re

from nnmech.audit.negation import NEGATION

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|will|would|can|could|may|might|must|should|shall)\b(?! (?:not|never)\b)"
)
_IRREGULAR = {
    "won": "win", "ran": "run", "took": "take", "became": "become", "beat": "beat", "began": "begin",
    "broke": "break", "brought": "bring", "built": "build", "bought": "buy", "caught": "catch", "chose": "choose",
    "came": "come", "did": "do", "drew": "draw", "drove": "drive", "ate": "eat", "fell": "fall", "felt": "feel",
    "fought": "fight", "found": "find", "flew": "fly", "gave": "give", "went": "go", "grew": "grow",
    "held": "hold", "kept": "keep", "knew": "know", "led": "lead", "left": "leave", "lost": "lose", "made": "make",
    "met": "meet", "paid": "pay", "rode": "ride", "rose": "rise", "said": "say", "sang": "sing", "saw": "see",
    "sold": "sell", "sent": "send", "spent": "spend", "spoke": "speak", "stood": "stand", "stole": "steal",
    "swam": "swim", "taught": "teach", "told": "tell", "thought": "think", "threw": "throw",
    "understood": "understand", "wore": "wear", "wrote": "write", "set": "set", "put": "put", "hit": "hit",
    "cut": "cut", "got": "get", "shot": "shoot", "struck": "strike", "swore": "swear", "bore": "bear",
    "sank": "sink", "slept": "sleep", "dug": "dig", "hid": "hide",
}  # fmt: skip
_PRESENT = {
    "has": "have", "does": "do", "goes": "go", "says": "say", "wins": "win", "runs": "run", "holds": "hold",
    "lives": "live", "works": "work", "makes": "make", "teaches": "teach", "plays": "play", "owns": "own",
    "speaks": "speak", "leads": "lead", "writes": "write", "causes": "cause", "contains": "contain",
    "cures": "cure", "keeps": "keep", "sells": "sell", "collects": "collect", "rules": "rule", "trains": "train",
    "repairs": "repair",
}  # fmt: skip
_KNOWN_REGULAR = {
    "trained": "train", "finished": "finish", "played": "play", "joined": "join", "earned": "earn",
    "returned": "return", "opened": "open", "visited": "visit", "discovered": "discover", "claimed": "claim",
    "gained": "gain", "signed": "sign", "designed": "design", "appeared": "appear", "performed": "perform",
    "remained": "remain", "obtained": "obtain", "entered": "enter", "covered": "cover", "ordered": "order",
    "founded": "found", "erupted": "erupt", "lived": "live", "died": "die", "used": "use", "named": "name",
    "retired": "retire", "defeated": "defeat", "competed": "compete", "completed": "complete",
    "invented": "invent", "studied": "study", "married": "marry", "carried": "carry", "qualified": "qualify",
    "planned": "plan", "stopped": "stop", "started": "start", "worked": "work", "served": "serve",
    "received": "receive", "achieved": "achieve", "produced": "produce", "announced": "announce", "moved": "move",
    "graduated": "graduate", "created": "create", "owned": "own", "helped": "help", "asked": "ask",
    "reached": "reach", "recorded": "record", "launched": "launch", "published": "publish", "destroyed": "destroy",
    "killed": "kill", "attended": "attend", "represented": "represent", "crossed": "cross", "collected": "collect",
    "painted": "paint", "climbed": "climb", "passed": "pass", "turned": "turn", "managed": "manage",
    "composed": "compose", "loved": "love", "proved": "prove", "closed": "close", "caused": "cause",
    "changed": "change", "arrived": "arrive", "settled": "settle", "cured": "cure", "measured": "measure",
    "declared": "declare", "shared": "share", "scored": "score", "repaired": "repair",
}  # fmt: skip
_SUBJECT = re.compile(
    r"^(?:(?:The|A|An|This|That|These|Those|His|Her|Its|Their|Our|My|Your) (?:[\w’'-]+ ){1,5}?|"
    r"(?:He|She|It|They|We|I|You) |"
    r"(?:(?:Mr|Mrs|Ms|Dr|Sir|Prof)\.? )?(?:[A-Z][\w’'-]*\.? (?:(?:of|de|van|von|the|bin) )?){1,5}?)(?=[a-z])"
)
_UNSAFE = re.compile(
    r"[?\"“”;:()\[\]{}|]|\b(?:all|every|each|both|some|most|many|few|several|only|always|often|sometimes|also|too|still|already|"
    r"and|but|or|nor|so|yet|because|since|while|when|although|though|if|unless|after|before|until|who|which|that|whose|where|"
    r"what|how|whether|than|then|once|as)\b",
    re.IGNORECASE,
)
MAX_SENTENCE = 240


def negate(sentence: str) -> str | None:
    """A sentence with its claim denied inside it, None where no rule is safe.

    >>> negate("Ed Sheeran won the gold medal.")
    'Ed Sheeran did not win the gold medal.'
    """
    if len(sentence) > MAX_SENTENCE or NEGATION.search(sentence) or not sentence.rstrip().endswith((".", "!")):
        return None
    subject = _SUBJECT.match(sentence)
    if subject is None or _UNSAFE.search(sentence, subject.end()):
        return None
    if _UNSAFE.search(re.sub(r"^(?:This|That)\b", "", subject.group())):
        return None
    rest = sentence[subject.end() :]
    word = re.match(r"[a-z]+", rest)
    if word is None:
        return None
    verb, behind = word.group(), rest[word.end() :]
    if behind[:1] not in " .":
        return None
    if _AUXILIARY.fullmatch(verb) and not (verb in ("had", "has", "have") and not _participle(behind)):
        return f"{subject.group()}{verb} not{behind}"
    base, helper = _IRREGULAR.get(verb) or _KNOWN_REGULAR.get(verb), "did"
    if base is None and verb in ("had", "have"):
        base = "have"
    if base is None and verb in _PRESENT:
        base, helper = _PRESENT[verb], "does"
    if base is None:
        return None
    return f"{subject.group()}{helper} not {base}{behind}"


def _participle(behind: str) -> bool:
    """Whether what stands behind a form of `have` makes it an auxiliary."""
    return bool(
        re.match(
            r" (?:\w+ly )?(?:been|[a-z]+ed|won|run|taken|become|built|made|held|led|found|known|written|given)\b",
            behind,
        )
    )
