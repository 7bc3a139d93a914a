"""Messages drawn roughly as the chats show them, from the very text that would be posted."""
