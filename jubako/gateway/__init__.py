"""What is behind the gateway's door: reading a request, asking a runner, telling the answer."""
