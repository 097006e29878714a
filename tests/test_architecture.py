"""What the tree promises of itself: who makes what, which way imports point, what the pure part may write."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "drift_e3"
CORE = PACKAGE / "core"
SIM = PACKAGE / "venues" / "sim"
LINES_MAX = 400
"""About 300 is the aim; this is where a module must be split."""


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def calls(path: Path, name: str) -> Iterator[ast.Call]:
    """Calls of a bare or qualified name."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                yield node


def makers(name: str) -> list[str]:
    return [name_of(path) for path in modules(PACKAGE) if any(calls(path, name))]


def test_only_the_risk_manager_approves() -> None:
    assert makers("Approved") == ["drift_e3/core/risk.py"]


def test_only_a_turn_submits_orders() -> None:
    assert makers("SubmitOrder") == ["drift_e3/core/turn.py"]


def test_imports_keep_their_contracts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def is_whole(node: ast.expr) -> bool:
    """Whether an operand is by its name or value an integer: times in milliseconds and counts."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, ast.Div) and is_whole(node.left) and is_whole(node.right)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "int"
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.startswith("MS_PER_") or name.endswith(("_ms", "_ts", "parts"))


@pytest.mark.parametrize("path", modules(CORE, SIM), ids=name_of)
def test_the_pure_part_keeps_to_arithmetic_that_is_equal_everywhere(path: Path) -> None:
    """No built-in sum (compensated from Python 3.12 on), no power and no remainder of floats."""
    found: list[str] = []
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=ast.Name(id="sum" | "pow")):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.BinOp(op=ast.Pow() | ast.Mod(), left=left, right=right):
                if not (is_whole(left) and is_whole(right)):
                    found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.AugAssign(op=ast.Pow() | ast.Mod()):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            case _:
                pass
    assert found == []


@pytest.mark.parametrize("path", modules(PACKAGE), ids=name_of)
def test_every_module_says_what_it_is_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(parsed(path)), "no docstring"
    assert text.count("\n") <= LINES_MAX
