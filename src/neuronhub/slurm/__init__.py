"""The words of the scheduler and the only door to it."""
