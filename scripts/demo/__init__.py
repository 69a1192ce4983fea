"""The parts of the demo's recorder: made-up people, a real server under a moved clock, and everybody who works on it."""
