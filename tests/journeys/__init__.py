"""The journeys are one package, so that their browser ends before tests of other folders begin."""
