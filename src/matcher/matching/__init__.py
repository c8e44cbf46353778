"""The matching core: pure functions over arrays, no input or output, no clock."""
