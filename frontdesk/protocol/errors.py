"""What a client is told when it did something wrong. The call goes on."""


class ProtocolError(Exception):
    """A client event that cannot be carried out; it becomes one ``error`` event.

    ``code`` is machine-readable, ``param`` names the offending field with dots and brackets,
    for example ``session.tools[0].name``.
    """

    def __init__(
        self, code: str, message: str, param: str | None = None, type: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.type = type


def unknown_parameter(param: str) -> ProtocolError:
    return ProtocolError("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def missing_parameter(param: str) -> ProtocolError:
    return ProtocolError(
        "missing_required_parameter", f"Missing required parameter: '{param}'.", param
    )


def invalid_value(param: str, why: str) -> ProtocolError:
    return ProtocolError("invalid_value", f"Invalid value for '{param}': {why}", param)


def invalid_type(param: str, why: str) -> ProtocolError:
    return ProtocolError("invalid_type", f"Invalid type for '{param}': {why}", param)
