"""Process settings, read from the environment as ``FRONTDESK_*``.

What a *team* is stands in YAML under ``agents/``; what a *process* needs to run stands here.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from frontdesk.region import PATTERN

ModelSet = Literal["auto", "embedded", "openai", "instant"]


class Settings(BaseSettings):
    """Everything a worker process can be told from outside.

    Each field is the environment variable ``FRONTDESK_<FIELD>``. Invalid values raise
    ``pydantic.ValidationError`` naming the field.
    """

    model_config = SettingsConfigDict(env_prefix="FRONTDESK_", extra="ignore")

    desk: Path = Field(default=Path(), description="Folder with agents/, tools/, mcp_servers/.")
    data: Path | None = Field(
        default=None, description="Folder for all that is written; default: <desk>/.frontdesk"
    )
    team: str | None = Field(
        default=None, description="Team a call gets that names none; default: the first."
    )
    overlay: str | None = Field(
        default=None, description="Overlay of the teams: prod takes agents/TEAM.prod.yaml, too."
    )
    reload: bool = Field(
        default=True, description="Take changed files of the desk up for new calls while it runs."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    tls_cert: Path | None = Field(
        default=None, description="Certificate, with its chain, as PEM: serve https and wss."
    )
    tls_key: Path | None = Field(default=None, description="Private key of the certificate, PEM.")
    models: ModelSet = Field(
        default="auto",
        description="Models behind `provider: auto`: OpenAI when OPENAI_API_KEY or OPENAI_BASE_URL "
        "is set, else embedded. `instant` swaps every model for a deterministic one.",
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description="Keys that let clients in, each on a line or behind a comma, with a role "
        "before it (view:KEY) or without, for all. Needed on any address but this machine's "
        "own; `frontdesk key` makes one.",
    )
    api_keys_file: Path | None = Field(default=None, description="A file with more such keys.")
    api_key: SecretStr | None = Field(
        default=None, description="The key our own commands call with; default: one of the above."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="A Redis or Valkey; default: an embedded Valkey. redis://user:password@host/0, "
        "rediss:// with TLS, unix:///path, redis+sentinel://host1,host2/service, "
        "redis+cluster://host1,host2.",
    )
    redis_ca: Path | None = Field(
        default=None, description="Certificates that the Redis's own is checked by, PEM."
    )
    redis_cert: Path | None = Field(
        default=None, description="Certificate that this worker shows to the Redis, PEM."
    )
    redis_key: Path | None = Field(
        default=None, description="Private key of that certificate, PEM."
    )
    encryption_keys: SecretStr | None = Field(
        default=None,
        description="Fernet keys that encrypt what is kept of calls, the newest first, each "
        "on a line or behind a comma; `frontdesk key --encryption` makes one.",
    )
    encryption_keys_file: Path | None = Field(
        default=None, description="A file with more such keys, behind those."
    )
    region: str | None = Field(
        default=None,
        pattern=f"^{PATTERN}$",
        description="Where this worker is, as eu-west: calls that are opened here stay here, and "
        "workers elsewhere refuse them.",
    )
    worker: str | None = Field(default=None, description="Name of this worker; default: generated.")
    trace_content: bool = Field(
        default=True, description="Keep transcripts, messages and tool data in traces."
    )
    trace_audio: bool = Field(default=True, description="Keep caller and agent audio with traces.")
    traces_days: float = Field(
        default=30,
        ge=0,
        description="How many days after its end a call is kept in traces, with its sound; 0: "
        "until it is erased.",
    )
    traces_gb: float = Field(
        default=10,
        ge=0,
        description="How many GiB traces and their sound may take: the oldest calls go first; 0: "
        "as many as there are.",
    )
    traces_url: SecretStr | None = Field(
        default=None,
        description="A ClickHouse for traces, when one file is outgrown; default: SQLite in the "
        "data folder. clickhouse://user:password@host:8123/database, clickhouses:// with TLS.",
    )
    max_call_seconds: int = Field(
        default=3600,
        ge=0,
        description="Longest a connection may last before it ends with `session_expired`; 0: "
        "without end.",
    )
    drain_seconds: int = Field(
        default=60,
        ge=0,
        description="Within how many seconds of SIGTERM or Ctrl-C the server is gone, 8 at least. "
        "Until 8 s before that, calls are handed over at a pause; then as they are.",
    )
    resume_seconds: float = Field(
        default=20.0,
        ge=0,
        description="How long a call is kept for a client whose connection broke; 0: not at all.",
    )
    openai_traces: bool = Field(
        default=False, description="Also send the SDK's traces to OpenAI's own dashboard."
    )

    @property
    def data_dir(self) -> Path:
        """The one folder that Frontdesk writes to."""
        return (self.data or self.desk / ".frontdesk").resolve()
