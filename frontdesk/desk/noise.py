"""What is done about noise and echo in the caller's sound."""

from typing import Literal

from pydantic import Field

from frontdesk.desk.section import Section

EchoRule = Literal["auto", "on", "off"]


class NoiseReduction(Section):
    """Steady noise is taken out of what the caller says, before it is listened to."""

    type: Literal["near_field", "far_field"] = Field(
        default="near_field",
        description="Where the microphone is: at the mouth (headset, telephone), or far from it "
        "(laptop, speakerphone), where quiet voices are made louder, too.",
    )
    strength: float = Field(default=1.0, ge=0, le=1, description="0: nothing; 1: all that helps.")
