"""Files in one's own folder, one module for each thing that is done with them. The bytes go straight to S3."""

from todo_sdk._files.facade import Files as Files
