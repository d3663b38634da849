"""The language model in memory: llama.cpp in this process, or canned text for rehearsals."""
