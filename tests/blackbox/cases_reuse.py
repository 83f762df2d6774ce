"""A store that is written to many times over: old bytes make room for new ones, for ever.

CREEL_SPACE_MIB (192) and CREEL_SPACE_TIMES (3) set the store's size and how often that much is written.
"""
import os
import random
import time

from harness import case, check, code_of, equal, pattern

SEGMENT = 8 << 20


def segment_bytes_on_disk(folder):
    where = os.path.join(folder, "seg")
    return sum(os.path.getsize(os.path.join(where, name)) for name in os.listdir(where))


@case()
def case_written_many_times_over(t):
    """Overwrites and deletes of small and large objects, with kills: bounded, and nothing is lost."""
    size = int(os.environ.get("CREEL_SPACE_MIB", "192")) << 20
    times = int(os.environ.get("CREEL_SPACE_TIMES", "3"))
    chance = random.Random(int(os.environ.get("CREEL_SEED", "7"), 0))
    server = t.own_server(config=f"[store]\nsegment_bytes = {SEGMENT}\nbytes = {size}\n")
    server.start()
    client = server.client()
    client.create_bucket(Bucket="reuse")
    kept, live, written, refused, kills = {}, 0, 0, 0, 0
    most = 0
    while written < times * size:
        key = f"k{chance.randrange(400):03d}"
        if key in kept and (live > size * 45 // 100 or chance.random() < 0.1):
            equal(code_of(client.delete_object, Bucket="reuse", Key=key), ("", 204))
            live -= kept.pop(key)[0]
            continue
        length = chance.choice((20_000, 150_000, 700_000, 3_000_000))
        if live + length > size // 2:
            continue
        number = chance.randrange(1 << 30)
        code = code_of(client.put_object, Bucket="reuse", Key=key, Body=pattern(length, number))
        if code == ("InsufficientStorage", 507):  # The cleaner is behind: as any client, later again.
            refused += 1
            check(refused < 2000, "room comes back", refused)
            time.sleep(0.2)
            continue
        equal(code, ("", 200), key)
        live += length - (kept[key][0] if key in kept else 0)
        kept[key] = (length, number)
        written += length
        most = max(most, segment_bytes_on_disk(server.data[0]))
        if written > (kills + 1) * times * size // 3:
            kills += 1
            server.kill()
            server.start()
            client = server.client()
    check(most <= size, "never more than the store may take", most, size)
    for key, (length, number) in kept.items():
        check(client.get_object(Bucket="reuse", Key=key)["Body"].read() == pattern(length, number), "as acknowledged", key)
    server.check_alive()
    t.note(f"{written >> 20} MiB through {size >> 20} MiB, {live >> 20} MiB alive, {refused} times refused, {kills} kills")
