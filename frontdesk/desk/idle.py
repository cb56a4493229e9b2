"""What becomes of a caller who says nothing."""

from pydantic import Field

from frontdesk.desk.section import Duration, Section


class Idle(Section):
    """The caller is asked whether they are there, and after some times in vain the call ends."""

    after: Duration = Field(
        default=8.0,
        ge=5,
        le=30,
        description="Silence that is too long, from the end of what the agent said, as the caller "
        "hears it; idle_timeout_ms of the session stands in for it.",
    )
    say: str | None = Field(
        default=None, min_length=1, description="Said then. Default: lines.silence."
    )
    times: int = Field(
        default=2, ge=1, le=20, description="How often it is said before the goodbye."
    )
    goodbye: str = Field(
        default="I can't hear anybody, so I'll end our call here. Goodbye.",
        min_length=1,
        description="Said after the next such silence; then the call ends.",
    )
