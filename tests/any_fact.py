"""Facts of every kind with anything in them, for property tests."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from nexus_lsp.core import facts as f

F = TypeVar("F")

_JSON = st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text()))
_MESSAGE = st.fixed_dictionaries(
    {
        "message_id": st.text(),
        "from": st.fixed_dictionaries({"agent_id": st.text()}),
        "message_type": st.text(),
        "payload": st.fixed_dictionaries({"text": st.text()}),
    }
)
_NAMES = st.lists(st.text()).map(tuple)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)

st.register_type_strategy(float, _FINITE)
st.register_type_strategy(f.MessageSent, st.builds(f.MessageSent, message=_MESSAGE, recipients=_NAMES))
st.register_type_strategy(
    f.TaskSubmitted, st.builds(f.TaskSubmitted, reasons=st.just(()), response=st.one_of(st.none(), _JSON))
)


def any_fact(kind: type[F]) -> st.SearchStrategy[F]:
    """Facts of one kind; JSON can hold every number in them."""
    return st.from_type(kind)
