"""The record as HL7 FHIR R4 resources: one AuditEvent for each entry of the chain, one Provenance for each edit.

Structure as in https://hl7.org/fhir/R4/auditevent.html and https://hl7.org/fhir/R4/provenance.html. References are
logical (``identifier``): the things that they name live in this site and on no FHIR server. What is signed here is a
hash of what was on the screen, under a name, a time and a meaning; it is no cryptographic signature, and
``Provenance.signature.data`` holds that hash.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence

NAMESPACE = uuid.UUID("5b6d0f1e-9d0b-5c52-8a2c-6d5e3a0c7f10")
"""Of the resources' ids: the same entry has the same id in every export."""
_SYSTEM = "urn:medrek-flow"
_APPLICATION = {
    "system": "http://dicom.nema.org/resources/ontology/DCM",
    "code": "110100",
    "display": "Application Activity",
}
_SIGNATURE_TYPES = {
    "approve": ("1.2.840.10065.1.12.1.7", "Consent Signature"),
    "reject": ("1.2.840.10065.1.12.1.5", "Verification Signature"),
}
_REVIEW_SIGNATURE = ("1.2.840.10065.1.12.1.13", "Review Signature")
_CREATED = frozenset({"site.created", "run.started", "reviewer.added", "release.live"})
_READ = frozenset({"audit.exported", "audit.anchored"})
_FAILED = {"pin.refused": "8", "source.failed": "8"}

Resource = dict[str, object]
Row = Mapping[str, object]


def audit_event(row: Row, *, site: str) -> Resource:
    """Make the AuditEvent of one entry of the chain."""
    event, actor = str(row["event"]), str(row["actor"])
    return {
        "resourceType": "AuditEvent",
        "id": _id("audit", row["hash"]),
        "type": _APPLICATION,
        "subtype": [{"system": f"{_SYSTEM}:event", "code": event}],
        "action": "C" if event in _CREATED else "R" if event in _READ else "E",
        "recorded": str(row["at"]),
        "outcome": _FAILED.get(event, "0"),
        "agent": [{"who": _reference("account", actor), "altId": actor, "requestor": _is_person(actor)}],
        "source": {"site": site, "observer": {"display": "medrek-flow"}},
        "entity": [
            {
                "what": _reference("subject", row["subject"]),
                "detail": [
                    {"type": "seq", "valueString": str(row["seq"])},
                    {"type": "hash", "valueString": str(row["hash"])},
                ],
            }
        ],
    }


def provenance(edit: Row, candidate: Row, signatures: Sequence[Row], releases: Sequence[Row]) -> Resource:
    """Make the Provenance of one edit: who signed it when and why, what it was taken from, what it became.

    Args:
        edit: Row of ``edits``.
        candidate: Row of ``candidates`` that it was made from.
        signatures: Rows of ``decisions`` on that candidate, oldest first.
        releases: Releases that the edit is in force in, oldest first.
    """
    body = json.loads(str(candidate["body"]))
    reasons = [str(one["reason_text"]) for one in signatures if one["reason_text"]]
    resource: Resource = {
        "resourceType": "Provenance",
        "id": _id("edit", edit["edit_id"]),
        "target": [
            _reference("edit", edit["edit_id"]),
            *(_reference("release", one["release_id"]) for one in releases),
        ],
        "recorded": str(edit["created_at"]),
        "activity": {"coding": [{"system": f"{_SYSTEM}:action", "code": str(candidate["action"])}]},
        "agent": [_agent(one) for one in signatures] or [_assembler()],
        "entity": [
            {"role": "derivation", "what": _reference("candidate", candidate["candidate_id"])},
            *(_source(one) for one in _distinct(body.get("evidence", ()))),
        ],
    }
    if reasons:
        resource["reason"] = [{"text": text} for text in reasons]
    if signatures:
        resource["signature"] = [_signature(one) for one in signatures]
    return resource


def bundle(resources: Iterable[Resource], *, at: str) -> Resource:
    """Put resources into one Bundle of type ``collection``."""
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": at, "entry": entries}


def _agent(signature: Row) -> Resource:
    return {
        "type": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                    "code": "verifier",
                    "display": "Verifier",
                }
            ]
        },
        "who": {**_reference("account", signature["reviewer_id"]), "display": str(signature["signer_name"])},
    }


def _assembler() -> Resource:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "assembler"}
    return {"type": {"coding": [coding]}, "who": {"display": "medrek-flow"}}


def _signature(signature: Row) -> Resource:
    code, display = _SIGNATURE_TYPES.get(str(signature["verdict"]), _REVIEW_SIGNATURE)
    meaning = {"system": f"{_SYSTEM}:meaning", "code": str(signature["verdict"]), "display": str(signature["meaning"])}
    return {
        "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": code, "display": display}, meaning],
        "when": str(signature["signed_at"]),
        "who": {**_reference("account", signature["reviewer_id"]), "display": str(signature["signer_name"])},
        "targetFormat": "application/json",
        "data": base64.b64encode(str(signature["shown_sha256"]).encode("ascii")).decode("ascii"),
    }


def _source(evidence: Mapping[str, object]) -> Resource:
    return {"role": "source", "what": _reference("document", evidence["document_id"])}


def _distinct(evidence: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return list({one["document_id"]: one for one in evidence}.values())


def _reference(kind: str, value: object) -> Resource:
    return {"identifier": {"system": f"{_SYSTEM}:{kind}", "value": str(value)}}


def _is_person(actor: str) -> bool:
    return actor not in ("medrek-flow", "intake")


def _id(kind: str, value: object) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{value}"))
