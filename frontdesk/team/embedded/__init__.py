"""The embedded dialogue model: what decides and answers when there is no language model."""

from frontdesk.team.embedded.embedder import Embedder, MissingModel
from frontdesk.team.embedded.hints import AgentHints, hints_for
from frontdesk.team.embedded.model import EmbeddedModel, warm_up

__all__ = ["AgentHints", "EmbeddedModel", "Embedder", "MissingModel", "hints_for", "warm_up"]
