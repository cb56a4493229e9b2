"""ClickHouse's engine as a process, for tests: see ``clickhouse_engine.py``."""

import os
import secrets
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("FRONTDESK_CHDB", ROOT / ".venv-clickhouse/bin/python"))
"""One that has chdb: half a gigabyte, so not among what tests need."""
IS_HERE = PYTHON.exists()


class ClickHouse:
    """May be stopped and started again with what it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        script = ROOT / "tests/clickhouse_engine.py"
        self._process = subprocess.Popen(
            [PYTHON, script, self._folder, str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def new_database(self) -> str:
        """The address of one that does not exist yet."""
        user = "tester:a%20secret%3A%20%2F%40%3F"
        return f"clickhouse://{user}@127.0.0.1:{self.port}/desk_{secrets.token_hex(4)}"
