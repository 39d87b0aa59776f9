"""What is read next in a mailbox: order within a thread, urgency between threads, retries, leases, expiry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_lsp.core.mailbox import (
    FIRST_PAUSE,
    MAX_ATTEMPTS,
    URGENCIES,
    Letter,
    Step,
    after_refusal,
    buried,
    envelope_problems,
    envelope_text,
    hand_out,
    letter_of,
    next_change,
    next_letters,
    released,
    sweep,
)

NOW = 100.0
MARKS = {
    "!": {"priority": "critical"},
    "^": {"priority": "high"},
    "_": {"priority": "low"},
    "*": {"leased_until": NOW + 10, "attempts": 1},
    "?": {"leased_until": NOW - 1, "attempts": 1},
    "~": {"not_before": NOW + 5, "attempts": 1, "failures": 1},
    "x": {"expires_at": NOW - 1, "timeout": 30.0},
}
"""After a letter's name: its priority; `*` somebody has it, `?` its reader is lost, `~` it pauses, `x` it
has expired."""


def box(words: str) -> list[Letter]:
    """`a1 a2! b1*`: three letters as they were published, two of thread a and one of thread b."""
    letters: list[Letter] = []
    for seq, word in enumerate(words.split()):
        letter = Letter(word[:2], seq, word[0])
        for mark in word[2:]:
            letter = replace(letter, **MARKS[mark])
        letters.append(letter)
    return letters


def ids(letters: Iterable[Letter]) -> str:
    return " ".join(letter.message_id for letter in letters)


# --- what is read next -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "read"),
    [
        ("", ""),
        ("a1 b1 a2 c1", "a1 b1 a2 c1"),
        # between threads: urgency, then age
        ("a1_ b1 c1! d1^", "c1 d1 b1 a1"),
        ("a1 b1 c1!", "c1 a1 b1"),
        # an urgent letter takes what stands before it in its thread along, and nothing behind it
        ("b1^ a1_ a2_ a3! a4_ c1^", "a1 a2 a3 b1 c1 a4"),
        # somebody has the head of the thread, or it pauses: the thread waits, urgent or not
        ("a1* a2! b1", "b1"),
        ("a1~ a2! b1", "b1"),
        ("a1 a2~ a3! b1^", "a1 b1"),
        # a reader that is lost holds up nobody
        ("a1? a2 b1", "a1 a2 b1"),
    ],
)
def test_next(waiting: str, read: str) -> None:
    assert ids(next_letters(box(waiting), NOW, 20)) == read


def test_no_more_than_asked_for() -> None:
    assert ids(next_letters(box("a1 a2 b1 b2"), NOW, 3)) == "a1 a2 b1"
    assert ids(next_letters(box("a1"), NOW, 0)) == ""


def test_when_to_look_again() -> None:
    assert next_change(box("a1 b1"), NOW) is None
    assert next_change(box("a1* b1~ c1?"), NOW) == NOW + 5


# --- what becomes of a letter ------------------------------------------------------------------------


def shown(step: Step) -> str:
    """Handed; changed, with failures; dead."""
    changed = " ".join(f"{x.message_id}:{x.failures}" for x in step.changed)
    dead = " ".join(letter.message_id for letter, _ in step.dead)
    return f"{ids(step.handed)} | {changed} | {dead}"


@pytest.mark.parametrize(
    ("letters", "what"),
    [
        ("a1 b1", "a1 b1 |  | "),
        ("a1? a2? b1", "a1 a2 b1 |  | "),
        ("a1x a2 b1x", "a2 |  | a1 b1"),
        ("a1*x a2 b1", "b1 |  | "),  # it was read in time
        ("a1?x a2?", "a2 |  | a1"),
    ],
)
def test_handing_out(letters: str, what: str) -> None:
    step = hand_out(box(letters), NOW, 20, lease=60.0)
    assert shown(step) == what
    assert {letter.leased_until for letter in step.handed} <= {NOW + 60.0}


def test_what_is_lost_with_its_reader_counts_for_the_first_of_each_thread_only() -> None:
    assert shown(sweep(box("a1? a2? b1? b2?"), NOW)) == " | a1:1 a2:0 b1:1 b2:0 | "
    assert shown(hand_out(box("a1? a2? b1?"), NOW, 1, 60.0)) == "a1 | a2:0 b1:1 | "


@pytest.mark.parametrize(
    ("letters", "refused", "what"),
    [
        ("a1* a2* a3* b1*", "a2", " | a2:1 a3:0 | "),
        ("a1* b1*", "a1", " | a1:1 | "),
        ("a1 b1*", "a1", " |  | "),  # nobody has it
        ("a1*", "z9", " |  | "),
    ],
)
def test_refusing(letters: str, refused: str, what: str) -> None:
    assert shown(after_refusal(box(letters), refused, "busy", NOW)) == what


def test_pauses_grow_until_the_letter_is_dead() -> None:
    letter, pauses, why = box("a1*")[0], [], ""
    while not why:
        step = after_refusal([letter], "a1", "busy \ud800", NOW)
        pauses += [x.not_before - NOW for x in step.changed]
        letter = next((replace(x, leased_until=NOW + 10) for x in step.changed), letter)
        why = "".join(reason for _, reason in step.dead)
    assert pauses == [FIRST_PAUSE * 2**n for n in range(MAX_ATTEMPTS - 1)]
    assert why == "given up after 5 attempts; the last was refused: busy ?"


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ("a1x", "nobody read it within 30 s"),
        ("a1x~", "nobody was done with it within 30 s"),
    ],
)
def test_expired(letter: str, why: str) -> None:
    assert [reason for _, reason in sweep(box(letter), NOW).dead] == [why]


def test_lost_too_often() -> None:
    often = replace(box("a1?")[0], failures=MAX_ATTEMPTS - 1)
    step = hand_out([often, *box("a1 a2")[1:]], NOW, 20, 60.0)
    assert shown(step) == "a2 |  | a1"
    assert step.dead[0][1] == "given up after 5 attempts; the last reader did not say why"


def test_burying_takes_all_and_releasing_costs_nothing() -> None:
    assert shown(buried(box("a1* b1~ c1"), "over")) == " |  | a1 b1 c1"
    assert shown(released(box("a1* b1~ c1"))) == " | a1:0 | "


# --- messages ----------------------------------------------------------------------------------------

MESSAGE = {
    "message_id": "m1",
    "timestamp": "1970-01-01T00:01:40Z",
    "from": {"agent_id": "ada"},
    "to": {"agent_id": "bob"},
    "message_type": "question",
    "payload": {},
    "conversation_thread": "t",
}
RESPONSE = {
    "message_id": "m2",
    "timestamp": "1970-01-01T00:01:40Z",
    "response_to": "m1",
    "from": {"agent_id": "bob"},
    "status": "completed",
    "execution_time_seconds": 1,
    "payload": {"task_result": {"summary": "did it"}},
    "conversation_thread": "t",
    "priority": "whatever",
}


def test_the_letter_of_a_message() -> None:
    urgent = letter_of({**MESSAGE, "priority": "critical", "timeout_seconds": 30}, 7)
    assert urgent == Letter("m1", 7, "t", "critical", expires_at=130.0, timeout=30)
    assert letter_of(RESPONSE, 8) == Letter("m2", 8, "t")


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (MESSAGE, ""),
        (RESPONSE, ""),
        ({**MESSAGE, "message_type": "gossip"}, "message_type: there is no type 'gossip'"),
        ({**RESPONSE, "response_to": None}, "message_type: the field is missing"),
        ({**MESSAGE, "payload": {"x": float("nan")}}, "message: it is not JSON"),
        ({**MESSAGE, "payload": {"x": {1}}}, "message: it is not JSON"),
    ],
)
def test_only_messages_are_taken(message: dict[str, object], wrong: str) -> None:
    if not wrong:
        assert envelope_problems(envelope_text(message)) == []
        return
    with pytest.raises(ValueError, match=wrong):
        envelope_text(message)


# --- properties --------------------------------------------------------------------------------------


@dataclass
class Mailbox:
    """A mailbox through its life, and what its readers did."""

    letters: dict[str, Letter] = field(default_factory=dict)
    now: float = 0.0
    seq: int = 0
    done: list[Letter] = field(default_factory=list)
    dead: list[Letter] = field(default_factory=list)

    def apply(self, step: Step) -> None:
        self.letters |= {letter.message_id: letter for letter in step.kept}
        for letter, _ in step.dead:
            self.dead.append(self.letters.pop(letter.message_id))
            is_late = letter.expires_at is not None and letter.expires_at <= self.now
            assert is_late or letter.failures >= MAX_ATTEMPTS - 1

    def publish(self, thread: str, priority: str, timeout: float | None) -> None:
        self.seq += 1
        expires = None if timeout is None else self.now + timeout
        letter = Letter(f"m{self.seq}", self.seq, thread, priority, expires_at=expires, timeout=timeout)
        self.letters[letter.message_id] = letter

    def receive(self, limit: int) -> tuple[Letter, ...]:
        before = dict(self.letters)
        step = hand_out(list(before.values()), self.now, limit, lease=20.0)
        self.apply(step)
        self.check(before, step, limit)
        return step.handed

    def check(self, before: dict[str, Letter], step: Step, limit: int) -> None:
        alive = [before[i] for i in self.letters]
        is_free = {x.message_id: x.leased_until <= self.now and x.not_before <= self.now for x in alive}
        assert all(is_free[letter.message_id] for letter in step.handed)
        for thread in {letter.thread for letter in step.handed}:
            handed = [letter.message_id for letter in step.handed if letter.thread == thread]
            assert handed == [x.message_id for x in alive if x.thread == thread][: len(handed)]
        heads = {x.thread: x for x in reversed(alive)}
        open_threads = {t for t, head in heads.items() if is_free[head.message_id]}
        waiting = {t: min(URGENCIES[x.priority] for x in alive if x.thread == t) for t in open_threads}
        assert len(step.handed) <= limit
        assert bool(step.handed) == bool(waiting)
        if step.handed:
            first = step.handed[0]
            assert (waiting[first.thread], first.seq) == min((waiting[t], heads[t].seq) for t in waiting)
        if len(step.handed) < limit:
            assert hand_out(list(self.letters.values()), self.now, 1, 1.0).handed == ()

    def held(self) -> list[Letter]:
        return [x for x in self.letters.values() if x.leased_until > self.now]

    def acknowledge(self, n: int) -> None:
        if held := self.held():
            self.done.append(self.letters.pop(held[n % len(held)].message_id))

    def refuse(self, n: int) -> None:
        if held := self.held():
            chosen = held[n % len(held)].message_id
            self.apply(after_refusal(list(self.letters.values()), chosen, "no", self.now))
            assert not any(
                x.thread == held[n % len(held)].thread and x.seq > held[n % len(held)].seq
                for x in self.held()
            )


NUMBER = st.integers(0, 9)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("publish"),
            st.sampled_from("abc"),
            st.sampled_from(sorted(URGENCIES)),
            st.sampled_from([None, None, None, 5.0, 40.0]),
        ),
        st.tuples(st.just("receive"), st.integers(1, 4)),
        st.tuples(st.just("acknowledge"), NUMBER),
        st.tuples(st.just("refuse"), NUMBER),
        st.tuples(st.just("wait"), st.sampled_from([0.3, 2.0, 25.0])),
    ),
    max_size=60,
)


def lived(operations: list[tuple[object, ...]]) -> Mailbox:
    mailbox = Mailbox()
    for name, *values in operations:
        if name == "wait":
            mailbox.now += values[0]  # type: ignore[operator]
        else:
            getattr(mailbox, str(name))(*values)
    return mailbox


@given(OPERATIONS)
def test_whatever_happens_threads_stay_in_order_and_urgency_leads(
    operations: list[tuple[object, ...]],
) -> None:
    lived(operations)  # each `receive` checks what it was given


@given(OPERATIONS)
def test_whatever_happened_all_is_read_in_the_end_once_and_in_order(
    operations: list[tuple[object, ...]],
) -> None:
    mailbox = lived(operations)
    mailbox.done.clear()
    for _ in range(200):
        for letter in mailbox.receive(4):
            mailbox.done.append(mailbox.letters.pop(letter.message_id))
        mailbox.now += 5.0
    assert mailbox.letters == {}
    for thread in "abc":
        read = [letter.seq for letter in mailbox.done if letter.thread == thread]
        assert read == sorted(set(read))
