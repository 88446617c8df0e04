"""An attribute that is replaced for a while, and is afterwards what it was."""

from contextlib import suppress

from headrace.core.attributes import replaced


class Reader:
    """A class whose method is replaced."""

    @classmethod
    def name(cls) -> str:
        return cls.__name__


def test_a_class_method_is_a_class_method_again_even_after_an_error() -> None:
    class Kind(Reader):
        pass

    with suppress(ValueError), replaced(Reader, "name", lambda: "other"):
        assert Reader.name() == "other"
        raise ValueError
    assert Kind.name() == "Kind"
