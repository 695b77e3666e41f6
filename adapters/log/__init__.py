"""The Merkle log's arithmetic (RFC 6962) and its tiles (C2SP tlog-tiles). Pure: no storage, no clock."""
