"""JSON: the Track's arrays and facts by their names, exactly; null where a number is missing."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_text(arrays: Mapping[str, np.ndarray], facts: Mapping[str, object]) -> str:
    """One object with the facts and the arrays as nested lists."""
    return json.dumps({**facts, **{name: nested(array) for name, array in arrays.items()}}, allow_nan=False) + "\n"


def from_json(text: str, dtypes: Mapping[str, type]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays that `dtypes` names, and everything else as facts. Raises ValueError for what is no such object."""
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise ValueError("expected a JSON object")
    present = [name for name in dtypes if name in facts]
    return {name: _array(name, facts.pop(name), dtypes[name]) for name in present}, facts


def shown(value: np.generic) -> str:
    """The shortest text that reads back as the same number; nothing for NaN."""
    return "" if np.isnan(value) else str(value)


def nested(values: np.ndarray | np.generic) -> object:
    """An array as nested lists of numbers whose text is the shortest that reads back as the same, None for NaN."""
    if isinstance(values, np.ndarray):
        return [nested(part) for part in values]
    text = shown(values)
    return json.loads(text) if text else None


def _array(name: str, values: object, dtype: type) -> np.ndarray:
    try:
        return np.array(values, dtype=np.int64 if dtype is np.int64 else np.float64).astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error
