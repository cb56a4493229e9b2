"""What people say on any call that is no request: greetings, thanks, yes and no.

Without classes of their own such lines land on whatever tool is nearest (measured up to 0.5).
A fixed answer of the team file whose examples belong to a class takes that class over.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SmallTalk:
    """One kind of small talk: how people say it, and the reply when the team file has none.

    ``reply`` None means that the reply is worked out (say it again, what can you do).
    """

    name: str
    examples: tuple[str, ...]
    reply: str | None


CLASSES = (
    SmallTalk(
        "greeting",
        ("Hello", "Hi", "Hi there", "Hey", "Good morning", "Good afternoon", "Good evening"),
        "Hello. How can I help?",
    ),
    SmallTalk(
        "wellbeing",
        ("How are you?", "How are you doing today?"),
        "I'm well, thank you. How can I help?",
    ),
    SmallTalk(
        "hearing",
        ("Can you hear me?", "Hello, are you there?", "Is anybody there?"),
        "Yes, I can hear you. How can I help?",
    ),
    SmallTalk(
        "thanks",
        (
            "Thank you",
            "Thank you very much",
            "Thanks",
            "Thanks a lot, that's great",
            "Thank you very much for your help",
            "Great, cheers",
            "Perfect, thank you",
        ),
        "You're welcome.",
    ),
    SmallTalk(
        "goodbye",
        (
            "Goodbye",
            "Bye",
            "Bye bye",
            "That's all, goodbye",
            "Thanks, bye",
            "Have a nice day",
            "See you",
        ),
        "Goodbye.",
    ),
    SmallTalk(
        "agreement",
        ("Yes", "Yes please", "Okay", "All right", "Sure", "Good", "I see", "That's right"),
        "All right. What can I do for you?",
    ),
    SmallTalk(
        "refusal",
        ("No", "No thanks", "No, that's everything", "Nothing else", "That's all"),
        "All right. Just say if there is anything else.",
    ),
    SmallTalk(
        "never mind",
        ("Never mind", "Forget it", "Leave it", "It doesn't matter", "Forget what I said"),
        "All right, never mind. Is there anything else?",
    ),
    SmallTalk(
        "again",
        (
            "Can you repeat that?",
            "What did you say?",
            "Say that again please",
            "Pardon?",
            "Sorry, what?",
        ),
        None,
    ),
    SmallTalk(
        "wait",
        ("One moment", "Hold on a second", "Wait a minute", "Just a moment please"),
        "Take your time.",
    ),
    SmallTalk(
        "abilities",
        ("What can you do?", "How can you help me?", "What can I ask you?", "Help"),
        None,
    ),
)
