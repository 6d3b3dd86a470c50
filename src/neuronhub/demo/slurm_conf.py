"""Slurm's configuration of the embedded site, as text. Pure."""

from __future__ import annotations

from neuronhub.demo.ports import Ports
from neuronhub.demo.shape import (
    ACCOUNTS,
    CLUSTER,
    DRAINED_NODE,
    DRAINED_REASON,
    HOST_NAME,
    LABS,
    QUEUES,
    Account,
    Queue,
)
from neuronhub.demo.state import StateFolder

GPU_FOLDER = "/run/gpu"
"""Where the stand-ins of the GPUs lie inside the site."""


_FIXED = (
    "SlurmUser=slurm",
    "SlurmdUser=root",
    "AuthType=auth/munge",
    "CredType=cred/munge",
    # Daemons listen on their own address only, not on every address of the machine.
    "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
    "SlurmctldPidFile=/run/slurm/slurmctld.pid",
    "SlurmdPidFile=/run/slurm/slurmd-%n.pid",
    "ProctrackType=proctrack/linuxproc",
    "TaskPlugin=task/none",
    "MpiDefault=none",
    "JobAcctGatherType=jobacct_gather/linux",
    "JobAcctGatherFrequency=5",
    "JobAcctGatherParams=OverMemoryKill,UsePss",
    "SelectType=select/cons_tres",
    "SelectTypeParameters=CR_CPU_Memory",
    # Room for a Jupyter server and a kernel on each of the ten CPUs of a shared node.
    "DefMemPerCPU=2000",
    # CPUs, memory and GPUs are what is said here, not what the machine has.
    "SlurmdParameters=config_overrides",
    "GresTypes=gpu",
    "ReturnToService=2",
    "SlurmdTimeout=30",
    "KillWait=5",
    "MaxJobCount=5000",
    "DebugFlags=NO_CONF_HASH",
    "SchedulerParameters=batch_sched_delay=0,bf_interval=5",
    "EnforcePartLimits=ALL",
    "PriorityType=priority/multifactor",
    "PriorityDecayHalfLife=0",
    "PriorityUsageResetPeriod=NONE",
    "AccountingStorageType=accounting_storage/slurmdbd",
    "AccountingStorageHost=127.0.0.1",
    "AccountingStorageTRES=gres/gpu",
    "AccountingStoreFlags=job_comment",
    "AccountingStorageEnforce=associations,limits,qos,safe",
)


def render_slurm_conf(state: StateFolder, ports: Ports, *, message_timeout_s: int = 10) -> str:
    """slurm.conf; a client with a short ``message_timeout_s`` learns soon that the controller is away."""
    lines = [
        f"ClusterName={CLUSTER}",
        f"SlurmctldHost={HOST_NAME}(127.0.0.1)",
        f"SlurmctldPort={ports.slurmctld}",
        f"MessageTimeout={message_timeout_s}",
        f"AuthInfo=socket={state.munge_socket}",
        f"AccountingStoragePort={ports.slurmdbd}",
        # Slurm's accounting looks for munge elsewhere unless it is told twice.
        f"AccountingStoragePass={state.munge_socket}",
        f"StateSaveLocation={state.data('slurmctld')}",
        f"SlurmdSpoolDir={state.data('slurmd')}/%n",
        *_FIXED,
    ]
    for queue in QUEUES:
        lines += _render_nodes(queue, ports)
        lines.append(_render_partition(queue))
    return "\n".join(lines) + "\n"


def _render_nodes(queue: Queue, ports: Ports) -> list[str]:
    lines = []
    for node in queue.nodes:
        drained = f' State=DRAIN Reason="{DRAINED_REASON}"' if node.name == DRAINED_NODE else ""
        lines.append(
            f"NodeName={node.name} NodeHostname={node.name} NodeAddr={node.address} Port={ports.slurmd(node.index)} "
            f"CPUs={queue.cpus} RealMemory={queue.memory_mb} Gres=gpu:{queue.gpu_type}:{queue.gpus}{drained}"
        )
    return lines


def _render_partition(queue: Queue) -> str:
    names = ",".join(node.name for node in queue.nodes)
    common = (
        f"PartitionName={queue.name} Nodes={names} MaxNodes={1 if queue.shared else len(queue.nodes)} "
        f"DefaultTime={queue.default_time} MaxTime={queue.max_time}"
    )
    if queue.shared:
        return common + ' Default=YES LLN=YES TRESBillingWeights="CPU=0.0"'
    return common + ' OverSubscribe=EXCLUSIVE TRESBillingWeights="GRES/gpu=25.0"'


def render_gres_conf() -> str:
    """gres.conf: files that look like GPUs to Slurm."""
    lines = []
    for queue in QUEUES:
        names = ",".join(node.name for node in queue.nodes)
        file = f"{GPU_FOLDER}/gpu[0-{queue.gpus - 1}]"
        lines.append(f"NodeName={names} Name=gpu Type={queue.gpu_type} File={file}")
    return "\n".join(lines) + "\n"


def render_slurmdbd_conf(state: StateFolder, ports: Ports) -> str:
    """slurmdbd.conf; the database knows the system user ``slurm`` by its socket, without a password."""
    lines = [
        "DbdHost=localhost",
        "DbdAddr=127.0.0.1",
        f"DbdPort={ports.slurmdbd}",
        "SlurmUser=slurm",
        "AuthType=auth/munge",
        f"AuthInfo=socket={state.munge_socket}",
        "CommunicationParameters=NoInAddrAny",
        "PidFile=/run/slurm/slurmdbd.pid",
        "StorageType=accounting_storage/mysql",
        "StorageHost=localhost",
        "StorageUser=slurm",
        "StorageLoc=slurm_acct_db",
    ]
    return "\n".join(lines) + "\n"


def render_slurm_accounts() -> str:
    """Slurm's accounts and their members, as ``sacctmgr load`` reads them."""
    lines = [f"Cluster - '{CLUSTER}'", "Parent - 'root'"]
    lines += [f"Account - '{lab}':Description='laboratory':Organization='demo'" for lab in LABS]
    for lab in LABS:
        lines.append(f"Parent - '{lab}'")
        lines += [_render_member(account) for account in ACCOUNTS if lab in account.groups]
    return "\n".join(lines) + "\n"


def _render_member(account: Account) -> str:
    coordinates = f":Coordinator='{','.join(account.coordinates)}'" if account.coordinates else ""
    return f"User - '{account.id}':DefaultAccount='{account.groups[0]}'{coordinates}"
