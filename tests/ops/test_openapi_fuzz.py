"""The API against its own document, fuzzed by a tool that knows neither us nor our tests."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.ops.served import served

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
EXAMPLES = 25

pytestmark = pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="`make optional` has not been run")


@pytest.mark.slow
@pytest.mark.parametrize("checks", ["not_a_server_error,status_code_conformance,response_schema_conformance"])
async def test_the_api_keeps_to_its_document(tmp_path: Path, checks: str) -> None:
    async with served(tmp_path) as one:
        # Neither a stream, which has no end, nor readiness, for which 503 is an answer.
        process = await asyncio.create_subprocess_exec(
            SCHEMATHESIS, "run", f"http://127.0.0.1:{one.server.port}/api/openapi.json",
            "--exclude-path", "/api/stream", "--exclude-path", "/readyz",
            "--checks", checks, "--max-examples", str(EXAMPLES), "--seed", "7",
            "--phases", "examples,fuzzing",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
