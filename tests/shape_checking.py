"""The type checker that the tests run every annotation with."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""An int is welcome where a float is expected, as PEP 484 has it."""
