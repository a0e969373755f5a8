"""Time stamps of checkpoints (RFC 3161): asking for one, keeping it, checking it by certificates."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ....domain.errors import InvalidRequest, NotStamped, StorageUnavailable
from ....domain.evidence.report import ConsistencyFinding, TimeStamp
from ....domain.visible import quoted, visible
from ...files.atomic import check_writable, write_file
from ...files.paths import open_to_read, to_path
from .authority import LONGEST_ANSWER, ask_authority
from .notes import read_notes

try:
    from cryptography.x509 import Certificate, ExtendedKeyUsage, ExtensionNotFound, load_pem_x509_certificates
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from rfc3161_client import (
        HashAlgorithm,
        PKIStatus,
        TimestampRequestBuilder,
        TimeStampResponse,
        VerificationError,
        VerifierBuilder,
        decode_timestamp_response,
    )
except ImportError as error:
    raise InvalidRequest("time stamps need a library: pip install 'flowledger[evidence]'") from error

Authority = str | Callable[[bytes], bytes]
"""Where an authority is asked: its address, or a function of the request that returns the answer."""


class Certificates(NamedTuple):
    """What vouches for an authority: roots that are trusted, and others, which lead to them."""

    roots: list[Certificate]
    others: list[Certificate]

    @property
    def have_the_authoritys_own(self) -> bool:
        """Whether one of them signs time stamps, so that an answer can do without it."""
        return any(_signs_stamps(certificate) for certificate in self.others)


def make_stamp(text: str, authority: Authority, to: str | Path | None, certificates: str | Path | None) -> TimeStamp:
    """See ``Evidence.stamp``."""
    given = read_notes(text)
    if len(given) > 1:
        raise InvalidRequest(
            f"there are {len(given):,} checkpoints, in a file to which more are added: its stamp wouldn't fit it any "
            "more; stamp one that is in a file of its own"
        )
    place = None if to is None else to_path(to, "to")
    trusted = None if certificates is None else read_certificates(certificates)
    if place is not None:
        if place.is_file():
            raise InvalidRequest(
                f"{str(place)!r} is there already, and may be all that tells of its time: choose another"
            )
        check_writable(place)
    # The library asks for SHA-512 by itself, which not every authority takes.
    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    asked = builder.cert_request(cert_request=trusted is None or not trusted.have_the_authoritys_own).build()
    request = asked.as_bytes()
    response = authority(request) if callable(authority) else ask_authority(authority, request)
    if not isinstance(response, bytes):
        raise InvalidRequest(f"the function authority returned {quoted(response)}, and not the bytes of an answer")
    try:
        answer = _read_answer(response)
        told, imprint = answer.tst_info, asked.message_imprint
        if (told.message_imprint.message, told.nonce) != (imprint.message, asked.nonce):
            raise _Unfit("it is of something else than what was asked: nothing by which this checkpoint was there")
        if trusted is not None:
            _check_signed(answer, text, trusted)
    except _Unfit as error:
        raise NotStamped(f"the answer of the authority is no time stamp to keep: {error}") from error
    if place is not None:
        write_file(place, response, replace=False)
    return TimeStamp(told.gen_time, response)


def check_stamp(text: str, stamp: bytes | str | Path, certificates: str | Path) -> datetime | ConsistencyFinding:
    """When the checkpoint was there by its stamp, or why none tells. Raises StorageUnavailable, InvalidRequest."""
    trusted = read_certificates(certificates)
    response = stamp if isinstance(stamp, bytes) else _read_file(stamp, "the time stamp")
    try:
        answer = _read_answer(response)
        _check_signed(answer, text, trusted)
    except _Unfit as error:
        return ConsistencyFinding("", 0, "stamp", f"the time stamp doesn't show when the checkpoint was there: {error}")
    return answer.tst_info.gen_time


def read_certificates(file: str | Path) -> Certificates:
    """Those of a file in PEM, as authorities publish them. Raises StorageUnavailable, InvalidRequest."""
    try:
        found = load_pem_x509_certificates(_read_file(file, "the certificates"))
    except ValueError as error:
        raise InvalidRequest(
            f"the certificates {str(file)!r} can't be read: they are to be in PEM (-----BEGIN CERTIFICATE-----); "
            "`openssl x509 -inform der` makes that of another form"
        ) from error
    roots = [certificate for certificate in found if certificate.issuer == certificate.subject]
    if not roots:
        raise InvalidRequest(
            f"the certificates {str(file)!r} have no root, which is signed by itself: add the authority's root"
        )
    return Certificates(roots, [certificate for certificate in found if certificate not in roots])


class _Unfit(Exception):
    """An answer that is no time stamp, or none of the checkpoint, or none of the authority."""


def _read_answer(response: bytes) -> TimeStampResponse:
    """An answer that holds a stamp. Raises _Unfit."""
    try:
        answer = decode_timestamp_response(response)
        if answer.status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
            said = visible(" ".join(answer.status_string)) or f"status {answer.status}"
            raise _Unfit(f"the authority refuses: {said}")
        _ = answer.tst_info, answer.signed_data  # which are read when they are asked for
    except ValueError as error:
        if "InvalidSetOrdering" in str(error):
            raise _Unfit(
                "the certificates in it aren't in the order that DER asks for; add the authority's own certificate to "
                "the file of certificates, and it is asked to leave them out"
            ) from error
        raise _Unfit(
            f"these {len(response):,} bytes can't be read as an answer of RFC 3161 ({visible(str(error))})"
        ) from error
    return answer


def _check_signed(answer: TimeStampResponse, text: str, certificates: Certificates) -> None:
    """Raises _Unfit unless the authority has signed the stamp, of this text, while its certificates were valid."""
    try:
        signers = {(signer.issuer, signer.serial_number) for signer in answer.signed_data.signer_infos}
        own = [each for each in certificates.others if (each.issuer, each.serial_number) in signers]
        verifier = VerifierBuilder(
            tsa_certificate=own[0] if own else None,
            roots=[*certificates.roots],
            intermediates=[each for each in certificates.others if each not in own],
        ).build()
        verifier.verify_message(answer, text.encode())
    except VerificationError as error:
        raise _Unfit(_reason(str(error))) from error
    except ValueError as error:
        raise _Unfit(f"its certificates can't be read ({visible(str(error))})") from error


def _reason(said: str) -> str:
    """What the library says, in our words where they say what to do."""
    if said == "Mismatch between messages":
        return "it is of another checkpoint, or the checkpoint was changed since; give both as they were kept"
    deeper = re.search(r'data: "Verify error: ([^"]+)"', said) or re.search(r'reason: "([^"]+)"', said)
    return (
        f"{visible(deeper[1] if deeper else said)}; give the certificates of the authority that has made it: its root, "
        "and those between, where they aren't in the stamp"
    )


def _signs_stamps(certificate: Certificate) -> bool:
    try:
        uses = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in uses


def _read_file(file: str | Path, what: str) -> bytes:
    place = to_path(file, what)
    try:
        with open_to_read(place) as opened:
            read = opened.read(LONGEST_ANSWER + 1)
    except OSError as error:
        raise StorageUnavailable(f"{what}: can't read {str(place)!r}: {error.strerror}") from error
    if len(read) > LONGEST_ANSWER:
        raise InvalidRequest(f"{what}: {str(place)!r} has more than {LONGEST_ANSWER >> 20} MiB, and is none")
    return read
