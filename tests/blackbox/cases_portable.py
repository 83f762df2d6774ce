"""A drive moves between a 32-bit and a 64-bit machine and back: the log is the same, the index is made again."""
import os
import shutil

from harness import Raw, Skip, case, check, equal, pattern

# Small segments: a start reads little, and several of them hold the objects.
CONFIG = "[log]\nrequests = false\n[store]\nsegment_bytes = 8388608\n"
SIZES = (0, 1, 4096, 70_000, 262_144, 300_000, 1_500_000)


def foreign_program():
    """(runner, program) of the 32-bit build; skips when it is not there."""
    program = os.environ.get("CREEL_ARMHF_BIN")
    if not program:
        raise Skip("not run: CREEL_ARMHF_BIN names no armhf build (`./dev cross armhf` does)")
    runner = os.environ.get("CREEL_ARMHF_RUNNER", "")
    if runner and not shutil.which(runner):
        raise Skip(f"not run: {runner} is missing")
    return ([runner] if runner else []), os.path.abspath(program)


def ask(raw, method, path, body=b""):
    raw.request(method, path, {"Content-Length": str(len(body))}, body)
    return raw.answer()


def write(raw, model, tag):
    for number, size in enumerate(SIZES):
        path = f"/travel/{tag}/{number}"
        model[path] = pattern(size, len(model) + 1)
        equal(ask(raw, "PUT", path, model[path]).status, 200, f"PUT {path}")
    gone = sorted(model)[len(model) // 2]
    equal(ask(raw, "DELETE", gone).status, 204, f"DELETE {gone}")
    model[gone] = None


def compare(raw, model):
    for path, body in model.items():
        answer = ask(raw, "GET", path)
        equal(answer.status, 404 if body is None else 200, f"GET {path}")
        check(body is None or answer.body == body, f"the bytes of {path}")


@case()
def a_drive_travels_between_word_sizes(t):
    runner, program = foreign_program()
    folder, model = t.ground.folder("travel"), {}
    stays = (("armhf", program, runner), ("native", t.ground.binary, []), ("armhf again", program, runner),
             ("native again", t.ground.binary, []))
    for turn, (name, binary, through) in enumerate(stays):
        server = t.own_server(folder=folder, config=CONFIG)
        server.binary, server.runner = binary, through
        offset = os.path.getsize(server.log_path) if os.path.exists(server.log_path) else 0
        server.start()
        said = server.log(offset)
        check("with pages of 4096 bytes" in said, f"{name}: it names LMDB and its page size", said[-600:])
        if turn > 0:
            check("the index is rebuilt" in said, f"{name}: it says that the index is rebuilt", said[-600:])
        with Raw(server) as raw:
            if turn == 0:
                equal(ask(raw, "PUT", "/travel").status, 200, "the bucket")
            compare(raw, model)
            write(raw, model, name.replace(" ", "-"))
            compare(raw, model)
        if turn % 2 == 0:
            equal(server.stop()[0], 0, f"{name} stops in order")
        else:
            server.kill()
