"""The roots that this process holds for one purpose, and which of them wraps new keys. The key database says which."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from adapters.keys.errors import RootKeyDestroyed, RootKeyNotHeld, RootKeySucceeded, RootKeyWrong
from adapters.keys.root_book import RootBook, RootRow, RootState
from adapters.keys.wrapping import CHECK_VALUE, check_context
from domain.errors import SealBroken
from domain.ports.keys import RootKey

MAIN: Final = "main"
NOTES: Final = "notes"


class Roots:
    """Several generations side by side: while one is replaced, keys hang from both.

    A held generation that the key database doesn't know is a successor that waits for its turn.
    """

    def __init__(self, book: RootBook, deployment: UUID, purpose: str, held: Sequence[RootKey]) -> None:
        if not held:
            raise ValueError("a process holds at least one root")
        self._book = book
        self._deployment = deployment
        self._purpose = purpose
        self._held = {root.generation: root for root in held}
        self._first = held[0]
        self._current: RootKey | None = None

    @property
    def generations(self) -> frozenset[str]:
        return frozenset(self._held)

    def enrol(self, now_us: Callable[[], int]) -> None:
        """Remember the first root of a new key database; refuse strangers afterwards.

        Raises RootKeyWrong, RootKeySucceeded, RootKeyDestroyed, KeysUnavailable.
        """
        known = self._book.enrol(self.row_of(self._first, now_us()))
        for row in known:
            if row.generation in self._held:
                self._recognise(row)
        wraps = self._choose(known)
        if wraps is None:
            ours = any(row.generation in self._held for row in known)
            raise (RootKeySucceeded if ours else RootKeyWrong)(root=self._purpose)
        self._current = wraps

    def current(self) -> RootKey:
        """The one that wraps new keys. Raises RootKeyNotHeld, KeysUnavailable."""
        if self._current is None:
            self._current = self._choose(self._book.all(self._purpose))
        if self._current is None:
            raise RootKeyNotHeld(root=self._purpose)
        return self._current

    def look_again(self) -> None:
        """Another may have taken over."""
        self._current = None

    def named(self, generation: str) -> RootKey:
        """The one that wrapped a key. Raises RootKeyNotHeld, and SealBroken for what is no root of this purpose."""
        held = self._held.get(generation)
        if held is not None:
            return held
        if any(row.generation == generation for row in self._book.all(self._purpose)):
            raise RootKeyNotHeld(root=self._purpose, generation=generation)
        raise SealBroken

    def row_of(self, root: RootKey, now_us: int) -> RootRow:
        """How a generation is stored when it begins. Raises KeysUnavailable."""
        context = check_context(self._deployment, self._purpose, root.generation)
        return RootRow(
            generation=root.generation,
            purpose=self._purpose,
            check_value=root.wrap(CHECK_VALUE, context),
            created_at_us=now_us,
        )

    def _choose(self, known: Sequence[RootRow]) -> RootKey | None:
        names = [row.generation for row in known if row.state is RootState.CURRENT]
        return self._held.get(names[0]) if len(names) == 1 else None

    def _recognise(self, row: RootRow) -> None:
        if row.state is RootState.DESTROYED:
            raise RootKeyDestroyed(root=self._purpose, generation=row.generation)
        if not recognises(self._held[row.generation], row, self._deployment):
            raise RootKeyWrong(root=self._purpose)


def recognises(root: RootKey, row: RootRow, deployment: UUID) -> bool:
    """Whether it is the root that the row was made with. Raises KeysUnavailable."""
    try:
        return root.unwrap(row.check_value, check_context(deployment, row.purpose, row.generation)) == CHECK_VALUE
    except SealBroken:
        return False
