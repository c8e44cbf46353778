"""Which of the two languages a caller prefers."""

from matcher.domain.errors import Language

__all__ = ["preferred"]


def preferred(accept_language: str) -> Language:
    """Return the language for an ``Accept-Language`` header; English where it says nothing."""
    best: Language = "en"
    best_quality = 0.0
    for item in accept_language.split(","):
        tag, _, parameter = item.partition(";")
        primary = tag.strip().lower().split("-")[0]
        quality = _quality(parameter)
        if primary in ("zh", "en") and quality > best_quality:
            best, best_quality = ("zh-CN" if primary == "zh" else "en"), quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
