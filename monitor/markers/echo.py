"""Whether a broker passes on what it takes: MQTT 3.1.1 does not say so if its rights forbid it.

mosquitto grants every subscription and acknowledges every message, whatever its list of rights
says, and then drops it. So who listens says something to himself, as he asks senders, and hears it
or not.
"""

from __future__ import annotations

from monitor.mqtt.address import Address

WAIT_S = 3.0
"""After which what was said will not be heard any more."""


def topic(prefix: str, identifier: str) -> str:
    """Return where somebody talks to himself: a sender's topic of questions, with no sender."""
    return f"{prefix}/{identifier}/{identifier}/{identifier}/ask"


def not_heard(where: Address, prefix: str) -> str:
    """Return a sentence about a broker that passes nothing on, with what to do after a ``;``."""
    who = "without a name" if where.user is None else f"user {where.user!r}"
    return (
        f"the broker at {where} takes what we say ({who}) and does not pass it on, as its list of"
        f" rights (ACL) may forbid; let us read {prefix}/# and write {prefix}/+/+/+/ask, or correct"
        " the prefix"
    )
