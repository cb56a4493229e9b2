"""Resume tokens: whoever shows one is the caller of its call.

A token must be good although nothing of it is on record: the store may be away as it is sent, and
its worker dead before that is back. So it is signed, with a key that is on record from the call's
first token on, and its client is told of it. ``<call id>.<chain>.<epoch>.<n>.<HMAC-SHA256>``: a
chain is one line of tokens, each given for the one before; its number rises in it, over lost
records too. What is on record of a chain is the newest token that was shown.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace

from frontdesk.call.book import CallBook
from frontdesk.state.entries import CallState
from frontdesk.state.events import START, Number

_FORM = re.compile(
    r"([A-Za-z0-9_-]{1,128})\.([0-9a-f]{12})\.([0-9]{1,15})\.([0-9]{1,15})\.([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """One as it was shown, be it good or not; ``str`` gives its text."""

    call_id: str
    chain: str
    number: Number
    signature: str = ""

    @classmethod
    def read(cls, text: str) -> "ResumeToken | None":
        """None when it is no resume token."""
        if (found := _FORM.fullmatch(text)) is None:
            return None
        call_id, chain, epoch, n, signature = found.groups()
        return cls(call_id, chain, (int(epoch), int(n)), signature)

    def __str__(self) -> str:
        return f"{self._signed}.{self.signature}"

    @property
    def _signed(self) -> str:
        epoch, n = self.number
        return f"{self.call_id}.{self.chain}.{epoch}.{n}"

    def signature_by(self, key: str) -> str:
        """What it is signed with, by a call's ``key`` (hexadecimal)."""
        return hmac.new(bytes.fromhex(key), self._signed.encode(), hashlib.sha256).hexdigest()

    def opens(self, state: CallState) -> bool:
        """Whether it is good for this call: signed by it, and none after it in its chain was
        shown, as far as that is on record."""
        if self.call_id != state.call_id or not state.resume_key:
            return False
        signed = hmac.compare_digest(self.signature, self.signature_by(state.resume_key))
        return signed and [*self.number] >= state.resume_shown.get(self.chain, state.resume_least)


def issue(book: CallBook, shown: ResumeToken | None) -> ResumeToken:
    """A new token. ``shown`` is the one that the client came back with: that one stays good until
    the new one is shown, as the answer that carries this may be lost."""
    if not book.state.resume_key:
        book.record("resume.key", key=secrets.token_hex(16))
    chain, last = secrets.token_hex(6), START
    if shown is not None:
        chain, last = shown.chain, shown.number
        book.record("resume", chain=chain, number=[*last])
    # Above all of its chain: epochs rise over lost records, entries are counted in each. A store
    # that lost a claim may give an epoch again.
    number = max((book.epoch, book.state.seq), (last[0], last[1] + 1))
    token = ResumeToken(book.state.call_id, chain, number)
    return replace(token, signature=token.signature_by(book.state.resume_key))
