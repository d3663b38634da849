"""Exchange by EWS: the only door to exchangelib.

exchangelib writes requests and reads answers. Its own sessions, repetitions and errors stop at
``wire`` and ``line``; the other modules say what is asked for and what an answer means to us.
"""
