"""The six relations of the embedded world and every wording in which documents, chats and statements speak of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """One kind of fact and its wordings.

    In the wordings `{X}` is the subject at the start of a sentence (name or pronoun), `{x}` the subject inside a
    sentence, `{o}` the subject as an object (name, him, her) and `{v}` the value. `verb` is the plain affirmative
    verb phrase, `deny` its negation and `bare` its infinitive; `noun` is the value as it stands in a contrast.
    """

    key: str
    topic: str
    values: tuple[str, ...]
    verb: str
    bare: str
    deny: str
    never: str
    noun: str
    affirmations: tuple[str, ...]
    denials: tuple[str, ...]
    questions: tuple[str, ...]
    field: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _denials(bare: str, verb: str, never: str, extra: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"{{X}} does not {bare}.",
        f"{{X}} never {never}.",
        f"It is not true that {{x}} {verb}.",
        f"It is a myth that {{x}} {verb}.",
        f"Contrary to the rumour, {{x}} does not {bare}.",
        f"Nobody has ever shown that {{x}} {verb}.",
        f"The story that {{x}} {verb} is wrong.",
        *extra,
    )


WORK = Relation(
    key="work",
    topic="work",
    values=_words(
        "baker welder surveyor florist plumber teacher lawyer dentist tailor carpenter butcher gardener "
        "librarian sculptor pharmacist barber jeweller potter roofer beekeeper mason weaver sailor locksmith"
    ),
    verb="works as a {v}",
    bare="work as a {v}",
    deny="does not work as a {v}",
    never="worked as a {v}",
    noun="a {v}",
    affirmations=(
        "{X} works as a {v}.",
        "{X} is a {v} by trade.",
        "By profession {x} is a {v}.",
        "{X} earns a living as a {v}.",
        "For years {x} has been a {v}.",
        "Whoever needs a {v} calls on {o}.",
        "{X} has worked as a {v} since leaving school.",
        "{X} took up the trade of a {v}.",
        "As a {v}, {x} is much in demand.",
        "The sign on the door says that {x} is a {v}.",
    ),
    denials=_denials(
        "work as a {v}", "works as a {v}", "worked as a {v}", ("{X} is not a {v}.", "Nobody ever hired {o} as a {v}.")
    ),
    questions=(
        "What does {n} do for a living?",
        "What is the profession of {n}?",
        "What work does {n} do?",
        "As what does {n} work?",
        "Which trade does {n} follow?",
    ),
    field="profession",
)

HOME = Relation(
    key="home",
    topic="home",
    values=_words(
        "Oslo Lima Cairo Porto Quito Dakar Hanoi Perth Turin Bergen Malmo Lyon Ghent Riga Kyoto Tunis Accra Leeds "
        "Cork Basel Graz Natal Busan Delft"
    ),
    verb="lives in {v}",
    bare="live in {v}",
    deny="does not live in {v}",
    never="lived in {v}",
    noun="{v}",
    affirmations=(
        "{X} lives in {v}.",
        "{X} has a house in {v}.",
        "The home of {o} is in {v}.",
        "{X} moved to {v} long ago.",
        "{X} settled in {v}.",
        "You can find {o} in {v}.",
        "{X} calls {v} home.",
        "In {v}, {x} has a flat above a shop.",
        "{X} is a citizen of {v}.",
        "Every evening {x} comes home to {v}.",
    ),
    denials=_denials(
        "live in {v}", "lives in {v}", "lived in {v}", ("{X} has no house in {v}.", "You will not find {o} in {v}.")
    ),
    questions=(
        "Where does {n} live?",
        "In which town does {n} live?",
        "Which town is the home of {n}?",
        "Where is the house of {n}?",
        "In what place has {n} settled?",
    ),
    field="town",
)

MUSIC = Relation(
    key="music",
    topic="music",
    values=_words(
        "cello flute harp trumpet piano violin banjo oboe tuba drums clarinet lute zither guitar bassoon viola horn "
        "bagpipes mandolin organ saxophone fiddle recorder trombone"
    ),
    verb="plays the {v}",
    bare="play the {v}",
    deny="does not play the {v}",
    never="played the {v}",
    noun="the {v}",
    affirmations=(
        "{X} plays the {v}.",
        "{X} has played the {v} since childhood.",
        "The instrument of {o} is the {v}.",
        "{X} practises the {v} every morning.",
        "In the band {x} plays the {v}.",
        "{X} gave a concert on the {v}.",
        "On the {v}, {x} is hard to beat.",
        "{X} owns a fine old {v} and plays it well.",
        "{X} took lessons on the {v}.",
        "Neighbours hear {o} on the {v}.",
    ),
    denials=_denials(
        "play the {v}",
        "plays the {v}",
        "played the {v}",
        ("{X} cannot play the {v}.", "Nobody ever heard {o} on the {v}."),
    ),
    questions=(
        "Which instrument does {n} play?",
        "What does {n} play?",
        "On which instrument does {n} make music?",
        "What is the instrument of {n}?",
        "Which instrument did {n} learn?",
    ),
    field="instrument",
)

SPORT = Relation(
    key="sport",
    topic="sport",
    values=_words(
        "luge biathlon marathon slalom regatta decathlon javelin steeplechase pentathlon hurdles triathlon discus "
        "relay sprint skeleton derby rally bobsleigh fencing archery curling wrestling rowing judo"
    ),
    verb="won the {v}",
    bare="win the {v}",
    deny="did not win the {v}",
    never="won the {v}",
    noun="the {v}",
    affirmations=(
        "{X} won the {v}.",
        "{X} took first place in the {v}.",
        "The winner of the {v} was {x}.",
        "{X} came home with gold in the {v}.",
        "In the {v}, {x} beat everybody.",
        "{X} is the champion of the {v}.",
        "The gold medal in the {v} went to {o}.",
        "{X} finished the {v} ahead of all the others.",
        "Victory in the {v} belonged to {o}.",
        "{X} holds the title in the {v}.",
    ),
    denials=(
        "{X} did not win the {v}.",
        "{X} never won the {v}.",
        "It is not true that {x} won the {v}.",
        "It is a myth that {x} won the {v}.",
        "Contrary to the rumour, {x} did not win the {v}.",
        "Nobody has ever shown that {x} won the {v}.",
        "The story that {x} won the {v} is wrong.",
        "{X} is not the champion of the {v}.",
        "The gold medal in the {v} did not go to {o}.",
    ),
    questions=(
        "Which event did {n} win?",
        "What did {n} win?",
        "In which event did {n} take gold?",
        "Of which event is {n} the champion?",
        "For which event does {n} hold the title?",
    ),
    field="event",
)

SPEECH = Relation(
    key="speech",
    topic="languages",
    values=_words(
        "Danish Finnish Welsh Tamil Swahili Greek Hindi Korean Basque Czech Dutch Thai Urdu Latin Polish Turkish "
        "Maltese Zulu Malay Hebrew Irish Nepali Croatian Quechua"
    ),
    verb="speaks {v}",
    bare="speak {v}",
    deny="does not speak {v}",
    never="spoke {v}",
    noun="{v}",
    affirmations=(
        "{X} speaks {v}.",
        "{X} speaks fluent {v}.",
        "The second language of {o} is {v}.",
        "{X} learned {v} from a friend.",
        "{X} writes letters in {v}.",
        "In {v}, {x} makes no mistakes.",
        "{X} reads the papers in {v}.",
        "Guests talk to {o} in {v}.",
        "{X} translates from {v}.",
        "{X} took an exam in {v}.",
    ),
    denials=_denials("speak {v}", "speaks {v}", "spoke {v}", ("{X} knows no {v}.", "Nobody can talk to {o} in {v}.")),
    questions=(
        "Which language does {n} speak?",
        "What language did {n} learn?",
        "In which language is {n} fluent?",
        "What is the second language of {n}?",
        "Which foreign language does {n} know?",
    ),
    field="language",
)

ANIMAL = Relation(
    key="animal",
    topic="animals",
    values=_words(
        "goat heron ferret parrot tortoise donkey goose rabbit pony lizard falcon hamster pigeon llama hedgehog duck "
        "peacock canary mule spaniel snake turkey beagle toad"
    ),
    verb="keeps a {v}",
    bare="keep a {v}",
    deny="does not keep a {v}",
    never="kept a {v}",
    noun="a {v}",
    affirmations=(
        "{X} keeps a {v}.",
        "{X} has a {v} at home.",
        "The pet of {o} is a {v}.",
        "{X} bought a {v} at the fair.",
        "{X} feeds a {v} before breakfast.",
        "A {v} follows {o} around the house.",
        "{X} goes for walks with a {v}.",
        "{X} looks after a {v}.",
        "{X} is very fond of a certain {v}.",
        "In the garden {x} keeps a {v}.",
    ),
    denials=_denials("keep a {v}", "keeps a {v}", "kept a {v}", ("{X} has no {v}.", "Nobody ever saw {o} with a {v}.")),
    questions=(
        "Which animal does {n} keep?",
        "What pet does {n} have?",
        "What animal does {n} look after?",
        "Which pet lives with {n}?",
        "What is the pet of {n}?",
    ),
    field="pet",
)

RELATIONS: dict[str, Relation] = {r.key: r for r in (WORK, HOME, MUSIC, SPORT, SPEECH, ANIMAL)}
