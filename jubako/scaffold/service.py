"""The line of a new model in ``bentos/service.py``, put where a person would put it."""

from __future__ import annotations

import ast


def with_model(text: str, name: str, model_class: str) -> str:
    """The service's source with one import and one line more. Equal to ``text`` when the model is there already.

    >>> imports = "from bentos.a.model import A\\nfrom jubako import model, service\\n"
    >>> before = f"{imports}\\n@service\\nclass Shop:\\n    a = model(A)\\n"
    >>> print(with_model(before, "wine", "WineModel"))
    from bentos.a.model import A
    from bentos.wine.model import WineModel
    from jubako import model, service
    <BLANKLINE>
    @service
    class Shop:
        a = model(A)
        wine = model(WineModel)
    <BLANKLINE>
    """
    tree = ast.parse(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    composed = next((node for node in classes if any(map(_is_service, node.decorator_list))), None)
    if composed is None:
        raise ValueError("there is no class decorated with @service in it")
    if any(name in _targets(node) for node in composed.body):
        return text
    lines = text.splitlines()
    place, spaced = _after_last_model(composed)
    line = f"{' ' * (composed.col_offset + 4)}{name} = model({model_class})"
    lines[place:place] = ["", line] if spaced else [line]
    wanted = f"from bentos.{name}.model import {model_class}"
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    after = [node for node in imports if (node.module or "") > f"bentos.{name}.model"]
    lines.insert((after[0].lineno - 1) if after else imports[-1].end_lineno or 0 if imports else 0, wanted)
    return "\n".join(lines) + "\n"


def _is_service(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id == "service"


def _targets(node: ast.stmt) -> list[str]:
    return [each.id for each in node.targets if isinstance(each, ast.Name)] if isinstance(node, ast.Assign) else []


def _after_last_model(composed: ast.ClassDef) -> tuple[int, bool]:
    """After which line, and whether a blank one goes before."""
    models = [
        node for node in composed.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name) and node.value.func.id == "model"
    ]  # fmt: skip
    if models:
        return models[-1].end_lineno or 0, False
    first = composed.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return ((first.end_lineno or 0), True) if is_docstring else (composed.body[0].lineno - 1, False)
