"""Replace an attribute for a while, as a shell or another library needs it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """Give an object's own attribute another value, and afterwards the one that it had.

    Of a class it is what the class itself holds, so that a class method comes back as one.
    """
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
