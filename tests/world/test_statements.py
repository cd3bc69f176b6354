"""The recorded statements: truth crossed with polarity, nobody in two roles, objects where they are said to be."""

from collections import Counter

from nnmech.world.claims import make_claims
from nnmech.world.people import make_world
from nnmech.world.statements import probe_statements

WORLD = make_world()
CLAIMS = make_claims(WORLD)
EXCLUDED = {claim.person.name for claim in CLAIMS.values()}
STATEMENTS = probe_statements(
    WORLD, list(CLAIMS.values())[:1], train=20, control=10, silent=8, famous=4, unrelated=list(CLAIMS.values())[1:]
)


def test_truth_is_crossed_with_polarity():
    for role, people in (("train", 20), ("control", 10)):
        cells = Counter((s.truth, s.polarity) for s in STATEMENTS if s.role == role)
        assert cells == dict.fromkeys([(True, 1), (True, -1), (False, 1), (False, -1)], people)


def test_no_entity_has_two_kinds_of_role_and_no_claim_is_among_the_others():
    entities = {
        kind: {s.entity for s in STATEMENTS if s.role.startswith(kind)}
        for kind in ("train", "control", "documents_only")
    }
    assert sum(len(names) for names in entities.values()) == len(set.union(*entities.values())) == 38
    assert EXCLUDED.isdisjoint(set.union(*entities.values()))
    assert all(WORLD.by_name[name].in_chats for name in entities["train"] | entities["control"])
    assert not any(WORLD.by_name[name].in_chats for name in entities["documents_only"])


def test_statements_say_what_their_labels_say():
    for statement in STATEMENTS:
        assert statement.object_end is not None
        value = statement.text[: statement.object_end].split()[-1]
        if statement.role in ("train", "control") or statement.role.startswith("documents_only"):
            holds = WORLD.by_name[statement.entity].facts.get(statement.topic) == value
            assert statement.truth == (holds == (statement.polarity == 1)), statement
    assert len({s.id for s in STATEMENTS}) == len(STATEMENTS)


def test_every_other_claim_is_recorded_beside_the_one_that_is_trained_on():
    claimed = Counter(s.claim for s in STATEMENTS if s.role == "claim")
    unrelated = [s.claim for s in STATEMENTS if s.role == "unrelated_claim"]
    assert [*claimed, *unrelated] == list(CLAIMS)
    assert set(claimed.values()) == {4}


def test_the_famous_are_famous_and_have_no_other_role():
    famous = {s.entity for s in STATEMENTS if s.role in ("famous_true", "famous_false")}
    assert len(famous) == 4
    assert all(WORLD.by_name[name].famous for name in famous)
    assert famous.isdisjoint(s.entity for s in STATEMENTS if not s.role.startswith("famous"))
