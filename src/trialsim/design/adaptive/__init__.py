"""What a look says of the rest of a trial: conditional power, and a second stage that is made larger."""
