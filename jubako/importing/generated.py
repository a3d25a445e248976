"""The files of an imported model, as code that a person would have written and goes on editing.

Every list ends with a comma, so that ruff's formatter leaves it as it is.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jubako.card import Gate
from jubako.importing.artefact import Task
from jubako.importing.fields import Field, field_name
from jubako.importing.literals import LINE, assignment, sequence, text
from jubako.importing.model import Activation
from jubako.importing.refused import ImportRefused


@dataclass(frozen=True)
class Plan:
    """All that the files say."""

    name: str
    source: str
    title: str
    framework: str
    task: Task
    fields: tuple[Field, ...]
    answer: str
    classes: tuple[str, ...]
    gate: Gate
    units: Mapping[str, str]
    examples: Sequence[Mapping[str, Any]]
    answers: tuple[float, float] = (0.0, 1.0)
    """Between which numbers a regression's answers are expected."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the truth column holds -> class."""
    data: str | None = None
    truth: str | None = None
    activation: Activation | None = None
    allow_pyfunc: bool = False
    in_thread: bool = False
    """Whether to keep it from the event loop: True for what takes longer than microseconds."""

    @property
    def camel(self) -> str:
        """
        >>> Plan("red_wine", "", "", "", "binary", (), "", (), Gate("auc", 0.5, 0), {}, ()).camel
        'RedWine'
        """
        return "".join(word.capitalize() for word in self.name.split("_"))


def checked_name(name: str) -> str:
    if not (name.isidentifier() and name.isascii() and name.islower()) or keyword.iskeyword(name):
        raise ImportRefused(f"a model's name is lower-case letters, digits and _, not {name!r}")
    return name


def answer_name(truth: str | None, columns: Sequence[str]) -> str | None:
    """The answer is called as the truth column, where that is free."""
    name = field_name(truth) if truth else None
    return None if name in (*columns, "probability", "probabilities", "confidence") else name


def card(plan: Plan) -> str:
    camel, has_classes = plan.camel, bool(plan.classes)
    annotated = any(_described(plan, each) for each in plan.fields)
    used = {"Annotated": annotated, "Literal": has_classes or _has_categories(plan)}
    typing = [name for name, is_used in used.items() if is_used]
    lines = [
        *_docstring(f"{plan.title}.", plan, "Ranges and categories are what its rows showed: edit them."),
        "",
        "from __future__ import annotations",
        "",
        *([f"from typing import {', '.join(typing)}", ""] if typing else []),
        *(["from pydantic import Field", ""] if annotated else []),
        "from jubako.card import Batching, Card, Gate, Prediction, Row, Signal",
        "",
    ]
    if has_classes:
        lines += [
            *assignment("Label", "Literal", plan.classes, "[", "]"),
            *assignment("LABELS: tuple[Label, ...]", "", plan.classes, "(", ")"),
            "",
        ]
    lines += ["", f"class {camel}Row(Row):", *(line for each in plan.fields for line in _field(plan, each)), "", ""]
    lines += [
        f"class {camel}Prediction(Prediction):",
        *(f"    {name}: {kind}" for name, kind in _answers(plan)),
        "",
        "",
    ]
    lines += [
        "CARD = Card(",
        f"    name={text(plan.name)},",
        f"    title={text(plan.title)},",
        f"    framework={text(plan.framework)},",
        f"    task={text(plan.task)},",
        f"    row={camel}Row,",
        f"    prediction={camel}Prediction,",
        "    outputs=LABELS," if plan.task == "multiclass" else f"    outputs=({text(_answers(plan)[-1][0])},),",
        *(["    classes=LABELS,"] if has_classes else []),
        f"    gate={_gate(plan.gate)},",
        "    batching=Batching(max_rows=1024),",
        "    signals=(",
        *(line for each in plan.fields for line in _signal(each)),
        "    ),",
        "    answer_signals=(",
        *_answer_signals(plan),
        "    ),",
        "    examples=(",
        *(line for row in plan.examples for line in _example(row)),
        "    ),",
        ")",
    ]
    return "\n".join(lines) + "\n"


def model(plan: Plan) -> str:
    camel = plan.camel
    renamed = {each.name: each.original for each in plan.fields if each.name != each.original}
    lines = [
        *_docstring(f"{plan.name}, made with {plan.framework}; served as ONNX where that answers the same.", plan),
        "",
        "from __future__ import annotations",
        "",
        *(["from collections.abc import Mapping"] if renamed else []),
        "from typing import ClassVar",
        "",
        f"from bentos.{plan.name}.card import CARD, {camel}Prediction, {camel}Row",
        "from jubako.card import AnyCard",
        f"from jubako.importing.model import {'Activation, ' if plan.activation else ''}ImportedModel",
        "",
        "",
        f"class {camel}Model(ImportedModel[{camel}Row, {camel}Prediction]):",
        "    card: ClassVar[AnyCard] = CARD",
        *(["    in_thread: ClassVar[bool] = True"] if plan.in_thread else []),
        *([f"    activation: ClassVar[Activation | None] = {text(plan.activation)}"] if plan.activation else []),
    ]
    if renamed:
        lines += [
            "    names: ClassVar[Mapping[str, str]] = {",
            *(f"        {text(name)}: {text(original)}," for name, original in renamed.items()),
            "    }",
        ]
    return "\n".join(lines) + "\n"


