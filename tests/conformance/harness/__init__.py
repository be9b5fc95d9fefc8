"""What every case needs: the server under test, a temporary home, and the clean-up behind it."""
