"""What can go wrong in a DAX node, with the code lists its clients know. No I/O.

* DaxError                     becomes an error reply; the connection goes on
* MalformedError               bytes that are no CBOR of ours, or a wrong preamble; the connection is closed
  + IncompleteError            more bytes are needed; never leaves the parser of frames

Source of the code lists: the DAX protocol notes, section 12.2.
"""

from dataclasses import dataclass

_DYNAMODB = (4, 37, 38, 39)

# DynamoDB's error names, and the two of AWS's front door that a back end may answer with.
CODES: dict[str, tuple[int, ...]] = {
    "ProvisionedThroughputExceededException": (*_DYNAMODB, 40),
    "ResourceNotFoundException": (*_DYNAMODB, 41),
    "ConditionalCheckFailedException": (*_DYNAMODB, 43),
    "ResourceInUseException": (*_DYNAMODB, 45),
    "ValidationException": (*_DYNAMODB, 46),
    "InternalServerError": (*_DYNAMODB, 47),
    "InternalServerErrorException": (*_DYNAMODB, 47),
    "ItemCollectionSizeLimitExceededException": (*_DYNAMODB, 48),
    "LimitExceededException": (*_DYNAMODB, 49),
    "ThrottlingException": (*_DYNAMODB, 50),
    "TransactionConflictException": (*_DYNAMODB, 57),
    "TransactionCanceledException": (*_DYNAMODB, 58),
    "TransactionInProgressException": (*_DYNAMODB, 59),
    "IdempotentParameterMismatchException": (*_DYNAMODB, 60),
    "RequestLimitExceeded": (*_DYNAMODB, 61),
    "AccessDeniedException": (4, 37, 38, 42),
}
NOT_AUTHENTICATED = (4, 23, 31, 32)
AUTHENTICATION_EXPIRED = (4, 23, 31, 33)
OUTCOME_UNKNOWN = (1, 37, 38, 53)
UNMAPPED = (4, 99)

THROTTLED = frozenset(
    {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "LimitExceededException"}
)


class MalformedError(Exception):
    """The bytes are not what the protocol allows; the connection cannot go on."""


class IncompleteError(MalformedError):
    """The bytes end before the value does."""


@dataclass(frozen=True)
class Reason:
    """Why one action of a cancelled transaction failed; "None" for an action that did not."""

    code: str
    message: str | None = None
    item: bytes | None = None


class DaxError(Exception):
    """An error reply: code list, name, HTTP status and message, and the reasons of a cancelled transaction."""

    def __init__(
        self,
        name: str,
        message: str,
        *,
        codes: tuple[int, ...] | None = None,
        status: int = 400,
        reasons: tuple[Reason, ...] | None = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.codes = codes if codes is not None else CODES.get(name, UNMAPPED)
        self.status = status
        self.reasons = reasons

    @property
    def is_fault(self) -> bool:
        """Whether the server, not the caller, is to blame."""
        return self.status >= 500

    @property
    def is_throttling(self) -> bool:
        """Whether CloudWatch would count it as throttled."""
        return self.name in THROTTLED

    @property
    def outcome_is_unknown(self) -> bool:
        """Whether a write that ended so may have happened all the same."""
        return self.codes[0] in (1, 2) or self.status >= 500


def validation(message: str) -> DaxError:
    """A ValidationException that the node raises by itself."""
    return DaxError("ValidationException", message)
