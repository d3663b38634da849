"""Exchange by EWS: the only door to exchangelib.

exchangelib signs in, wraps and sends requests and parses answers. Which requests, what they hold
and what an answer means is written here: its models repeat requests by themselves, lose times they
cannot parse and read every field of every mail.
"""
