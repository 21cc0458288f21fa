"""What was acknowledged is there after `kill -9`: a layer around MiniStack that lets no answer leave before the change
behind it is on the disk."""

from .calls import REFUSED
from .layer import Keeper, open_journal

__all__ = ["REFUSED", "Keeper", "open_journal"]