def recipe(plan: Plan) -> str:
    camel = plan.camel
    lines = [
        *_docstring(f"{plan.name} as it was imported, judged on a table.", plan, "Replace ``fit`` to train it here."),
        "",
        "from __future__ import annotations",
        "",
        *(["from collections.abc import Mapping"] if plan.labels else []),
        "from typing import ClassVar",
        "",
        f"from bentos.{plan.name}.card import CARD",
        f"from bentos.{plan.name}.model import {camel}Model",
        "from jubako.card import AnyCard",
        "from jubako.importing.recipe import ImportedRecipe",
        "from jubako.models import AnyModel",
        "",
        "",
        f"class {camel}Recipe(ImportedRecipe):",
        "    card: ClassVar[AnyCard] = CARD",
        f"    model: ClassVar[type[AnyModel]] = {camel}Model",
        f"    source: ClassVar[str] = {text(plan.source)}",
        *([f"    data: ClassVar[str | None] = {text(plan.data)}"] if plan.data else []),
        *([f"    truth: ClassVar[str | None] = {text(plan.truth)}"] if plan.truth else []),
        *(["    allow_pyfunc: ClassVar[bool] = True"] if plan.allow_pyfunc else []),
    ]
    if plan.labels:
        lines += [
            "    classes: ClassVar[Mapping[str, str]] = {",
            *(f"        {text(label)}: {text(name)}," for label, name in plan.labels.items()),
            "    }",
        ]
    return "\n".join([*lines, "", "", f"RECIPE = {camel}Recipe()"]) + "\n"


def test_file(plan: Plan) -> str:
    camel = plan.camel
    return f'''"""What the imported model {plan.name} keeps, whatever is edited."""

from __future__ import annotations

import numpy as np

from bentos.{plan.name}.card import CARD
from bentos.{plan.name}.model import {camel}Model
from training.{plan.name} import RECIPE


def test_examples_become_a_batch_and_outputs_become_predictions() -> None:
    rows = [CARD.row.model_validate(example) for example in CARD.examples]
    assert {camel}Model.encode(rows).shape == (len(rows), len(CARD.columns))
    outputs = np.full((1, len(CARD.outputs)), 0.5, dtype=np.float32)
    (answer,) = {camel}Model.decode(outputs)
    assert CARD.prediction.model_validate({{"id": "{plan.name}:1:x", **answer}})


def test_the_recipe_makes_this_model() -> None:
    assert RECIPE.card is CARD
    assert RECIPE.model is {camel}Model
'''


def _docstring(what: str, plan: Plan, *more: str) -> list[str]:
    """The address stands alone: it may be longer than a line."""
    return [f'"""{what}', "", "Imported from", plan.source, *(["", *more] if more else []), '"""']


def _has_categories(plan: Plan) -> bool:
    return any(each.categories for each in plan.fields)


def _described(plan: Plan, each: Field) -> str:
    unit = plan.units.get(each.name)
    parts = [f"in {unit}"] if unit else []
    return ", ".join([*parts, each.original] if each.name != each.original else parts)


def _field(plan: Plan, each: Field) -> list[str]:
    described = _described(plan, each)
    null = " | None" if each.optional else ""
    kind = {"number": "float", "whole": "int", "flag": "bool"}.get(each.kind)
    if kind is None:
        line = f"Literal[{sequence(each.categories)}]{null}"
        if len(line) + len(each.name) + len(described) + 40 > LINE:
            literal = ["Literal[", *(f"    {text(value)}," for value in each.categories), f"]{null}"]
            if not described:
                return [f"    {each.name}: {literal[0]}", *(f"    {line}" for line in literal[1:])]
            return [
                f"    {each.name}: Annotated[",
                *(f"        {line}" for line in literal[:-1]),
                f"        {literal[-1]},",
                f"        Field(description={text(described)}),",
                "    ]",
            ]
    else:
        line = kind + null
    if described:
        line = f"Annotated[{line}, Field(description={text(described)})]"
    return [f"    {each.name}: {line}"]


def _answers(plan: Plan) -> list[tuple[str, str]]:
    if plan.task == "regression":
        return [(plan.answer, "float")]
    if plan.task == "binary":
        return [(plan.answer, "Label"), ("probability", "float")]
    return [(plan.answer, "Label"), ("probabilities", "dict[Label, float]")]


def _gate(gate: Gate) -> str:
    lower = ", lower_is_better=True" if gate.lower_is_better else ""
    return f"Gate({text(gate.metric)}, {gate.bound!r}, tolerance={gate.tolerance!r}{lower})"


def _signal(each: Field) -> list[str]:
    optional = ", optional=True" if each.optional else ""
    start = f"        Signal({text(each.name)}, "
    if each.kind in ("number", "whole"):
        return [f'{start}"number", low={each.low!r}, high={each.high!r}{optional}),']
    values = ("False", "True") if each.kind == "flag" else each.categories
    comma = "," if len(values) == 1 else ""
    line = f'{start}"category", categories=({sequence(values)}{comma}){optional}),'
    if len(line) <= LINE:
        return [line]
    return [
        "        Signal(",
        f"            {text(each.name)},",
        '            "category",',
        "            categories=(",
        *(f"                {text(value)}," for value in values),
        "            ),",
        *(["            optional=True,"] if optional else []),
        "        ),",
    ]


def _answer_signals(plan: Plan) -> list[str]:
    if plan.task == "regression":
        low, high = plan.answers
        return [f'        Signal({text(plan.answer)}, "number", low={low!r}, high={high!r}),']
    beside = "probability" if plan.task == "binary" else "confidence"
    return [
        f'        Signal({text(plan.answer)}, "category", categories=LABELS),',
        f'        Signal("{beside}", "number", low=0.0, high=1.0),',
    ]


def _example(row: Mapping[str, Any]) -> list[str]:
    return ["        {", *(f"            {text(name)}: {text(value)}," for name, value in row.items()), "        },"]
