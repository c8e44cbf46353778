"""Sorting in place, without the code that numpy's sorts bring into every kernel."""

from matcher.matching.kernels.compilation import step

__all__ = ["sort_by_key"]

# Gaps of Ciura (2001), continued by a factor of 2.25.
GAPS = (887500, 394444, 175308, 77915, 34629, 15391, 6840, 3040, 1351, 701, 301, 132, 57, 23, 10, 4, 1)


@step
def sort_by_key(key, item, count):
    """Sort the first ``count`` keys ascending, and the items with them, by Shell's method.

    Equal keys may change their order: where that matters, the keys differ.
    """
    for gap in GAPS:
        for q in range(gap, count):
            moved_key = key[q]
            moved_item = item[q]
            at = q
            while at >= gap and key[at - gap] > moved_key:
                key[at] = key[at - gap]
                item[at] = item[at - gap]
                at -= gap
            key[at] = moved_key
            item[at] = moved_item
