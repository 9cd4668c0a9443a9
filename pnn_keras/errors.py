"""Every exception that pnn_keras raises on purpose, in one tree.

The command line turns these into one clear line: a :class:`UserError` ends
with exit code 2 (the request cannot work as it stands), every other
:class:`PnnKerasError` with exit code 1 (the request was right, the run failed).
"""


class PnnKerasError(Exception):
    """Base of all exceptions raised by this package."""


class UserError(PnnKerasError, ValueError):
    """A request that cannot work as given; the message names the mend."""


class CorpusError(UserError):
    """A corpus folder, table or label set that cannot be used."""


class ProtocolError(UserError):
    """A division of the data that is impossible or would leak."""


class AudioError(PnnKerasError):
    """One recording that cannot be decoded or has nothing to hear."""


class PresetError(UserError):
    """A saved chain that is missing, damaged or of an unknown format."""


class DependencyError(UserError):
    """An optional dependency that is not installed; the message says how."""


class ServingError(PnnKerasError):
    """A model server that could not answer; the subclasses are gRPC's status codes."""


class InvalidArgumentError(ServingError, UserError):
    """The server refuses the request as it stands: wrong values, shapes, signature."""


class NotFoundError(ServingError, UserError):
    """The server has no such model, version or label."""


class AccessError(ServingError):
    """The server wants to know who asks, or lets this one not in."""


class ResourceExhaustedError(ServingError):
    """The request is larger than the server takes, or its queue is full."""


class UnavailableError(ServingError):
    """Nobody answers at the address, or the server says that it cannot now."""


class DeadlineExceededError(ServingError):
    """The answer did not come in time."""


class UnimplementedError(ServingError):
    """The server does not know this kind of request."""


class InternalError(ServingError):
    """The server failed, or what it answers makes no sense."""
