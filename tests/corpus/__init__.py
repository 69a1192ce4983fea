"""The corpus: ways out and look-alikes, executed on live servers under names that change with a seed, and scored."""
