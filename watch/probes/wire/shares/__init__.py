"""File shares: SMB and NFS, with the remote procedure calls that NFS uses."""
