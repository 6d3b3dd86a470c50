from __future__ import annotations

import itertools

import pytest
from tests.unit.slurm.scripted import make_job

from neuronhub.slurm.nodes import FLAGS, USES, can_start, classify_node, count_gpus, count_nodes, fill_queue
from neuronhub.slurm.parse import split_node_state
from neuronhub.slurm.types import GpuCount, JobState, Node, NodeCounts, Queue

LONG_WORDS = """ALLOCATED CANCEL_REBOOT CLOUD COMPLETING DOWN DRAINED DRAINING FAIL FAILING FUTURE IDLE INVAL MAINT
MIXED PERFCTRS PLANNED POWER_DOWN POWER_UP POWERED_DOWN POWERING_DOWN POWERING_UP REBOOT REBOOT_ISSUED
REBOOT_REQUESTED RESERVED RESUME UNKNOWN BLOCKED ?""".split()
COMPACT_WORDS = """ALLOC CANC_R COMP DRAIN DRNG FAILG FUTR MIX BOOT NPC PLND POW_DN POW_UP POWRING_DN POWERED_DN RESV
RESM UNK""".split()
ALL_FLAGS = ["", *FLAGS]


def make_node(state: str, flags: str = "", *, cpus_free: int = 8, name: str = "gn01", **gpus: int) -> Node:
    return Node(name, "10.0.0.1", state, flags, cpus_free=cpus_free, cpus_total=8, gpus=gpus)


@pytest.mark.parametrize("word", LONG_WORDS + COMPACT_WORDS)
@pytest.mark.parametrize("flag", ALL_FLAGS)
def test_every_state_of_slurm_counts_exactly_once(word: str, flag: str) -> None:
    state, flags = split_node_state(word + flag)
    assert state in USES
    assert flags == flag
    assert count_nodes([make_node(state, flags)]).total == 1


def test_table_has_no_word_that_slurm_does_not_use() -> None:
    assert set(USES) == {word.lower() for word in LONG_WORDS + COMPACT_WORDS}


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("allocated", "alloc"),
        ("ALLOCATED+", "alloc"),
        ("allocated*", "alloc"),
        ("allocated$", "alloc"),
        ("mixed", "alloc"),
        ("mixed-", "alloc"),
        ("mixed*", "alloc"),
        ("completing", "alloc"),
        ("draining", "alloc"),
        ("draining@", "alloc"),
        ("drng", "alloc"),
        ("failing*", "alloc"),
        ("idle", "idle"),
        ("planned", "idle"),
        ("idle~", "idle"),
        ("idle#", "idle"),
        ("idle*", "down"),
        ("idle$", "down"),
        ("idle@", "down"),
        ("idle^", "down"),
        ("idle!", "down"),
        ("idle%", "down"),
        ("reserved", "down"),
        ("maint", "down"),
        ("maint*", "down"),
        ("drained", "down"),
        ("drained*", "down"),
        ("drain", "down"),
        ("down", "down"),
        ("down*", "down"),
        ("down~", "down"),
        ("fail", "down"),
        ("inval", "down"),
        ("future", "down"),
        ("blocked", "down"),
        ("reboot^", "down"),
        ("powered_down", "down"),
        ("powering_up", "down"),
        ("unknown", "down"),
        ("unk*", "down"),
        ("?", "down"),
        ("a_word_of_tomorrow", "down"),
    ],
)
def test_how_a_node_counts(text: str, use: str) -> None:
    assert classify_node(*split_node_state(text)) == use


@pytest.mark.parametrize("text", ["", "idle idle", "mixed&", "*", "<b>"])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="node state"):
        split_node_state(text)


@pytest.mark.parametrize(
    ("starts", "texts"),
    [
        (True, "idle planned mixed mixed-"),
        (False, "idle~ idle# idle* mixed* mixed@ allocated draining completing drained reserved a_word_of_tomorrow"),
    ],
)
def test_where_a_job_can_start_now(starts: bool, texts: str) -> None:
    for text in texts.split():
        assert can_start(make_node(*split_node_state(text))) is starts, text


def test_every_mixture_of_nodes_adds_up() -> None:
    for states in itertools.combinations(LONG_WORDS, 3):
        nodes = [make_node(word.lower()) for word in states]
        counts = count_nodes(nodes)
        assert counts.alloc + counts.idle + counts.down == counts.total == 3


def test_gpus_are_free_only_where_a_job_can_start() -> None:
    nodes = [
        make_node("idle", v100=2, a100=1),
        make_node("mixed", v100=4),
        make_node("mixed", cpus_free=0, v100=4),
        make_node("idle", "*", v100=8),
        make_node("drained", v100=8),
        make_node("allocated", v100=8),
    ]
    assert count_gpus(nodes, whole_nodes=False) == (GpuCount("a100", 1, 1), GpuCount("v100", 6, 34))


def test_gpus_of_a_node_in_part_use_are_not_free_for_whole_node_queues() -> None:
    nodes = [make_node("mixed", v100=4), make_node("idle", v100=2)]
    assert count_gpus(nodes, whole_nodes=True) == (GpuCount("v100", 2, 6),)


def test_no_gpu_of_a_closed_queue_is_free() -> None:
    assert count_gpus([make_node("idle", v100=2)], whole_nodes=False, closed=True) == (GpuCount("v100", 0, 2),)


@pytest.mark.parametrize(
    ("used", "free"),
    [({}, (4, 2)), ({"a100": 3}, (1, 2)), ({"a100": 9}, (0, 2)), ({"gpu": 2}, (2, 2)), ({"gpu": 5}, (0, 1))],
)
def test_use_of_gpus_with_and_without_type(used: dict[str, int], free: tuple[int, int]) -> None:
    node = Node("gn01", "", "mixed", cpus_free=1, cpus_total=8, gpus={"a100": 4, "v100": 2}, gpus_used=used)
    assert tuple(count.free for count in count_gpus([node], whole_nodes=False)) == free


def test_node_of_several_partitions_is_in_each_of_them_once() -> None:
    shared = make_node("idle", v100=2)
    nodes = [("gpu", shared), ("debug", shared), ("gpu", shared), ("gpu", make_node("down", name="gn02", v100=2))]
    jobs = [
        make_job(1, JobState.PENDING, partition="gpu,debug"),
        make_job(2, JobState.RUNNING, partition="gpu"),
        make_job(3, JobState.COMPLETING, partition="gpu"),
        make_job(4, JobState.COMPLETED, partition="gpu"),
        make_job(5, JobState.UNKNOWN, partition="gpu"),
        make_job(6, JobState.PENDING, partition="gp"),
    ]
    gpu, debug = (fill_queue(Queue(name, NodeCounts()), nodes, jobs) for name in ("gpu", "debug"))
    assert (gpu.counts, gpu.waiting_jobs, gpu.running_jobs) == (NodeCounts(idle=1, down=1), 1, 2)
    assert gpu.gpus == (GpuCount("v100", 2, 4),)
    assert (debug.counts, debug.waiting_jobs, debug.running_jobs) == (NodeCounts(idle=1), 1, 0)
    assert [node.name for node in gpu.nodes] == ["gn01", "gn02"]
