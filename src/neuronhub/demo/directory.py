"""The embedded site's LDAP directory, as text: slapd.conf and the entries. Pure."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

from neuronhub.demo.shape import ACCOUNTS, LABS, LDAP_SUFFIX, RESEARCHERS, RESEARCHERS_GID, Account
from neuronhub.demo.state import Secret, StateFolder

SCHEMAS = ("core", "cosine", "nis", "inetorgperson")


def render_slapd_conf(state: StateFolder) -> str:
    """slapd.conf: TLS only, no anonymous reading, five wrong passwords lock an account for five minutes."""
    folder = state.ldap
    return "\n".join(
        [
            *(f"include /etc/ldap/schema/{schema}.schema" for schema in SCHEMAS),
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            "moduleload ppolicy",
            "moduleload pw-sha2",
            "pidfile /run/slapd/slapd.pid",
            f"TLSCACertificateFile {state.tls}/ca.pem",
            f"TLSCertificateFile {state.tls}/ldap.pem",
            f"TLSCertificateKeyFile {state.tls}/ldap.key",
            "TLSVerifyClient never",
            "security ssf=128",
            "disallow bind_anon",
            "require authc",
            "loglevel none",
            "database mdb",
            f'suffix "{LDAP_SUFFIX}"',
            f'rootdn "cn=admin,{LDAP_SUFFIX}"',
            f"directory {folder}/data",
            "maxsize 67108864",
            "index objectClass eq",
            "index uid,memberUid eq",
            "overlay ppolicy",
            f'ppolicy_default "cn=default,ou=policies,{LDAP_SUFFIX}"',
            "ppolicy_use_lockout",
            "access to attrs=userPassword by anonymous auth by * none",
            "access to * by users read by anonymous auth by * none",
            "",
        ]
    )


def render_entries(secrets: Mapping[str, Secret]) -> str:
    """The whole directory as LDIF: the password policy, the people and their groups."""
    entries = [
        _entry(LDAP_SUFFIX, objectClass=("top", "dcObject", "organization"), o="NeuronHub demo", dc="neuronhub"),
        *(
            _entry(f"ou={name},{LDAP_SUFFIX}", objectClass=("top", "organizationalUnit"), ou=name)
            for name in ("people", "groups", "policies")
        ),
        _entry(
            f"cn=default,ou=policies,{LDAP_SUFFIX}",
            objectClass=("top", "device", "pwdPolicy"),
            cn="default",
            pwdAttribute="userPassword",
            pwdLockout="TRUE",
            pwdMaxFailure="5",
            pwdFailureCountInterval="300",
            pwdLockoutDuration="300",
        ),
        *(_render_person(account, secrets[account.id].password) for account in ACCOUNTS),
        _render_group(RESEARCHERS, RESEARCHERS_GID, tuple(account.id for account in ACCOUNTS)),
        *(
            _render_group(lab, gid, tuple(account.id for account in ACCOUNTS if lab in account.groups))
            for lab, gid in LABS.items()
        ),
    ]
    return "\n".join(entries)


def _render_person(account: Account, password: str) -> str:
    return _entry(
        f"uid={account.id},ou=people,{LDAP_SUFFIX}",
        objectClass=("top", "inetOrgPerson", "posixAccount"),
        uid=account.id,
        cn=account.id,
        sn=account.id,
        mail=f"{account.id}@neuronhub.demo",
        uidNumber=str(account.uid),
        gidNumber=str(RESEARCHERS_GID),
        homeDirectory=f"/home/{account.id}",
        loginShell="/bin/bash",
        userPassword=_hash(password),
    )


def _render_group(name: str, gid: int, members: tuple[str, ...]) -> str:
    return _entry(
        f"cn={name},ou=groups,{LDAP_SUFFIX}",
        objectClass=("top", "posixGroup"),
        cn=name,
        gidNumber=str(gid),
        memberUid=members,
    )


def _entry(dn: str, **attributes: str | tuple[str, ...]) -> str:
    lines = [f"dn: {dn}"]
    for name, values in attributes.items():
        lines += [f"{name}: {value}" for value in ((values,) if isinstance(values, str) else values)]
    return "\n".join(lines) + "\n"


def _hash(password: str) -> str:
    salt = os.urandom(16)
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()
