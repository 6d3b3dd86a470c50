"""Who is in the directory of the tests: the same for the real slapd and for the fake."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from neuronhub.login.directory import escape_dn

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
MOST_FAILURES = 4
"""The directory locks an account after so many wrong passwords."""


@dataclass(frozen=True)
class Person:
    """One entry; with ``otp_secret`` the directory wants password and OTP in one bind."""

    id: str
    password: str
    groups: tuple[str, ...] = ()
    otp_secret: str | None = None

    @property
    def dn(self) -> str:
        return f"uid={escape_dn(self.id)},{PEOPLE}"


ALICE = Person("alice", "wonderland-1", ("staff", "chemistry"))
BOB = Person("bob", " pass wörd 2 ", ("staff",))
CAROL = Person("carol", "carol-3", ("physics",), otp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
ODD = Person('od,d=(1)*"\\+ #', "odd-4", ("odd",))
EVERYBODY = (ALICE, BOB, CAROL, ODD)


def render_ldif() -> str:
    """The whole directory, for slapadd."""
    entries = [
        _entry(SUFFIX, objectClass="dcObject organization", dc="example", o="Example"),
        *(
            _entry(f"ou={ou},{SUFFIX}", objectClass="organizationalUnit", ou=ou)
            for ou in ("people", "groups", "tokens")
        ),
        _entry(
            f"cn=policy,{SUFFIX}",
            objectClass="device pwdPolicy",
            cn="policy",
            pwdAttribute="userPassword",
            pwdLockout="TRUE",
            pwdMaxFailure=str(MOST_FAILURES),
            pwdLockoutDuration="600",
        ),
        _entry(
            f"cn=totp,{SUFFIX}",
            objectClass="device oathTOTPParams",
            cn="totp",
            oathOTPLength="6",
            oathHMACAlgorithm="1.2.840.113549.2.7",
            oathTOTPTimeStepPeriod="30",
            oathTOTPTimeStepWindow="1",
        ),
    ]
    for number, person in enumerate(EVERYBODY):
        entries.append(_person(person, number))
        if person.otp_secret:
            entries.append(_token(person))
    for number, group in enumerate(sorted({group for person in EVERYBODY for group in person.groups})):
        members = [f"memberUid:: {_base64(person.id)}" for person in EVERYBODY if group in person.groups]
        entry = _entry(f"cn={group},{GROUPS}", objectClass="posixGroup", cn=group, gidNumber=str(5000 + number))
        entries.append("\n".join([entry, *members]))
    return "\n\n".join(entries) + "\n"


def _person(person: Person, number: int) -> str:
    second_factor = f"\nobjectClass: oathTOTPUser\noathTOTPToken: {_token_dn(person)}" if person.otp_secret else ""
    return (
        f"dn:: {_base64(person.dn)}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount{second_factor}\n"
        f"uid:: {_base64(person.id)}\ncn: Person\nsn: Person\nuidNumber: {2000 + number}\ngidNumber: 2000\n"
        f"homeDirectory: /\nuserPassword:: {_base64(person.password)}"
    )


def _token(person: Person) -> str:
    secret = base64.b64encode(base64.b32decode(person.otp_secret or "")).decode()
    entry = _entry(
        _token_dn(person), objectClass="device oathTOTPToken", cn=person.id, oathTOTPParams=f"cn=totp,{SUFFIX}"
    )
    return f"{entry}\noathSecret:: {secret}"


def _token_dn(person: Person) -> str:
    return f"cn={person.id},ou=tokens,{SUFFIX}"


def _entry(dn: str, **attributes: str) -> str:
    lines = [f"dn: {dn}"]
    for name, values in attributes.items():
        lines += [f"{name}: {value}" for value in (values.split() if name == "objectClass" else [values])]
    return "\n".join(lines)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
