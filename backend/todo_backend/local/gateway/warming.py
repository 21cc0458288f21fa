"""The imports that a start does not wait for."""


def warm_up() -> None:
    """Import what verifies tokens and judges bodies, so that no request has to wait for it; safe in a thread."""
    from . import body_models  # noqa: F401
    from .tokens import public_keys

    public_keys({"keys": []})
