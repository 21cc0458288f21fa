"""Amazon Cognito's data plane: user pools and identity pools, in front of a control plane that describes them.

Imports nothing else of the project; what it needs is given to it in `Surroundings`.
"""

from .app import CognitoApp
from .errors import CognitoError
from .plane import Quotas, Surroundings
from .signature import OwnerKey

__all__ = ["CognitoApp", "CognitoError", "OwnerKey", "Quotas", "Surroundings"]
