"""How the words of a turn stand: whether more must come, may come, or need not come."""

from enum import Enum


class Wording(Enum):
    """What the words before a pause say about it. The value is their weight, in log odds, for the
    turn being over."""

    OPEN = -3.0
    """Nothing ends so: *and*, *my number is*."""
    SPELLED = -0.9
    """Digits, or a name spelled out: there may be more of them."""
    DOUBTFUL = -0.6
    """There may be more: a comma, *because*."""
    UNKNOWN = 0.0
    BEGUN = 0.6
    """A short answer that often begins a sentence: *yes*, *no*."""
    STATED = 0.8
    """A statement that the transcriber closed."""
    CLOSED = 2.2
    """A whole question, a whole short answer, or a word that ends sentences."""
    NOTHING = 8.0
    """Over the agent's voice, no words, or none but signs of listening: nobody waits for more."""

    @property
    def needs_no_voice(self) -> bool:
        """Whether nothing that the voice says could make the turn end otherwise."""
        return self in (Wording.OPEN, Wording.NOTHING)
