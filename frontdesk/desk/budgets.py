"""How long a caller may be left waiting, and for what."""

from pydantic import Field

from frontdesk.desk.section import Duration, Section


class Budgets(Section):
    """When each is used up, the caller hears something, and the trace says why it took so long."""

    silence: Duration = Field(
        default=4.0,
        gt=0,
        description="Longest silence while an answer is made; then lines.slow is said, and again "
        "after twice as long.",
    )
    words: Duration = Field(
        default=8.0, gt=0, description="Longest wait for the words of the caller's speech."
    )
    speech: Duration = Field(
        default=4.0,
        gt=0,
        description="Longest wait for the first sound of a clause, before it is tried again.",
    )
    summary: Duration = Field(
        default=2.5,
        gt=0,
        description="Longest wait for a handoff's summary, before one without a model does.",
    )
