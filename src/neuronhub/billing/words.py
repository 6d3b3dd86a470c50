"""What stands in the ledger as a word, as a reader sees it: on pages, in statements and in CSV."""

from __future__ import annotations

from neuronhub.billing.types import Unit, Use, WhyFree
from neuronhub.language import translate as _
from neuronhub.language import translate_n


def name_use(use: Use) -> str:
    """What a job was for."""
    return {Use.SERVER: _("Jupyter server"), Use.ENGINES: _("IPython cluster")}[use]


def name_unit(unit: Unit) -> str:
    """What a price is for, as it stands behind the amount: ``₩3,000 / node-hour``."""
    return {Unit.NODE_HOUR: _("node-hour"), Unit.GPU_HOUR: _("GPU-hour"), Unit.CORE_HOUR: _("core-hour")}[unit]


def count_units(unit: Unit, count: int) -> str:
    """What a job was given: ``2 nodes``."""
    words = {
        Unit.NODE_HOUR: translate_n("{count} node", "{count} nodes", count),
        Unit.GPU_HOUR: translate_n("{count} GPU", "{count} GPUs", count),
        Unit.CORE_HOUR: translate_n("{count} core", "{count} cores", count),
    }
    return words[unit].format(count=count)


def explain_free(why: WhyFree) -> str:
    """Why a job costs nothing; '' for one that is charged."""
    return {
        WhyFree.NOTHING: "",
        WhyFree.FREE_QUEUE: _("The queue is free of charge."),
        WhyFree.NODE_FAILED: _("A node failed: not charged."),
        WhyFree.START_FAILED: _("The start failed: not charged."),
        WhyFree.NEVER_RAN: _("It never ran."),
    }[why]
