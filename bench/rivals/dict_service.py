#!/usr/bin/python3
"""The simplest service one would write: PULL heartbeats into a dict in the order of last beats,
PUB who went offline. dict_service.py PULL PUB TTL. A message is an id, or a msgpack array of ids."""
import sys
import time

import msgpack
import zmq

pull_endpoint, pub_endpoint, ttl = sys.argv[1], sys.argv[2], float(sys.argv[3])
context = zmq.Context()
heartbeats = context.socket(zmq.PULL)
heartbeats.bind(pull_endpoint)
events = context.socket(zmq.PUB)
events.sndhwm = 0
events.bind(pub_endpoint)
last, swept = {}, time.monotonic()
while True:
    heartbeats.poll(10)
    now = time.monotonic()
    try:
        for _ in range(1000):
            body = msgpack.unpackb(heartbeats.recv(zmq.DONTWAIT), raw=True)
            for user in body if isinstance(body, list) else (body,):
                last.pop(user, None)  # the newest are at the end
                last[user] = now
    except zmq.Again:
        pass
    if now - swept >= 0.01:
        swept, gone = now, []
        for user, at in last.items():
            if at + ttl > now:
                break
            gone.append(user)
        for user in gone:
            del last[user]
        if gone:
            events.send(b"".join(gone))
